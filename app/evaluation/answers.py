"""Input of an evaluation: held-out tasks, and the answers of a model to them.

The code that runs the model, by torch or over an endpoint, creates these values.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from app.dataset_row import DatasetRow, Record


@dataclass(frozen=True, slots=True)
class HeldOutTask:
    """A row that no model was trained on; its output is the reference."""

    id: str
    """Assigns answers to tasks; unique within an evaluation."""
    record: Record
    is_classification: bool = False
    """True when the reference is one of a few labels, so that exact match is meaningful."""
    source: str = ""
    """Source of the row in its data set, as shown to readers; empty: unknown."""

    @property
    def reference(self) -> str:
        """The expected answer."""
        return self.record.output

    @classmethod
    def of(cls, row: DatasetRow, source: str = "") -> Self:
        """Make a task of a data set's row; its id is the row's position."""
        is_classification = row.is_classification is True
        return cls(str(row.position), row.record, is_classification, source)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a model to one task."""

    task_id: str
    text: str | None
    """The generated answer; None: no answer was requested or given."""
    log_probabilities: tuple[float, ...] | None = None
    """Natural logarithm of the probability of each token of the reference (and of the end of
    sequence, if it is trained), or of the label, for a classifier; None: not measured."""
    reference_bytes: int | None = None
    """UTF-8 bytes of those tokens; None: unknown, as for a label or a truncated reference."""
    cut_off: bool = False
    """True when the length limit truncated it."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A model under evaluation with its answers, in any order; tasks may be unanswered."""

    name: str
    """Name shown to readers, such as ``SmolLM2-135M`` or ``adapter_...``."""
    answers: tuple[Answer, ...]

    def by_task(self) -> dict[str, Answer]:
        """Return the answers by task id."""
        return {answer.task_id: answer for answer in self.answers}

    def texts(self, tasks: Iterable[HeldOutTask]) -> list[str]:
        """Return the answer to each task, in order; an empty text where there is none."""
        answers = self.by_task()
        found = (answers.get(task.id) for task in tasks)
        return ["" if answer is None else answer.text or "" for answer in found]
