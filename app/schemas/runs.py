"""Runs: their state, progress, estimate, usage, events; and seed sets."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, computed_field

from app.pipeline.options import RunOptions
from app.pipeline.types import Stage
from app.schemas.budgets import BudgetView
from app.schemas.schema import Schema
from app.states import FINAL, EndReason, Status, WaitKind


class SeedSetView(Schema):
    """A stored seed set."""

    id: str
    name: str
    task_count: int
    classification_count: int
    """Tasks that are classification tasks."""
    content_sha256: str
    """The same tasks in the same order give the same hash."""
    licence: str | None
    made_by: str | None = None
    """The id of the API key that made it; null: it was made without one."""
    created_at: datetime
    notes: list[str] = Field(default_factory=list)
    """Assumptions made when the file was read; only in the response to its upload."""


class Tokens(Schema):
    """Tokens as the endpoint counted them."""

    prompt: int
    completion: int


class Progress(Schema):
    """Progress and speed of a run."""

    accepted: int
    """Accepted instructions; for a review: rows that stay."""
    target: int
    """Instructions to accept; for a review: rows of its data set."""
    acceptance_rate: float | None
    """Accepted divided by all candidates decided before the target was met; null before the first
    candidate."""
    complete: int
    """Accepted instructions that have all their instances; for a review: rows reviewed."""
    instances: int
    """Rows of the data set so far."""
    calls_in_air: int
    """Model calls in flight."""
    tokens_per_s: float | None
    """Completion tokens per second over the latest replies; null when none came lately."""
    time_left_s: float | None
    """Estimated seconds to the end; null while there is nothing to estimate from."""


class StageCounts(Schema):
    """Model calls of one stage by state."""

    open: int = 0
    """Not sent yet."""
    in_air: int = 0
    """In flight."""
    done: int = 0
    dead: int = 0
    """Given up after the allowed attempts."""
    refused: int = 0
    """Refused by the endpoint in all allowed attempts; sent again once the run is resumed."""


class Funnel(Schema):
    """Candidates that each step of a run kept and rejected."""

    asked: int
    """Model calls answered, all stages."""
    parsed: int
    """Candidate instructions found in the replies, including rejected ones; for a review: rows
    reviewed."""
    rejected: Mapping[str, int]
    """Rejected candidate instructions, or rows, by reason."""
    accepted: int
    classification: int
    """Accepted instructions that are classification tasks."""
    not_classification: int
    unknown: int
    """Accepted instructions whose class is not known (yet); a review does not ask for it."""
    instances_rejected: Mapping[str, int]
    """Rejected instances and unreadable replies of the later stages, by reason."""
    instances: int


class WaitingView(Schema):
    """A wait of a run for its endpoints."""

    kind: WaitKind
    """`outage`: they are down; `throttle`: they answer that too much is asked; `loading`: they are
    loading the model."""
    since: datetime
    message: str
    """The provider's words."""


class UsageView(Schema):
    """Tokens and cost of answered calls."""

    calls: int = 0
    prompt_tokens: int = 0
    """Of the whole prompts, including cached ones."""
    cached_tokens: int = 0
    """Prompt tokens that the provider's cache had."""
    cache_write_tokens: int = 0
    """Prompt tokens that were written to that cache."""
    completion_tokens: int = 0
    """Including those of reasoning."""
    estimated_calls: int = 0
    """Calls whose tokens are estimated from the text, because the endpoint left out counts."""
    cost_usd: Decimal | None = None
    """Null while no reply had a known price."""

    @computed_field  # type: ignore[prop-decorator]  # pydantic documents it so; mypy has no word for it
    @property
    def cache_hit_share(self) -> float | None:
        """Share of the prompt tokens that the cache had; null while there are none."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else None


class LearnedView(Schema):
    """One thing that is sent to an endpoint in another way than usual, because it was learnt."""

    endpoint: str
    """Name of the endpoint."""
    parameter: str
    """Name in the request, such as `top_p`; `system` for the role, `response_format.maxItems` for a
    keyword of the JSON schema."""
    action: Literal["dropped", "renamed", "replaced", "folded", "at_most", "at_least", "raised"]
    """`dropped`: not sent. `renamed`: sent under another name. `replaced`: a JSON schema, by the
    form that `value` names. `folded`: put in front of the first message of the user. `at_most`,
    `at_least`: limited. `raised`: replies may be longer."""
    value: float | str | None
    """The limit, the other name or the other form; null for the other actions."""
    stage: str | None
    """The only stage that it is about; null: all."""
    words: str
    """The words of the endpoint, shortened."""


class SetAsideView(Schema):
    """An endpoint that refuses every call until a person acts; the others answer."""

    endpoint: str
    message: str
    """The provider's words, and what to do."""


