"""The current speed of a run."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.store.sql import epoch_now
from app.store.tables.completions import CompletionRow
from app.store.types import Moment

_LATEST = 64
"""Replies read: enough to be smooth, few enough to be quick."""
_FRESH_S = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed of the latest replies."""

    now: datetime
    """By the database's clock."""
    tokens_per_s: float | None
    """None when no reply arrived in the last 30 seconds."""


def pace(session: Session, run_id: str) -> Pace:
    """Measure the speed over the latest replies."""
    latest = (
        select(CompletionRow.created_at, CompletionRow.completion_tokens)
        .where(CompletionRow.run_id == run_id)
        .order_by(CompletionRow.id.desc())
        .limit(_LATEST)
        .subquery()
    )
    now = session.execute(select(epoch_now())).scalar_one()
    first, last, tokens = session.execute(
        select(
            func.min(latest.c.created_at),
            func.max(latest.c.created_at),
            func.sum(latest.c.completion_tokens),
        )
    ).one()
    moment = Moment().process_result_value(now, session.get_bind().dialect)
    assert moment is not None  # noqa: S101 - the clock always has a value; for mypy
    if last is None or (moment - last).total_seconds() > _FRESH_S:
        return Pace(moment, None)
    return Pace(moment, int(tokens) / max(1.0, (moment - first).total_seconds()))
