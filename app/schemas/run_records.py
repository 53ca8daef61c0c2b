"""Records of a run: instructions, instances, rejections, batches, replies."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from app.pipeline.types import Stage
from app.schemas.schema import Schema


class InstructionView(Schema):
    """An accepted instruction."""

    sequence: int
    """0-based, in order of acceptance."""
    text: str
    is_classification: bool | None
    """Null: not known (yet)."""
    confidence: float | None
    """Margin of the classification in nats, without the model's bias; null without logprobs."""
    completion_id: int
    """The reply that it was read from."""
    classified_by: int | None
    """The reply that classified it."""
    neighbours: list[dict[str, Any]]
    """The most similar earlier instructions, with their ROUGE-L scores."""
    mean_similarity: float | None = None
    """Mean ROUGE-L score over all earlier instructions, including the seeds; null unless the run
    has `neighbours` set to `ten`."""
    is_complete: bool
    """True when it has all its instances."""
    created_at: datetime


class InstanceView(Schema):
    """An accepted instance."""

    sequence: int
    """The sequence of its instruction, or the position of a reviewed row."""
    position: int
    """0-based, within its instruction."""
    input: str
    output: str
    completion_id: int
    """The reply that it was read from."""


class RejectionView(Schema):
    """A rejected part of a reply, with the reason."""

    id: int
    stage: Stage
    reason: str
    text: str
    sequence: int | None
    """The instruction that it belongs to; null for a rejected instruction."""
    neighbour: dict[str, Any] | None
    """For a near-duplicate: the instruction that it is too similar to, and the score."""
    completion_id: int | None
    created_at: datetime


class BatchView(Schema):
    """A batch of calls sent to the provider's Batch API."""

    id: str
    stage: Stage
    state: str
    """planned, submitted, ended (its results are being read), collected, refused (none of its calls
    were made), or lost (its outcome is unknown)."""
    requests: int
    completed: int
    """Requests answered, by the provider's count."""
    endpoint: str
    provider_id: str | None
    """The provider's id of the batch."""
    provider_said: str | None
    """The status that the provider reported last."""
    trouble: str | None
    """The latest error, in words."""
    cancelled_at: datetime | None
    created_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None


class CompletionView(Schema):
    """A model reply with its prompt, parameters, tokens and cost."""

    id: int
    stage: Stage
    ticket: int | None = None
    """0-based number of the generation call; null in the other stages."""
    sequence: int | None = None
    """The instruction that it classifies or brings instances of, or the position of the reviewed
    row; null in the stages before."""
    prompt_version: str
    prompt_text_sha256: str
    prompt: str
    demonstrations: list[Any]
    """The instructions shown in the prompt."""
    parameters: dict[str, Any]
    requested_model: str | None
    """The model that was asked, by the run's name for it; null: stored by an older version."""
    model: str
    """The model that answered, by the provider's name for it."""
    reply: str
    reasoning: str | None
    """The model's thoughts, where the endpoint sends them apart from the reply."""
    finish_reason: str
    """`length` when the reply was truncated; otherwise the provider's word."""
    prompt_tokens: int
    """Of the whole prompt, including cached ones."""
    cached_tokens: int
    """Prompt tokens that the provider's cache had."""
    cache_write_tokens: int
    """Prompt tokens that were written to that cache."""
    completion_tokens: int
    """Including those of reasoning."""
    is_estimated: bool
    """True when the endpoint left out token counts, so that they are estimated from the text."""
    cost_usd: Decimal | None
    """Null when the model has no known price."""
    batch_id: str | None
    """The batch that it came with; null for a call of its own."""
    latency_s: float
    created_at: datetime