class RunView(Schema):
    """A run with its numbers."""

    id: str
    status: Status
    stage: Stage | None
    """The current stage; null before the start and after the end."""
    end_reason: EndReason | None
    """Why the run ended or is paused."""
    message: str | None
    """An explanation of the status, with what you can do about it."""
    waiting: WaitingView | None = None
    """Why no call is answered now; null while calls are answered, and while the run is not at
    work."""
    made_by: str | None = None
    """The id of the API key that made it, which may change it; null: it was made without one."""
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seed_set_id: str | None
    """Null for a run that reviews a data set."""
    dataset_id: str | None
    """The data set version that the run reviews; null for a run that grows seed tasks."""
    profile: str
    model: str
    options: RunOptions
    capabilities: dict[str, bool] | None
    """Capabilities of the endpoint, found by the preflight; null before it."""
    learned: list[LearnedView] = Field(default_factory=list)
    """Things that the endpoints refuse or need, and what is sent instead."""
    set_aside: list[SetAsideView] = Field(default_factory=list)
    """Endpoints that refuse every call since the run was last resumed: no more calls go there."""
    classification_bias: float | None
    """The model's preference for "yes" over "no" on an empty question, in nats; the classification
    subtracts it."""
    progress: Progress
    stages: Mapping[str, StageCounts]
    funnel: Funnel
    tokens: Tokens
    cost_usd: Decimal | None
    """Cost of all replies so far; null while no reply had a known price."""
    usage: UsageView
    """Tokens and cost of all stages together, with the share of cached prompt tokens."""
    usage_by_stage: Mapping[str, UsageView]
    """The same of each stage that had a reply."""
    budget: BudgetView
    training_job_ids: list[str]
    """Training jobs that learn this run's data set once it is made."""

    @property
    def ended(self) -> bool:
        """Return True when the run is cancelled, succeeded or failed."""
        return self.status in FINAL

    @property
    def at_rest(self) -> bool:
        """Return True when nothing happens to the run until a person acts."""
        return self.ended or self.status is Status.PAUSED

    @property
    def target_met(self) -> bool:
        """Return True when the run ended because its target was met."""
        return self.status is Status.SUCCEEDED and self.end_reason in {None, EndReason.TARGET_MET}


class StageEstimate(Schema):
    """Estimated calls and tokens of one stage."""

    calls: int
    prompt_tokens: int
    completion_tokens: int


class RunEstimate(Schema):
    """Estimated calls, tokens and cost to meet the target."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None
    """Null when the model has no known price."""
    stages: Mapping[Stage, StageEstimate]
    accepted_per_call: float
    """Expected accepted instructions per generation call, or kept rows per reviewed row."""
    from_experience: bool
    """True when the estimate is based on earlier replies of this profile and model; false when it
    is based on typical token counts of the profile alone."""


class EventView(Schema):
    """A stored event of a run or a training job."""

    id: int
    kind: str
    """Such as `status` or `preflight`."""
    data: dict[str, Any]
    """Details, by kind."""
    at: datetime


class ProgressEvent(Schema):
    """The progress of a run, sent between the stored events of a stream; it has no id."""

    status: Status
    accepted: int
    target: int
    calls: int
    """Model calls answered and paid."""
    tokens: Tokens
    cost_usd: Decimal | None
