"""Rows of a data set: one shape that every source is read into and every format is written from.

It holds a single task as Alpaca does (instruction, input, output), and a chat of several turns as
its last exchange with the earlier ones before it. So a rule on instruction, input and output
applies to both.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypedDict

SplitName: TypeAlias = Literal["train", "test"]
FieldName: TypeAlias = Literal[
    "instruction", "input", "output", "system", "history", "is_classification"
]


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier pair of turns of a chat."""

    user: str
    assistant: str


@dataclass(frozen=True, slots=True)
class Record:
    """One example that a model is trained on: instruction, input and the output it should give."""

    instruction: str
    output: str
    input: str = ""
    """Empty when the instruction needs none."""
    system: str = ""
    """The system message of a chat; empty: it has none."""
    history: tuple[Exchange, ...] = ()
    """The earlier turns of a chat, in order."""
    is_classification: bool | None = None
    """True when the output is one of a few labels; None: not known."""

    @property
    def request(self) -> str:
        """Return instruction and input as one message, as a chat has them."""
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction

    @property
    def characters(self) -> int:
        """Return the length of all its texts."""
        own = len(self.instruction) + len(self.input) + len(self.output) + len(self.system)
        return own + sum(len(one.user) + len(one.assistant) for one in self.history)


class Origin(TypedDict, total=False):
    """Provenance of a row: the keys of the run, the data set or the file that it came from.

    It is stored and exported as it is, key by key.
    """

    run_id: str
    """The run that gave it."""
    sequence: int
    """Of its instruction in that run; of a review the row's position."""
    instance: int
    """0-based place among the instances of its instruction."""
    completion_id: int
    """The reply that its instruction was read from."""
    instance_completion_id: int
    """The reply that its output was read from."""
    instance_mode: str
    """``input_first`` or ``output_first``, when its prompt was one of these."""
    dataset_id: str
    """The version that it was taken from, or that was reviewed."""
    position: int
    """Its place in that version."""
    grown_by: str
    """Of a reviewed row: the run that grew it."""
    review_run_id: str
    """The run whose decision on it is learnt."""
    row: int
    """1-based number of the row in the file that was imported."""
    line: int
    """1-based line of that file, where rows are lines."""


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A record at its position in a version of a data set, with its provenance."""

    position: int
    """0-based, without gaps."""
    record: Record
    split: SplitName = "train"
    origin: Origin = field(default_factory=Origin)
    changes: tuple[str, ...] = ()
    """The reasons why filters changed it."""

    @property
    def is_classification(self) -> bool | None:
        """True when the output is one of a few labels; None: not known."""
        return self.record.is_classification


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of a file that is not a record, with the reason; it is reported, never ignored."""

    reason: str
    """Such as ``not_json`` or ``missing_column``."""
    detail: str
    """The fault in words."""
    row: int
    """1-based number of the row in the file."""
    line: int | None = None
    """1-based line of the file, where rows are lines."""
    text: str = ""
    """Its beginning, at most 200 characters."""
