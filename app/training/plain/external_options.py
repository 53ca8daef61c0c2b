"""What other trainers are told, the same to all of them. Imports no torch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.training.plain.options import MethodOptions, ScheduleOptions

Side: TypeAlias = Literal["learnt", "held_out", "general"]
_QUERY_AND_VALUE = ("q_proj", "v_proj")
"""As Llama and most models since have them; without the model nobody knows its family."""


@dataclass(frozen=True, slots=True)
class Handover:
    """The files with the rows; all have one format."""

    format_name: str
    """One of `app.formats.hub.trainers.FORMAT_NAMES`."""
    files: Mapping[Side, str]
    """Their paths beside the configuration. A side without rows has none."""
    sequences: int
    """How many there are to learn; with packing an estimate, as nobody has counted tokens."""
    with_turns: bool = False
    """Whether a column holds the earlier turns."""


@dataclass(frozen=True, slots=True)
class Portions:
    """A batch in parts that fit into memory."""

    at_once: int
    accumulated: int
    """So many parts make one update."""


def portions_of(schedule: ScheduleOptions) -> Portions:
    """Part a batch evenly, as other trainers want it: parts of at most `micro_batch`."""
    most = min(schedule.micro_batch, schedule.batch)
    at_once = next(size for size in range(most, 0, -1) if schedule.batch % size == 0)
    return Portions(at_once, schedule.batch // at_once)


def warmup_steps_of(schedule: ScheduleOptions, sequences: int) -> int:
    """Count the steps of the warm-up, as a share of them has no key that all versions know."""
    steps = schedule.steps or math.ceil(schedule.epochs * sequences / schedule.batch)
    return int(schedule.warmup_share * steps)


def targets_named(method: MethodOptions) -> Sequence[str] | None:
    """The names of the modules to adapt; None: all linear ones."""
    if method.targets == "all linear" or (method.targets is None and method.name == "qlora"):
        return None
    if method.targets is None or method.targets == "q and v":
        return _QUERY_AND_VALUE
    return method.targets


def scheduler_of(schedule: ScheduleOptions) -> str:
    """The shape by the name that transformers has for it."""
    return "constant_with_warmup" if schedule.shape == "constant" else schedule.shape
