"""What goes into an evaluation, as plain values: held-out tasks and what a model made of them.

Whoever runs the model, by torch or over an endpoint, fills these; nothing here knows how.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from app.record import DatasetRow, Record


@dataclass(frozen=True, slots=True)
class HeldOutTask:
    """A row that no model was trained on; its output is the reference."""

    id: str
    """Ties answers to tasks; unique within an evaluation."""
    record: Record
    is_classification: bool = False
    """Whether the reference is one of a few labels, so that exact match means something."""

    @property
    def reference(self) -> str:
        """What is to be answered."""
        return self.record.output

    @classmethod
    def of(cls, row: DatasetRow) -> Self:
        """Take a data set's row, known by its position."""
        return cls(str(row.position), row.record, is_classification=row.is_classification is True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model made of one task."""

    task_id: str
    text: str | None
    """What it answered by itself; None: it was not asked for an answer, or gave none."""
    log_probabilities: tuple[float, ...] | None = None
    """Natural logarithm of the probability it gives each token of the reference (and the end of
    sequence, where that is trained), or of its label, by a model that tells labels; None: not
    measured."""
    reference_bytes: int | None = None
    """UTF-8 bytes that those tokens write; None: not known, as of a label, or of a reference that
    was cut to the model's length."""
    cut_off: bool = False
    """Whether the length limit ended it."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A model under evaluation with its answers, in any order; a task without one is unanswered."""

    name: str
    """As the reader knows it, such as ``SmolLM2-135M`` or ``adapter_...``."""
    answers: tuple[Answer, ...]

    def by_task(self) -> dict[str, Answer]:
        """Return the answers by their tasks' ids."""
        return {answer.task_id: answer for answer in self.answers}

    def texts(self, tasks: Iterable[HeldOutTask]) -> list[str]:
        """Return what it answered each task; nothing where it is unanswered."""
        answers = self.by_task()
        found = (answers.get(task.id) for task in tasks)
        return ["" if answer is None else answer.text or "" for answer in found]
