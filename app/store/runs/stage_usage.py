"""Queries on the usage of a run, by stage and model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.pipeline.budget import NO_TOKENS, Tokens
from app.pipeline.types import Completion, Stage
from app.store.tables.usage import StageUsage


@dataclass(frozen=True, slots=True)
class Paid:
    """A reply that was paid for."""

    completion: Completion
    cost_usd: Decimal | None
    most: Tokens | None = None
    """The maximum of its request; None: the request is not known."""

    @property
    def tokens(self) -> Tokens:
        """The tokens that it was billed for."""
        return Tokens(self.completion.prompt_tokens, self.completion.completion_tokens)

    @property
    def beyond(self) -> Tokens:
        """Its counts that are larger than the maximum of its request; the others are 0."""
        return NO_TOKENS if self.most is None else self.tokens.beyond(self.most)


@dataclass(frozen=True, slots=True)
class LargestBills:
    """The largest bills beyond the maximum of their requests, of one model in one run."""

    by_stage: Mapping[str, Tokens]
    """Of the stages that had a reply; `NO_TOKENS`: none of its bills was beyond."""

    def of(self, stage: Stage) -> Tokens:
        """Return the largest bill of a stage; before its first reply, that of any stage."""
        known = self.by_stage.get(stage)
        if known is not None:
            return known
        largest = NO_TOKENS
        for bill in self.by_stage.values():
            largest = largest.joined(bill)
        return largest


def of_run(session: Session, run_id: str) -> Sequence[StageUsage]:
    """Load the usage of a run."""
    return session.scalars(select(StageUsage).where(StageUsage.run_id == run_id)).all()


def largest_bills(session: Session, run_id: str, model: str) -> LargestBills:
    """Load the largest bills of a run from one model."""
    columns = (
        StageUsage.stage,
        StageUsage.largest_prompt_tokens,
        StageUsage.largest_completion_tokens,
    )
    rows = session.execute(
        select(*columns).where(StageUsage.run_id == run_id, StageUsage.model == model)
    )
    return LargestBills({stage: Tokens(prompt, completed) for stage, prompt, completed in rows})


def add(session: Session, run_id: str, model: str, stage: Stage, paid: Sequence[Paid]) -> None:
    """Add replies to the usage of a run; the caller holds the run's row."""
    usage = session.get(StageUsage, (run_id, stage, model))
    if usage is None:
        zeros = dict.fromkeys(_COUNTS, 0)
        usage = StageUsage(run_id=run_id, stage=stage, model=model, **zeros)
        session.add(usage)
    replies = [one.completion for one in paid]
    usage.calls += len(replies)
    usage.prompt_tokens += sum(reply.prompt_tokens for reply in replies)
    usage.cached_tokens += sum(reply.cached_tokens for reply in replies)
    usage.cache_write_tokens += sum(reply.cache_write_tokens for reply in replies)
    usage.completion_tokens += sum(reply.completion_tokens for reply in replies)
    usage.estimated_calls += sum(reply.is_estimated for reply in replies)
    costs = [one.cost_usd for one in paid if one.cost_usd is not None]
    if costs:
        usage.cost_usd = sum(costs, usage.cost_usd or Decimal(0))
    largest = Tokens(usage.largest_prompt_tokens, usage.largest_completion_tokens)
    for one in paid:
        largest = largest.joined(one.beyond)
    usage.largest_prompt_tokens, usage.largest_completion_tokens = (
        largest.prompt,
        largest.completion,
    )


_COUNTS = (
    "calls",
    "prompt_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "estimated_calls",
    "largest_prompt_tokens",
    "largest_completion_tokens",
)
