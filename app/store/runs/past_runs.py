"""Statistics of earlier runs with the same profile and model, for estimates."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.store.tables.completions import CompletionRow
from app.store.tables.runs import Run

_LATEST = 500
"""Replies read: enough for a mean, few enough to be quick."""
_MIN_TICKETS = 5
_LATEST_RUNS = 5


@dataclass(frozen=True, slots=True)
class PastRuns:
    """Means over the latest runs; a stage that no run had is missing."""

    accepted_per_call: float | None = None
    """Accepted instructions per generation call; None: no run, or none accepted."""
    tokens_per_call: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Mean tokens of prompt and completion, by stage."""


def of(session: Session, profile: str, model: str) -> PastRuns:
    """Read the latest runs of this profile with this model."""
    latest = session.execute(
        select(Run.id, Run.accepted, Run.tickets_admitted)
        .where(Run.profile == profile, Run.model == model, Run.tickets_admitted > 0)
        .order_by(Run.id.desc())
        .limit(_LATEST_RUNS)
    ).all()
    admitted = sum(row.tickets_admitted for row in latest)
    if admitted < _MIN_TICKETS:
        return PastRuns()
    accepted = sum(row.accepted for row in latest)
    return PastRuns(
        accepted_per_call=accepted / admitted if accepted else None,
        tokens_per_call=_tokens(session, [row.id for row in latest]),
    )


def _tokens(session: Session, run_ids: list[str]) -> dict[str, tuple[float, float]]:
    newest = (
        select(
            CompletionRow.stage,
            CompletionRow.prompt_tokens,
            CompletionRow.completion_tokens,
        )
        .where(CompletionRow.run_id.in_(run_ids), CompletionRow.reused_from.is_(None))
        .order_by(CompletionRow.id.desc())
        .limit(_LATEST)
        .subquery()
    )
    rows = session.execute(
        select(
            newest.c.stage,
            func.avg(newest.c.prompt_tokens),
            func.avg(newest.c.completion_tokens),
        ).group_by(newest.c.stage)
    )
    return {stage: (float(prompt), float(written)) for stage, prompt, written in rows}
