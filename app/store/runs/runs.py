"""Queries on runs: guarded moves, locks, events."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from app.states import RUN_TRANSITIONS, WORKABLE, EndReason, Status, sources_of
from app.store.moves import Move
from app.store.moves import move as guarded_move
from app.store.runs import events, waiting
from app.store.sql import epoch_now
from app.store.tables.runs import Run, RunSlot


class Hold(NamedTuple):
    """A pump's hold on a run: its slot, and the token that fences what it does."""

    run_id: str
    slot: int
    token: str


def lock(session: Session, run_id: str) -> Run | None:
    """Load a run and hold its row until the transaction ends."""
    return session.get(Run, run_id, with_for_update=True, populate_existing=True)


def lock_if_free(session: Session, run_id: str) -> Run | None:
    """Do the same; return None at once when another transaction holds the row."""
    skipping = {"skip_locked": True}
    return session.get(Run, run_id, with_for_update=skipping, populate_existing=True)


def move(
    session: Session,
    run_id: str,
    to: Status,
    *,
    reason: EndReason | None = None,
    message: str | None = None,
    hold: Hold | None = None,
) -> bool:
    """Move a run's status where the transition table allows it, and append the event.

    With a `hold`, only while that pump has its slot: one that lost it can't change the run now.

    Returns:
        True when it moved. False, with nothing changed, when the run is not in a status it may come
        from: repeating a move is safe.
    """
    wanted = Move(
        to,
        sources_of(RUN_TRANSITIONS, to),
        message,
        event={"reason": reason},
        values={"end_reason": reason, "idle_until": None},
    )
    guards = () if hold is None else (is_held_by(hold),)
    return guarded_move(session, Run, run_id, wanted, *guards, add_event=_end_wait_and_add_event)


def _end_wait_and_add_event(session: Session, run_id: str, kind: str, data: dict[str, Any]) -> None:
    waiting.end(session, run_id)
    events.add_event(session, run_id, kind, data)


add_event = events.add_event


def set_aside(session: Session, run: Run, refusing: Mapping[str, str]) -> None:
    """Record endpoints that refuse every call, by name with their words; an event for each new one.

    The caller holds the run's row.
    """
    new = {name: words for name, words in sorted(refusing.items()) if name not in run.set_aside}
    if not new:
        return
    run.set_aside = {**run.set_aside, **new}
    session.flush()
    for name, words in new.items():
        add_event(session, run.id, "endpoint_set_aside", {"endpoint": name, "message": words})


def target_of(run: Run) -> int:
    """Return a run's target: accepted instructions, or rows to review."""
    return int(run.options["target"]) if run.rows_to_review is None else run.rows_to_review


def record_served(session: Session, run_id: str) -> None:
    """Record that a pump has just left the run."""
    session.execute(update(Run).where(Run.id == run_id).values(served_at=epoch_now()))


def is_held_by(hold: Hold) -> ColumnElement[bool]:
    """Return the condition that the pump still has its slot."""
    return exists().where(
        RunSlot.run_id == hold.run_id, RunSlot.slot == hold.slot, RunSlot.token == hold.token
    )


def any_workable(session: Session) -> bool:
    """Return True when some run is neither paused nor ended; takes no lock."""
    return bool(session.scalar(select(exists().where(Run.status.in_(WORKABLE)))))


def find_by_key(session: Session, idempotency_key: str) -> Run | None:
    """Find the run that was started under this idempotency key."""
    return session.scalar(select(Run).where(Run.idempotency_key == idempotency_key))
