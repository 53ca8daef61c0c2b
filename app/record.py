"""A data set's row: the one shape that every source is read into and every format is written from.

It holds a single task as Alpaca does (instruction, input, output) and a chat of several turns as
its last exchange with the earlier ones before it, so a rule on instruction, input and output
applies to both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

SplitName: TypeAlias = Literal["train", "test"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier pair of turns of a chat."""

    user: str
    assistant: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a model is trained on: what is asked, what it is asked about, what is to be answered."""

    instruction: str
    output: str
    input: str = ""
    """Empty where the instruction needs none."""
    system: str = ""
    """What a chat's system message says; empty: it has none."""
    history: tuple[Exchange, ...] = ()
    """The earlier turns of a chat, in order."""

    @property
    def request(self) -> str:
        """Instruction and input as one message, as a chat puts them."""
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A record in its place in a version of a data set, with where it came from."""

    position: int
    """0-based, without gaps."""
    record: Record
    split: SplitName = "train"
    is_classification: bool | None = None
    """Whether the answer is one of a few labels; None: not known."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Of a run: ``{"run_id", "sequence", "instance", "completion_id", ...}``; of another data set:
    ``{"dataset_id", "position"}``; of a file: ``{"row"}``, its number in it."""
    changes: tuple[str, ...] = ()
    """The reasons for which filters mended it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of a file that is no record, with the reason: kept aside, never passed over."""

    reason: str
    """Such as ``not_json`` or ``missing_column``."""
    detail: str
    """What is wrong, in words."""
    row: int
    """1-based number of the row in the file."""
    line: int | None = None
    """1-based line of the file, where rows are lines."""
    text: str = ""
    """What it looked like, at most 200 characters."""
