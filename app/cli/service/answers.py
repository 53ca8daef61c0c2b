"""Answers of the API, as far as the command line shows them.

Other fields are ignored, so that a newer service may send more.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, Field

Json: TypeAlias = dict[str, Any]
"""A JSON object as the API sent it; `Any` because that is what JSON is."""

Status = Literal["queued", "running", "paused", "cancelling", "cancelled", "succeeded", "failed"]
ENDED: frozenset[Status] = frozenset({"cancelled", "succeeded", "failed"})
UNFINISHED: tuple[Status, ...] = ("running", "queued", "paused")
"""Statuses of a run that the same command continues."""


class Answer(BaseModel, frozen=True):
    """Base class of the answers."""


class SeedSet(Answer):
    """A stored seed set."""

    id: str
    task_count: int
    classification_count: int = 0


class Progress(Answer):
    """Progress of a run."""

    accepted: int = 0
    target: int = 0
    acceptance_rate: float | None = None
    complete: int | None = None
    """Accepted instructions that have all their instances."""
    instances: int = 0
    calls_in_air: int = 0
    tokens_per_s: float | None = None
    time_left_s: float | None = None


class StageCounts(Answer):
    """The model calls of one stage."""

    open: int = 0
    in_air: int = 0
    done: int = 0
    dead: int = 0


class Funnel(Answer):
    """Counts of everything that a run asked for, by outcome."""

    asked: int = 0
    parsed: int = 0
    rejected: Mapping[str, int] = Field(default_factory=dict)
    accepted: int = 0
    classification: int = 0
    not_classification: int = 0
    unknown: int = 0
    instances_rejected: Mapping[str, int] = Field(default_factory=dict)
    instances: int = 0
    rows: int | None = None


class Tokens(Answer):
    """Tokens used."""

    prompt: int = 0
    completion: int = 0


class StageEstimate(Answer):
    """Expected use of one stage."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Estimate(StageEstimate):
    """Expected use and cost of a run."""

    cost_usd: str | None = None
    stages: Mapping[str, StageEstimate] = Field(default_factory=dict)
    from_experience: bool = False
    as_sent: Json = Field(default_factory=dict, repr=False)


class Event(Answer):
    """An event of a run, or its progress between events."""

    id: int | None = None
    """None for progress, which is not stored."""
    kind: str
    data: Json
    at: datetime | None = None


class Run(Answer):
    """A run."""

    id: str
    status: Status
    stage: str | None = None
    end_reason: str | None = None
    message: str | None = None
    created_at: datetime | None = None
    seed_set_id: str | None = None
    dataset_id: str | None = None
    """Data set whose rows it reviews; None for a run that grows seeds."""
    profile: str = "default"
    model: str | None = None
    options: Mapping[str, object] = Field(default_factory=dict)
    progress: Progress = Progress()
    stages: Mapping[str, StageCounts] = Field(default_factory=dict)
    funnel: Funnel = Funnel()
    tokens: Tokens = Tokens()
    cost_usd: str | None = None
    training_job_ids: tuple[str, ...] = ()
    as_sent: Json = Field(default_factory=dict, repr=False)
    """The whole answer, as the service sent it."""

    @property
    def ended(self) -> bool:
        """True when its status is final."""
        return self.status in ENDED

    @property
    def at_rest(self) -> bool:
        """True when it does not change unless a person acts."""
        return self.ended or self.status == "paused"

    @property
    def target_met(self) -> bool:
        """True when it ended with its target met."""
        return self.status == "succeeded" and self.end_reason in {None, "target_met"}


class Dataset(Answer):
    """A version of a data set."""

    id: str
    name: str
    version: int
    state: str
    message: str | None = None
    row_count: int = 0
    dropped_count: int = 0
    content_sha256: str | None = None
    created_at: datetime | None = None
    as_sent: Json = Field(default_factory=dict, repr=False)

    @property
    def at_rest(self) -> bool:
        """True when it is made, or has failed."""
        return self.state in {"ready", "failed"}


class TrainingJob(Answer):
    """A training job or an evaluation."""

    id: str
    kind: str = "training"
    dataset_id: str | None = None
    run_id: str | None = None
    status: str
    message: str | None = None
    step: int = 0
    steps: int | None = None
    loss: float | None = None
    options: Json = Field(default_factory=dict)
    created_at: datetime | None = None
    log_tail: str = ""
    evaluation: Json | None = None
    as_sent: Json = Field(default_factory=dict, repr=False)

    @property
    def ended(self) -> bool:
        """True when it has ended; it may still be resumed."""
        return self.status in ENDED

    @property
    def at_rest(self) -> bool:
        """True when it does not change unless a person acts."""
        return self.ended

    @property
    def trains_here(self) -> bool:
        """True when it trains a model that the service keeps."""
        return self.kind == "training" and self.where == "here"

    @property
    def where(self) -> str:
        """Where it trains: `here`, or the name of another program."""
        return str(self.options.get("where", "here"))

    @property
    def chats(self) -> bool:
        """True when its model writes answers; a classifier does not."""
        return self.trains_here and self.options.get("task", "answers") == "answers"

    @property
    def method(self) -> str:
        """Name of the tuning method; empty for an evaluation."""
        method = self.options.get("method")
        return str(method.get("name")) if isinstance(method, dict) else ""

    @property
    def base_model(self) -> str:
        """Model that is trained, or evaluated alone."""
        return str(self.options.get("base_model", ""))

    @property
    def words(self) -> list[str]:
        """Findings of its evaluation, as sentences."""
        words = (self.evaluation or {}).get("words")
        return [str(each) for each in words] if isinstance(words, list) else []


class TrainingOutput(Answer):
    """An output file of a training job."""

    name: str
    """Path below the output folder."""
    sha256: str
    size_bytes: int
