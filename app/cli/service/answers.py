"""What the API answers, as far as the command line shows it.

Fields that are not here are let through unread: a newer service may say more.
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
"""Statuses of a run that the same command takes up again."""


class Answer(BaseModel, frozen=True):
    """Parent of what the API answers."""


class SeedSet(Answer):
    """A stored seed set."""

    id: str
    task_count: int
    classification_count: int = 0


class Progress(Answer):
    """How far a run is."""

    accepted: int = 0
    target: int = 0
    acceptance_rate: float | None = None
    complete: int | None = None
    """Accepted instructions whose instances are all there."""
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
    """What became of everything that was asked for."""

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
    """Tokens paid for."""

    prompt: int = 0
    completion: int = 0


class StageEstimate(Answer):
    """What the calls of one stage are guessed to take."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Estimate(StageEstimate):
    """What a run is guessed to take."""

    cost_usd: str | None = None
    stages: Mapping[str, StageEstimate] = Field(default_factory=dict)
    from_experience: bool = False
    as_sent: Json = Field(default_factory=dict, repr=False)


class Event(Answer):
    """Something that happened to a run, or between that how far it is."""

    id: int | None = None
    """None of progress, which is not stored."""
    kind: str
    data: Json
    at: datetime | None = None


class Run(Answer):
    """A run as the API describes it."""

    id: str
    status: Status
    stage: str | None = None
    end_reason: str | None = None
    message: str | None = None
    created_at: datetime | None = None
    seed_set_id: str | None = None
    dataset_id: str | None = None
    """The version whose rows it reviews; None of a run that grows."""
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
    """All of it, as the service sent it."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED

    @property
    def at_rest(self) -> bool:
        """Whether nothing happens to it unless a person does something."""
        return self.ended or self.status == "paused"

    @property
    def target_met(self) -> bool:
        """Whether it ended as it was meant to."""
        return self.status == "succeeded" and self.end_reason in {None, "target_met"}


class Dataset(Answer):
    """A version of a data set as the API describes it."""

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
    def ended(self) -> bool:
        """Whether it is made, or will never be."""
        return self.state in {"ready", "failed"}


class TrainingJob(Answer):
    """A job that tunes or measures a model, as the API describes it."""

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
        """Whether nothing more will happen to it, unless it is resumed."""
        return self.status in ENDED

    @property
    def at_rest(self) -> bool:
        """Whether nothing happens to it unless a person does something."""
        return self.ended

    @property
    def tunes_here(self) -> bool:
        """Whether a model comes of it that is kept by the service."""
        return self.kind == "training" and self.where == "here"

    @property
    def where(self) -> str:
        """Who tunes: a worker of the service, or another program."""
        return str(self.options.get("where", "here"))

    @property
    def chats(self) -> bool:
        """Whether what it tunes can be talked to, which an encoder cannot."""
        return self.tunes_here and self.options.get("task", "answers") == "answers"

    @property
    def method(self) -> str:
        """The method's name; empty of an evaluation."""
        method = self.options.get("method")
        return str(method.get("name")) if isinstance(method, dict) else ""

    @property
    def base_model(self) -> str:
        """What is tuned, or measured alone."""
        return str(self.options.get("base_model", ""))

    @property
    def words(self) -> list[str]:
        """What its evaluation says."""
        said = (self.evaluation or {}).get("words")
        return [str(each) for each in said] if isinstance(said, list) else []


class TrainingOutput(Answer):
    """A file that a training job left."""

    name: str
    """With the folders that it lies in."""
    sha256: str
    size_bytes: int
