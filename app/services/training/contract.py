"""The interface between a training job and a trainer; everything with torch is behind `Trainer`.

`app.training` implements it, and is installed only on workers with the training extra.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from app.dataset_row import DatasetRow
from app.evaluation.answers import Contender, HeldOutTask
from app.evaluation.evaluation_result import Evaluation, ProgressPoint
from app.states import JobKind


@dataclass(frozen=True, slots=True)
class RowSource:
    """A version of a data set as a source of rows."""

    name: str
    """Name and version, as shown in reports."""
    read: Callable[[], Iterator[DatasetRow]]
    """Returns its rows in order; may be called again."""
    made_of: Mapping[str, str] = field(default_factory=dict)
    """Names of the runs and versions that its rows were taken from, by their ids."""

    def source_of(self, row: DatasetRow) -> str:
        """Return the name of the run or version that a row was taken from; empty: unknown."""
        taken_from = row.origin.get("dataset_id") or row.origin.get("run_id") or ""
        return self.made_of.get(taken_from, "")


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """The input of a trainer, and the folders for its files."""

    job_id: str
    kind: JobKind
    options: Mapping[str, Any]
    """Validated when the job was posted; `app.training.plain.options` has the fields."""
    dataset: RowSource
    other_datasets: Mapping[str, RowSource]
    """The other data sets that the options name, by id."""
    folder: Path
    """Folder of the job, with the checkpoints of an earlier process to resume from. Files in its
    subfolder ``outputs`` are kept and offered for download."""
    cache: Path
    """Folder shared by all jobs of a machine."""
    tuned_outputs: Path | None = None
    """Outputs of the job that tuned the model to evaluate; None without one."""
    judge: "Judge | None" = None
    """Judges the answers after the evaluation; None: no judge."""
    was_trained_on_dataset: bool = False
    """True when that job trained on this version, so that only its held-out rows may be used."""
    day: date | None = None
    """The day on which the job was created, for chat templates that write a date; None: today."""


class TrainingMonitor(Protocol):
    """Receives progress from a trainer, and tells it when to stop."""

    def step(self, point: ProgressPoint, steps: int | None) -> None:
        """Report a finished step and the total number of steps; cheap, it writes nothing itself."""

    def log(self, line: str) -> None:
        """Add a line to the log of the job."""

    def stop(self) -> bool:
        """Return True when the trainer must save a checkpoint and return; called each step."""


class Judge(Protocol):
    """Compares the answers of base and tuned model; an earlier judgement is not paid for again."""

    def __call__(
        self,
        evaluation: Evaluation,
        tasks: Sequence[HeldOutTask],
        models: Sequence[Contender],
        monitor: TrainingMonitor,
    ) -> Evaluation | None:
        """Add the judgements to an evaluation; return None when the monitor asked to stop.

        A question that cannot be asked is recorded in the evaluation and does not fail the job.
        """


@dataclass(frozen=True, slots=True)
class TrainerResult:
    """The result of a trainer."""

    is_complete: bool
    """False when it was asked to stop; its checkpoint has the progress."""
    evaluation: Evaluation | None = None


class Trainer(Protocol):
    """Trains until done or asked to stop, from the last checkpoint or from the start.

    Raises an `app.errors.SeedbedError` with one clear reason, such as a missing model or a loss
    that is not finite; anything else is a defect.
    """

    def __call__(self, work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        """Run the job; safe to repeat with the same folder."""
