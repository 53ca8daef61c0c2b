"""The seam between a training job and whatever trains: everything torch is behind `Trainer`.

`app.training` fills it, which only workers with the training extra have.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.evaluation.result import Evaluation, ProgressPoint
from app.evaluation.values import Contender, HeldOutTask
from app.record import DatasetRow
from app.states import JobKind


@dataclass(frozen=True, slots=True)
class RowSource:
    """A version of a data set, to be read."""

    name: str
    """Name and version, as the reader of a report knows it."""
    read: Callable[[], Iterator[DatasetRow]]
    """Reads its rows in order, as often as it is called."""


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """What is to be trained or measured, and where what comes of it lies."""

    job_id: str
    kind: JobKind
    options: Mapping[str, Any]
    """As checked when the job was posted; `app.training.plain.options` has their fields."""
    dataset: RowSource
    others: Mapping[str, RowSource]
    """Of the other data sets that the options name, by id."""
    folder: Path
    """The job's own; checkpoints found in it are an earlier process's, to go on from. What is
    called ``outputs`` in it is kept and offered for download."""
    cache: Path
    """Shared by all jobs of a machine."""
    tuned: Path | None = None
    """What the job left that tuned the model to be measured; None: there is none."""
    judge: "Judge | None" = None
    """To be asked about the answers once they are measured; None: nobody judges."""
    has_learnt_it: bool = False
    """Whether that job tuned on this very version, so that only what it held out may be asked."""


class TrainingWatch(Protocol):
    """Whom a trainer tells what it does, and asks whether to go on."""

    def step(self, point: ProgressPoint, steps: int | None) -> None:
        """Tell of a step that is done, of so many; cheap, it writes nothing by itself."""

    def log(self, line: str) -> None:
        """Tell a person something."""

    def stop(self) -> bool:
        """Whether to save a checkpoint and return at once; asked after every step."""


class Judge(Protocol):
    """Compares the answers of a base and a tuned model; what it said once is not asked again."""

    def __call__(
        self,
        evaluation: Evaluation,
        tasks: Sequence[HeldOutTask],
        models: Sequence[Contender],
        watch: TrainingWatch,
    ) -> Evaluation | None:
        """Add what it says to an evaluation; None: the watch asked it to stop.

        What it cannot be asked is told in the evaluation, and fails no job.
        """


@dataclass(frozen=True, slots=True)
class Trained:
    """What a trainer returns."""

    is_whole: bool
    """False: it was asked to stop, and its checkpoint says how far it came."""
    evaluation: Evaluation | None = None


class Trainer(Protocol):
    """Trains from the last checkpoint on, or from the beginning, until done or asked to stop.

    Raises an `app.errors.SeedbedError` whose text is the one clear reason, such as a model that is
    not there or a loss that is no number; anything else is a defect.
    """

    def __call__(self, work: TrainingWork, watch: TrainingWatch) -> Trained:
        """Do it; safe to repeat with the same folder."""
