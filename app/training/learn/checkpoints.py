"""Where tuning stands, in one file that is whole or absent, and from which it goes on the same."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from app.atomic_files import written
from app.errors import Conflict, SeedbedError
from app.training.learn.examples import Lessons
from app.training.plain.library_types import Model
from app.training.plain.options import TrainingOptions

KEPT = 2
"""The last one, and the one before it."""
_ALLOCATED = ("ipt", "exp_avg_ipt", "exp_avg_unc")
"""What AdaLoRA remembers of each matrix's importance."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a step depends on, beside the rows and the options."""

    step: int
    """Updates made."""
    losses: Sequence[float]
    """Of each of them."""
    tuned: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]
    random: Mapping[str, torch.Tensor]
    """The state of the generators, by device."""
    ranks: Mapping[str, Any]
    """What AdaLoRA remembers; empty of the others."""


def fingerprint(options: TrainingOptions, lessons: Lessons) -> str:
    """Tell apart what must not be mixed: other options or other rows."""
    digest = hashlib.sha256(options.model_dump_json().encode())
    for sequence in lessons.sequences:
        digest.update(repr(sequence).encode())
    return digest.hexdigest()


def random_states() -> Mapping[str, torch.Tensor]:
    """The state of the generators that dropout draws from."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_states(states: Mapping[str, torch.Tensor]) -> None:
    """Let the generators go on from a state."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def save(folder: Path, checkpoint: Checkpoint, mark: str) -> Path:
    """Write a checkpoint; those before the last but one are removed when it is there.

    Raises:
        OutOfSpace: when the disk is full; the earlier ones are whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"checkpoint-{checkpoint.step:08d}.pt"
    content = {
        "mark": mark,
        "step": checkpoint.step,
        "losses": list(checkpoint.losses),
        "tuned": dict(checkpoint.tuned),
        "optimizer": checkpoint.optimizer,
        "random": dict(checkpoint.random),
        "ranks": dict(checkpoint.ranks),
    }
    with written(path) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # torch tells of its own archive that could not be ended, on top of why.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
    for older in _paths(folder)[:-KEPT]:
        older.unlink(missing_ok=True)
    return path


def latest(folder: Path, mark: str) -> Checkpoint | None:
    """The last checkpoint that can be read, or None where there is no checkpoint.

    Raises:
        Conflict: when it belongs to other rows or options.
        SeedbedError: when there are checkpoints, and none can be read.
    """
    trouble: Exception | None = None
    for path in reversed(_paths(folder)):
        try:
            content = torch.load(path, weights_only=True, map_location="cpu")
        except Exception as error:  # noqa: BLE001 - what is damaged fails in any way there is
            # A disk may lose what it said it had written; the one before was written before.
            trouble = trouble or error
            continue
        if content.pop("mark") != mark:
            raise Conflict(
                f"{path.name} belongs to tuning with other rows or options; it is left as it is."
            )
        return Checkpoint(**content)
    if trouble is not None:
        told = f"No checkpoint in {folder} can be read ({trouble}); without them it begins anew."
        raise SeedbedError(told) from trouble
    return None


def tuned_weights(model: Model) -> Mapping[str, torch.Tensor]:
    """The parameters that are tuned, by name."""
    return {name: one.detach() for name, one in model.named_parameters() if one.requires_grad}


def set_tuned_weights(model: Model, weights: Mapping[str, torch.Tensor]) -> None:
    """Put parameters in their places."""
    with torch.no_grad():
        for name, one in tuned_weights(model).items():
            one.copy_(weights[name])


def rank_memory(model: Model) -> Mapping[str, Any]:
    """What AdaLoRA must remember beside the weights."""
    allocator = getattr(getattr(model, "base_model", None), "rankallocator", None)
    if allocator is None:
        return {}
    kept: dict[str, Any] = {name: dict(getattr(allocator, name)) for name in _ALLOCATED}
    pattern = model.active_peft_config.rank_pattern or {}
    return kept | {"pattern": {name: list(kept_) for name, kept_ in pattern.items()}}


def set_rank_memory(model: Model, memory: Mapping[str, Any]) -> None:
    """Put back what `rank_memory` told."""
    if not memory:
        return
    device = next(model.parameters()).device
    for name in _ALLOCATED:
        there = {matrix: value.to(device) for matrix, value in memory[name].items()}
        setattr(model.base_model.rankallocator, name, there)
    if memory["pattern"]:
        model.active_peft_config.rank_pattern = dict(memory["pattern"])


def _paths(folder: Path) -> Sequence[Path]:
    return sorted(folder.glob("checkpoint-*.pt"))
