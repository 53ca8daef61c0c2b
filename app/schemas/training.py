"""Training jobs and the files they produce."""

from datetime import datetime
from typing import Any

from app.evaluation.evaluation_result import Evaluation
from app.schemas.schema import Schema
from app.states import FINAL, JobKind, Status


class TrainingJobSummary(Schema):
    """A training job, without its log and its evaluation."""

    id: str
    kind: JobKind
    dataset_id: str | None
    """The data set version that it trains on or measures with; null while the run makes it."""
    run_id: str | None
    """The run whose rows it trains on; null when the job was given a data set."""
    options: dict[str, Any]
    status: Status
    message: str | None
    """Why it failed, or why the service cancelled it."""
    step: int
    """The last reported step; after a crash the job resumes from its last checkpoint."""
    steps: int | None
    """Steps of the whole training; null: not known yet."""
    loss: float | None
    """Training loss at that step."""
    learning_rate: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Return True when the job is cancelled, succeeded or failed."""
        return self.status in FINAL


class TrainingJobView(TrainingJobSummary):
    """A training job with its log and its evaluation."""

    log_tail: str
    """The end of its log."""
    evaluation: Evaluation | None
    """Null until the job has succeeded, or when no rows were held out."""


class OutputView(Schema):
    """A file that a training job produced."""

    name: str
    """Path of the file, relative to the address of the outputs."""
    sha256: str
    size_bytes: int
