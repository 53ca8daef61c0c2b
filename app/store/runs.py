"""Queries on runs: guarded moves, the pump's lease, events."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Update,
    and_,
    case,
    exists,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from app.pipeline.run_state import FINAL, WORKABLE, EndReason, Status, sources_of
from app.store.models import Run, RunEvent
from app.store.types import epoch_now


def lock(session: Session, run_id: str) -> Run | None:
    """Load a run and hold its row until the transaction ends."""
    return session.get(Run, run_id, with_for_update=True, populate_existing=True)


def move(
    session: Session,
    run_id: str,
    to: Status,
    *,
    reason: EndReason | None = None,
    message: str | None = None,
    token: str | None = None,
) -> bool:
    """Move a run's status where the transition table allows it, and append the event.

    With a `token`, only while that pump holds the run: one that lost it has no say any more.

    Returns False, and does nothing, when the run is not in a state it may come from: repeating a
    move is safe.
    """
    now = epoch_now()
    moved = _changes(
        session,
        update(Run)
        .where(Run.id == run_id, Run.status.in_(sources_of(to)))
        .where(true() if token is None else Run.pump_token == token)
        .values(
            status=to,
            end_reason=reason,
            message=message,
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
    """Append to a run's log."""
    session.execute(insert(RunEvent).values(run_id=run_id, kind=kind, data=data))


def take_pump(session: Session, run_id: str, token: str, lease_s: float) -> bool:
    """Take the run's pump for `lease_s` unless another pump holds it."""
    return bool(
        _changes(
            session,
            update(Run)
            # Its own token stands there already where the answer to its commit was lost.
            .where(Run.id == run_id, or_(Run.pump_token == token, _waits()))
            .values(pump_token=token, pump_leased_until=epoch_now() + lease_s),
        )
    )


def extend_pump(session: Session, run_id: str, token: str, lease_s: float) -> Status | None:
    """Prolong the lease; the run's status, or None when the pump was lost to another."""
    held = and_(Run.id == run_id, Run.pump_token == token)
    _changes(session, update(Run).where(held).values(pump_leased_until=epoch_now() + lease_s))
    status = session.scalar(select(Run.status).where(held))
    return Status(status) if status else None


def release_pump(session: Session, run_id: str, token: str) -> None:
    """Give the pump back, so that another may take it at once."""
    _changes(
        session,
        update(Run)
        .where(Run.id == run_id, Run.pump_token == token)
        .values(pump_token=None, pump_leased_until=None, nudged_at=None),
    )


def nudge_waiting(session: Session, *, again_after_s: float) -> Sequence[str]:
    """Name the runs with work and no pump, but those named less than `again_after_s` ago."""
    now = epoch_now()
    due = or_(Run.nudged_at.is_(None), Run.nudged_at < now - again_after_s)
    found = session.scalars(
        select(Run.id).where(_waits(), due).order_by(Run.nudged_at, Run.id)
    ).all()
    session.execute(update(Run).where(Run.id.in_(found)).values(nudged_at=now))
    return found


def any_waiting(session: Session) -> bool:
    """Whether some run has work and no pump; takes no lock."""
    return bool(session.scalar(select(exists().where(_waits()))))


def others_wait(session: Session, run_id: str) -> bool:
    """Whether a run other than this one has work and no pump."""
    return bool(session.scalar(select(exists().where(Run.id != run_id, _waits()))))


def _waits() -> ColumnElement[bool]:
    free = or_(Run.pump_token.is_(None), Run.pump_leased_until < epoch_now())
    return and_(Run.status.in_(WORKABLE), free)


def find_by_key(session: Session, idempotency_key: str) -> Run | None:
    """Find the run that was started under this idempotency key."""
    return session.scalar(select(Run).where(Run.idempotency_key == idempotency_key))


def _changes(session: Session, statement: Update) -> int:
    # An UPDATE through a Session answers with a CursorResult; its annotation says only Result.
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
