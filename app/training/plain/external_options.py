"""Option values that LLaMA-Factory and Axolotl share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.training.plain.option_groups import MethodOptions, ScheduleOptions

Side: TypeAlias = Literal["train", "held_out", "general"]
_QUERY_AND_VALUE = ("q_proj", "v_proj")
"""Module names of Llama and most later families; the family is unknown without the model."""


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """The row files of an external training; all have one format."""

    format_name: str
    """One of `app.formats.hub.trainers.FORMAT_NAMES`."""
    files: Mapping[Side, str]
    """Paths relative to the configuration; a side without rows is missing."""
    sequences: int
    """Number of training sequences; an estimate with packing, because tokens were not counted."""
    with_turns: bool = False
    """True when a column holds earlier turns."""


@dataclass(frozen=True, slots=True)
class BatchSplit:
    """A batch as equal micro-batches."""

    micro_batch: int
    accumulation_steps: int
    """Micro-batches per optimizer step (gradient accumulation)."""


def split_batch(schedule: ScheduleOptions) -> BatchSplit:
    """Split a batch into equal micro-batches of at most `schedule.micro_batch` sequences."""
    limit = min(schedule.micro_batch, schedule.batch)
    micro_batch = next(size for size in range(limit, 0, -1) if schedule.batch % size == 0)
    return BatchSplit(micro_batch, schedule.batch // micro_batch)


def warmup_steps_for(schedule: ScheduleOptions, sequences: int) -> int:
    """Return the number of warm-up steps; not every version has a key for the share."""
    steps = schedule.steps or math.ceil(schedule.epochs * sequences / schedule.batch)
    return int(schedule.warmup_share * steps)


def target_names(method: MethodOptions) -> Sequence[str] | None:
    """Return the names of the modules to adapt, or None for all linear layers."""
    if method.targets == "all linear" or (method.targets is None and method.name == "qlora"):
        return None
    if method.targets is None or method.targets == "q and v":
        return _QUERY_AND_VALUE
    return method.targets


def scheduler_name(schedule: ScheduleOptions) -> str:
    """Return the name that transformers uses for the learning rate schedule."""
    return "constant_with_warmup" if schedule.shape == "constant" else schedule.shape
