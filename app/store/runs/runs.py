"""Queries on runs: guarded moves, the books, events."""

from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    Update,
    case,
    exists,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from app.states import FINAL, WORKABLE, EndReason, Status, sources_of
from app.store.sql import epoch_now
from app.store.tables.runs import Run, RunEvent, RunSlot


class Hold(NamedTuple):
    """A pump's hold on a run: its slot, and the token that fences what it does."""

    run_id: str
    slot: int
    token: str


def lock(session: Session, run_id: str) -> Run | None:
    """Load a run and hold its row until the transaction ends."""
    return session.get(Run, run_id, with_for_update=True, populate_existing=True)


def lock_if_free(session: Session, run_id: str) -> Run | None:
    """Do the same unless another holds it: then None, for those who can look again later."""
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

    With a `hold`, only while that pump has its slot: one that lost it has no say any more.

    Returns False, and does nothing, when the run is not in a state it may come from: repeating a
    move is safe.
    """
    now = epoch_now()
    moved = changes(
        session,
        update(Run)
        .where(Run.id == run_id, Run.status.in_(sources_of(to)))
        .where(true() if hold is None else holds(hold))
        .values(
            status=to,
            end_reason=reason,
            message=message,
            idle_until=None,
            started_at=case((Run.started_at.is_(None), now), else_=Run.started_at)
            if to is Status.RUNNING
            else Run.started_at,
            ended_at=now if to in FINAL else None,
        ),
    )
    if moved:
        add_event(session, run_id, "status", {"status": to, "reason": reason, "message": message})
    return bool(moved)


def add_event(session: Session, run_id: str, kind: str, data: dict[str, Any]) -> None:
    """Append to a run's log.

    Takes the run's row, where the caller does not hold it yet: ids come from a sequence, and a
    reader that has seen one must not have to fear that a lower one is committed after it.
    """
    # Not as `lock` does: that would wait for transactions that only added rows of this run, and
    # two of them would wait for each other.
    session.execute(select(Run.id).where(Run.id == run_id).with_for_update(key_share=True))
    session.execute(insert(RunEvent).values(run_id=run_id, kind=kind, data=data))


def target_of(run: Run) -> int:
    """How much a run is to make: accepted instructions, or rows reviewed."""
    return int(run.options["target"]) if run.rows_to_review is None else run.rows_to_review


def note_served(session: Session, run_id: str) -> None:
    """Remember that a pump has just left the run."""
    changes(session, update(Run).where(Run.id == run_id).values(served_at=epoch_now()))


def holds(hold: Hold) -> ColumnElement[bool]:
    """The condition that the pump still has its slot."""
    return exists().where(
        RunSlot.run_id == hold.run_id, RunSlot.slot == hold.slot, RunSlot.token == hold.token
    )


def any_workable(session: Session) -> bool:
    """Whether some run is neither paused nor ended; takes no lock."""
    return bool(session.scalar(select(exists().where(Run.status.in_(WORKABLE)))))


def find_by_key(session: Session, idempotency_key: str) -> Run | None:
    """Find the run that was started under this idempotency key."""
    return session.scalar(select(Run).where(Run.idempotency_key == idempotency_key))


def changes(session: Session, statement: Update | Delete) -> int:
    """Carry out an UPDATE or DELETE; how many rows it met."""
    # An UPDATE through a Session answers with a CursorResult; its annotation says only Result.
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
