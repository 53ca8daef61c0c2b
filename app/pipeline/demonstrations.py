"""Choice of the demonstrations in a generation prompt (paper, 2.2: 6 seeds, 2 generated).

Machine-made ones come first into the draw; while there are too few of them, seeds take their
places. The draw depends on the random seed, the ticket and the sizes of the pool alone.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from app.pipeline.types import Instance


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An instruction shown in a prompt; `instance` only where the profile shows one."""

    instruction: str
    instance: Instance | None = None
    is_classification: bool | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """One demonstration by its place: in the seed set, or among the accepted instructions."""

    origin: str
    """``seed`` or ``machine``."""
    position: int
    """0-based: the seed's position, or the accepted instruction's sequence number."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The wanted demonstrations of a generation prompt."""

    seeds: int = 6
    """Number of seeds when there are enough accepted instructions."""
    machine_made: int = 2
    """Maximum number of accepted instructions."""
    classification_share: float | None = None
    """Wanted share of classification tasks among the seeds shown; None: random."""


def draw_demonstrations(
    ticket: int,
    *,
    random_seed: int,
    seed_is_classification: Sequence[bool],
    machine_made: int,
    mix: Mix,
) -> tuple[Drawn, ...]:
    """Draw the demonstrations of one generation prompt, in the order they are shown.

    Args:
        ticket: number of the generation call within its run, from 0.
        random_seed: the run's.
        seed_is_classification: one for each seed task of the run, in order.
        machine_made: how many instructions are accepted so far.
        mix: what the prompt is to show.
    """
    rng = random.Random(f"{random_seed}/{ticket}")
    machine = rng.sample(range(machine_made), min(mix.machine_made, machine_made))
    places = mix.seeds + mix.machine_made - len(machine)
    seeds = _draw_seeds(rng, seed_is_classification, places, mix.classification_share)
    drawn = [Drawn("machine", n) for n in machine] + [Drawn("seed", n) for n in seeds]
    rng.shuffle(drawn)
    return tuple(drawn)


def _draw_seeds(
    rng: random.Random, is_classification: Sequence[bool], places: int, share: float | None
) -> list[int]:
    everyone = range(len(is_classification))
    if share is None:
        return rng.sample(everyone, min(places, len(everyone)))
    # Rounded up or down at random, so that the share holds on average over many prompts.
    labelled_places = int(places * share + rng.random())
    labelled = [n for n in everyone if is_classification[n]]
    others = [n for n in everyone if not is_classification[n]]
    drawn = rng.sample(labelled, min(labelled_places, len(labelled)))
    drawn += rng.sample(others, min(places - len(drawn), len(others)))
    rest = [n for n in everyone if n not in drawn]
    return drawn + rng.sample(rest, min(places - len(drawn), len(rest)))
