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
    made_by: str | None = None
    """The id of the API key that made it, which may change it; null: it was made without one."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Return True when the job is cancelled, succeeded or failed."""
        return self.status in FINAL

    @property
    def at_rest(self) -> bool:
        """Return True when nothing happens to the job until a person acts."""
        return self.ended

    @property
    def where(self) -> str:
        """Return where the model is trained: `here`, or the name of another program."""
        return str(self.options.get("where", "here"))

    @property
    def trains_here(self) -> bool:
        """Return True when the job trains a model that the service keeps."""
        return self.kind == "training" and self.where == "here"

    @property
    def has_chat(self) -> bool:
        """Return True when the trained model writes answers; a classifier does not."""
        return self.trains_here and self.options.get("task", "answers") == "answers"

    @property
    def method(self) -> str:
        """Return the name of the tuning method; empty for an evaluation."""
        method = self.options.get("method")
        return str(method.get("name")) if isinstance(method, dict) else ""

    @property
    def base_model(self) -> str:
        """Return the name of the model that is trained, or evaluated alone."""
        return str(self.options.get("base_model", ""))


class TrainingJobView(TrainingJobSummary):
    """A training job with its log and its evaluation."""

    log_tail: str
    """The end of its log."""
    evaluation: Evaluation | None
    """Null until the job has succeeded, or when no rows were held out."""

    @property
    def findings(self) -> list[str]:
        """Return the findings of the evaluation, as sentences."""
        return [] if self.evaluation is None else self.evaluation.words


class OutputView(Schema):
    """A file that a training job produced."""

    name: str
    """Path of the file, relative to the address of the outputs."""
    sha256: str
    size_bytes: int
