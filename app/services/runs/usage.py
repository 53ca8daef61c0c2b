"""The usage of a run, by stage and in all."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from sqlalchemy.orm import Session

from app.pipeline.types import Stage
from app.schemas.runs import UsageView
from app.store.runs import stage_usage
from app.store.tables.usage import StageUsage


def usage_by_stage(session: Session, run_id: str) -> Mapping[str, UsageView]:
    """Return the usage of each stage of a run that had a reply, in the order of stages."""
    found: dict[str, list[StageUsage]] = {}
    for row in stage_usage.of_run(session, run_id):
        found.setdefault(row.stage, []).append(row)
    # A run that was resumed with another model has several rows of a stage.
    return {stage: total(found[stage]) for stage in Stage if stage in found}


def total(parts: Iterable[StageUsage | UsageView]) -> UsageView:
    """Add up usage."""
    some = list(parts)
    costs = [part.cost_usd for part in some if part.cost_usd is not None]
    return UsageView(
        calls=sum(part.calls for part in some),
        prompt_tokens=sum(part.prompt_tokens for part in some),
        cached_tokens=sum(part.cached_tokens for part in some),
        cache_write_tokens=sum(part.cache_write_tokens for part in some),
        completion_tokens=sum(part.completion_tokens for part in some),
        estimated_calls=sum(part.estimated_calls for part in some),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
    )
