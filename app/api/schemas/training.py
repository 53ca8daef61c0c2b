"""What the API answers with about training jobs."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.evaluation.result import Evaluation
from app.services.training.contract import JobKind
from app.states import Status


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class TrainingJobSummary(_View):
    """A training job, without its log and its evaluation."""

    id: str
    kind: JobKind
    dataset_id: str | None
    """Null while the run makes it."""
    run_id: str | None
    """The run whose rows it learns, where it was given a run."""
    options: dict[str, Any]
    status: Status
    message: str | None
    """Why it failed, or was cancelled by something other than a person."""
    step: int
    """The last one that was told; after a death it goes on from the last checkpoint."""
    steps: int | None
    """Of the whole training; null: not known yet."""
    loss: float | None
    learning_rate: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class TrainingJobView(TrainingJobSummary):
    """A training job."""

    log_tail: str
    """The end of its log."""
    evaluation: Evaluation | None
    """Null until it has succeeded, or where nothing was held out."""


class OutputView(_View):
    """A file that a training job left."""

    name: str
    """To be put behind the address of the outputs."""
    sha256: str
    size_bytes: int
