"""Queries on a run's events: the run and its new events, as of one moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from app.store.tables.runs import Run, RunEvent


@dataclass(frozen=True, slots=True)
class Look:
    """A run and its events, both as of one moment."""

    run: Run
    events: Sequence[RunEvent]


def look(session: Session, run_id: str, after_id: int, limit: int) -> Look | None:
    """Read up to `limit` events after one of them; None when there is no such run.

    One statement: a final status comes together with its event, never before it.
    """
    later = and_(RunEvent.run_id == Run.id, RunEvent.id > after_id)
    rows = session.execute(
        select(Run, RunEvent)
        .outerjoin(RunEvent, later)
        .where(Run.id == run_id)
        .order_by(RunEvent.id)
        .limit(limit)
    ).all()
    if not rows:
        return None
    # The join gives a run without later events one row with none.
    return Look(rows[0][0], [event for _, event in rows if event is not None])
