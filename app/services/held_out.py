"""Which rows a model learns and on which it is measured, none of one side near one of the other."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.curation.options import SplitOptions
from app.curation.splitting import split
from app.evaluation.values import HeldOutTask
from app.record import DatasetRow, SplitName
from app.training.options import EvaluationOptions


@dataclass(frozen=True, slots=True)
class Parted:
    """A version's rows on their two sides."""

    learnt: Sequence[DatasetRow]
    held_out: Sequence[DatasetRow]


def parted(rows: Iterable[DatasetRow], options: EvaluationOptions, seed: int) -> Parted:
    """Take the version's own split, or make one; the same rows and seed give the same sides."""
    every = list(rows)
    sides: Sequence[SplitName] = [row.split for row in every]
    if "test" not in sides and options.held_out_share:
        sides = _drawn(every, options.held_out_share, seed)
    by_side = {
        side: [row for row, its in zip(every, sides, strict=True) if its == side]
        for side in ("train", "test")
    }
    return Parted(by_side["train"], by_side["test"])


def _drawn(rows: Sequence[DatasetRow], share: float, seed: int) -> Sequence[SplitName]:
    wanted = SplitOptions(test_share=share, seed=seed)
    drawn = split((row.record.instruction for row in rows), wanted)
    if not drawn.test_rows:
        # One instruction for many inputs, such as a classifier's rows have: they tell them apart.
        drawn = split((row.record.request for row in rows), wanted)
    return [drawn.side(place) for place in range(len(rows))]


def tasks_of(rows: Sequence[DatasetRow], most: int, seed: int) -> Sequence[HeldOutTask]:
    """Choose at most so many rows by the seed, in their order, as tasks."""
    places = range(len(rows))
    if len(rows) > most:
        places_chosen = random.Random(f"{seed}/tasks").sample(places, most)
        return [HeldOutTask.of(rows[place]) for place in sorted(places_chosen)]
    return [HeldOutTask.of(row) for row in rows]
