"""Checkpoints: the state of a training in one file that is written atomically."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from app.atomic_files import written
from app.errors import Conflict, SeedbedError
from app.later_options import later_options
from app.training.learn.examples import TrainingExamples
from app.training.plain.library_types import Model
from app.training.plain.options import TrainingOptions, is_later_option

KEPT = 2
"""Checkpoints to keep: the last one, and the one before it."""
_ALLOCATED = ("ipt", "exp_avg_ipt", "exp_avg_unc")
"""Importance scores that AdaLoRA's rank allocator keeps for each matrix."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state that the next step depends on, besides rows and options."""

    step: int
    """Optimizer steps made."""
    losses: Sequence[float]
    """Loss of each step, in nats."""
    tuned: Mapping[str, torch.Tensor]
    """Trained weights by name."""
    optimizer: Mapping[str, Any]
    random: Mapping[str, torch.Tensor]
    """Random generator states by device."""
    ranks: Mapping[str, Any]
    """State of AdaLoRA's rank allocator; empty for other methods."""


def fingerprint(options: TrainingOptions, examples: TrainingExamples) -> str:
    """Return a hash of options and rows; checkpoints of another fingerprint must not be resumed."""
    # A checkpoint of a version without these options can still be resumed.
    later = later_options(options, is_later_option)
    digest = hashlib.sha256(options.model_dump_json(exclude=later).encode())
    for sequence in examples.sequences:
        digest.update(repr(sequence).encode())
    return digest.hexdigest()


def random_states() -> Mapping[str, torch.Tensor]:
    """Return the states of the random generators that dropout uses."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_states(states: Mapping[str, torch.Tensor]) -> None:
    """Restore random generator states."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def save(folder: Path, checkpoint: Checkpoint, mark: str) -> Path:
    """Write a checkpoint, then delete all but the last two.

    Raises:
        OutOfSpace: the disk is full; earlier checkpoints are kept.
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
            # torch raises an error about its unfinished archive, which hides the cause.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
    for older in _paths(folder)[:-KEPT]:
        older.unlink(missing_ok=True)
    return path


def latest(folder: Path, mark: str) -> Checkpoint | None:
    """Return the last readable checkpoint, or None when there is no checkpoint.

    Raises:
        Conflict: it belongs to other rows or options.
        SeedbedError: there are checkpoints, but none is readable.
    """
    trouble: Exception | None = None
    for path in reversed(_paths(folder)):
        try:
            content = torch.load(path, weights_only=True, map_location="cpu")
        except Exception as error:  # noqa: BLE001 - what is damaged fails in any way there is
            # The disk may have lost the last write; the checkpoint before it is older and complete.
            trouble = trouble or error
            continue
        if content.pop("mark") != mark:
            raise Conflict(
                f"{path.name} belongs to a training with other rows or options; it was not changed."
            )
        return Checkpoint(**content)
    if trouble is not None:
        message = f"No checkpoint in {folder} can be read ({trouble}); delete them to start over."
        raise SeedbedError(message) from trouble
    return None


def tuned_weights(model: Model) -> Mapping[str, torch.Tensor]:
    """Return the trained parameters by name."""
    return {name: one.detach() for name, one in model.named_parameters() if one.requires_grad}


def set_tuned_weights(model: Model, weights: Mapping[str, torch.Tensor]) -> None:
    """Restore trained parameters."""
    with torch.no_grad():
        for name, one in tuned_weights(model).items():
            one.copy_(weights[name])


def rank_allocator_state(model: Model) -> Mapping[str, Any]:
    """Return what AdaLoRA must keep besides the weights; empty for other methods."""
    allocator = getattr(getattr(model, "base_model", None), "rankallocator", None)
    if allocator is None:
        return {}
    kept: dict[str, Any] = {name: dict(getattr(allocator, name)) for name in _ALLOCATED}
    pattern = model.active_peft_config.rank_pattern or {}
    return kept | {"pattern": {name: list(kept_) for name, kept_ in pattern.items()}}


def set_rank_allocator_state(model: Model, memory: Mapping[str, Any]) -> None:
    """Restore the result of `rank_allocator_state`."""
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
