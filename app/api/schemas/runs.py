"""What the API answers with."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from app.pipeline.options import RunOptions
from app.pipeline.types import Stage
from app.services.runs.events import RunProgress
from app.services.runs.view import BudgetView, Funnel, Progress, RunView, StageCounts
from app.states import EndReason, Status

ItemT = TypeVar("ItemT")


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class PageView(BaseModel, Generic[ItemT]):
    """Some items, and the cursor of the next page; null when there are no more for now."""

    items: list[ItemT]
    next_cursor: str | None


class SeedSetView(_View):
    """A stored seed set."""

    id: str
    name: str
    task_count: int
    classification_count: int
    content_sha256: str
    licence: str | None
    created_at: datetime


class Tokens(BaseModel):
    """Tokens as the endpoint counted them."""

    prompt: int
    completion: int


class RunAnswer(BaseModel):
    """A run with its numbers."""

    id: str
    status: Status
    stage: Stage | None
    end_reason: EndReason | None
    message: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seed_set_id: str | None
    """Null of a run that reviews a data set."""
    dataset_id: str | None
    """The version whose rows it reviews; null of a run that grows."""
    profile: str
    model: str
    options: RunOptions
    capabilities: dict[str, bool] | None
    classification_bias: float | None
    progress: Progress
    stages: dict[str, StageCounts]
    funnel: Funnel
    tokens: Tokens
    cost_usd: Decimal | None
    budget: BudgetView
    training_job_ids: list[str]
    """Those that learn what it makes, once its data set is made."""

    @classmethod
    def of(cls, view: RunView) -> Self:
        """Take the view apart into what is shown."""
        run = view.run
        return cls(
            **{name: getattr(run, name) for name in _RUN_COLUMNS},
            stage=view.stage,
            progress=view.progress,
            stages=dict(view.stages),
            funnel=view.funnel,
            tokens=Tokens(prompt=run.prompt_tokens, completion=run.completion_tokens),
            budget=view.budget,
            training_job_ids=list(view.training_job_ids),
        )


_RUN_COLUMNS = (
    "id", "status", "end_reason", "message", "created_at", "started_at", "ended_at",
    "seed_set_id", "dataset_id", "profile", "model", "options", "capabilities",
    "classification_bias", "cost_usd",
)  # fmt: skip


class InstructionView(_View):
    """An accepted instruction."""

    sequence: int
    text: str
    is_classification: bool | None
    confidence: float | None
    completion_id: int
    classified_by: int | None
    neighbours: list[dict[str, Any]]
    is_complete: bool
    created_at: datetime


class InstanceView(_View):
    """An accepted instance; `sequence` is its instruction's, or the position of a reviewed row."""

    sequence: int
    position: int
    input: str
    output: str
    completion_id: int


class RejectionView(_View):
    """What broke which rule; for a near-duplicate, which one it was too near to, and how near."""

    id: int
    stage: Stage
    reason: str
    text: str
    sequence: int | None
    neighbour: dict[str, Any] | None
    completion_id: int | None
    created_at: datetime


class BatchView(_View):
    """Calls that went to the provider's Batch API together."""

    id: str
    stage: Stage
    state: str
    """planned, submitted, ended (its answers are being read), collected, refused (nothing of it was
    asked), or lost (what became of it cannot be learnt)."""
    requests: int
    completed: int
    """Requests answered, by the provider's count."""
    endpoint: str
    provider_id: str | None
    """The provider's own name for it."""
    provider_said: str | None
    """The provider's last word on where it stands."""
    trouble: str | None
    cancelled_at: datetime | None
    created_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None


class CompletionView(_View):
    """A model reply with all that led to it."""

    id: int
    stage: Stage
    prompt_version: str
    prompt_text_sha256: str
    prompt: str
    demonstrations: list[Any]
    parameters: dict[str, Any]
    model: str
    reply: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None
    batch_id: str | None
    latency_s: float
    created_at: datetime


class EventView(_View):
    """What happened to a run."""

    id: int
    kind: str
    data: dict[str, Any]
    at: datetime


class ProgressEvent(BaseModel):
    """How far a run is, in a stream of events."""

    status: Status
    accepted: int
    target: int
    calls: int
    tokens: Tokens
    cost_usd: Decimal | None

    @classmethod
    def of(cls, progress: RunProgress) -> Self:
        """Put it as a run's own answer puts it."""
        return cls(
            status=progress.status,
            accepted=progress.accepted,
            target=progress.target,
            calls=progress.calls,
            tokens=Tokens(prompt=progress.prompt_tokens, completion=progress.completion_tokens),
            cost_usd=progress.cost_usd,
        )
