"""Queries on a run's events: append one, or read the run and its new events as of one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, insert, select
from sqlalchemy.orm import Session

from app.store.tables.runs import Run, RunEvent


@dataclass(frozen=True, slots=True)
class Look:
    """A run and its events, both as of one moment."""

    run: Run
    events: Sequence[RunEvent]


def add_event(session: Session, run_id: str, kind: str, data: dict[str, Any]) -> None:
    """Append an event to a run's log.

    Locks the run's row, where the caller has not: ids come from a sequence, and a reader that has
    seen one must be sure that no lower one is committed after it.
    """
    # A weaker lock than that of `lock`, which would wait for transactions that only added rows of
    # this run, and two of them would wait for each other.
    session.execute(select(Run.id).where(Run.id == run_id).with_for_update(key_share=True))
    session.execute(insert(RunEvent).values(run_id=run_id, kind=kind, data=data))


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
