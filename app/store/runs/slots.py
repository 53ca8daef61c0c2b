"""Queries on the slots of runs: which pump works on which run, under which lease.

A slot changes hands only in a transaction that holds its run's row; a heartbeat needs none.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.states import WORKABLE, ItemState, Status
from app.store import leases
from app.store.declarative import core
from app.store.leases import is_due, is_expired, is_free, is_live
from app.store.runs.runs import Hold, is_held_by
from app.store.sql import epoch_now
from app.store.tables.runs import Run, RunSlot
from app.store.tables.work import WorkItem


class Slot(NamedTuple):
    """A place at a run for one pump, as a message names it."""

    run_id: str
    slot: int


def add(session: Session, run_id: str, count: int) -> None:
    """Add the slots of a new run."""
    session.execute(insert(core(RunSlot)), [{"run_id": run_id, "slot": n} for n in range(count)])


def holder(session: Session, slot: Slot) -> str | None:
    """Return the token in the slot, even of an expired lease; None when the slot is free."""
    return session.scalar(select(RunSlot.token).where(_is(slot)))


def take(session: Session, hold: Hold, lease_s: float) -> bool:
    """Take the slot if it is free, its lease has expired, or this token holds it already."""
    return leases.take(session, RunSlot, _of(hold), token=hold.token, lease_s=lease_s)


def is_held(session: Session, hold: Hold) -> bool:
    """Return True when the pump still has its slot."""
    return bool(session.scalar(select(is_held_by(hold))))


def extend(session: Session, hold: Hold, lease_s: float) -> Status | None:
    """Prolong the lease; return the run's status, or None when the slot was lost to another."""
    if not leases.extend(session, RunSlot, _of(hold), token=hold.token, lease_s=lease_s):
        return None
    return Status(session.scalars(select(Run.status).where(Run.id == hold.run_id)).one())


def release(session: Session, hold: Hold) -> bool:
    """Free the slot, so that another pump may take it at once; False when it was lost before."""
    return leases.release(session, RunSlot, _of(hold), token=hold.token, notified_at=None)


def expired(session: Session) -> Sequence[Hold]:
    """List the pumps that sent no heartbeat for a whole lease."""
    dead = select(RunSlot.run_id, RunSlot.slot, RunSlot.token).where(
        RunSlot.token.is_not(None), is_expired(RunSlot)
    )
    return [Hold(run_id, slot, str(token)) for run_id, slot, token in session.execute(dead)]


def release_expired(session: Session, hold: Hold) -> bool:
    """Free the slot unless its pump has sent a heartbeat since; return True when it was freed."""
    dead = (_of(hold), is_expired(RunSlot))
    released = leases.release(session, RunSlot, *dead, token=hold.token, notified_at=None)
    if released:
        leases.count_recovered(session, RunSlot)
    return released


def any_live(session: Session, run_id: str) -> bool:
    """Return True when some pump works on the run."""
    return bool(session.scalar(select(exists().where(RunSlot.run_id == run_id, is_live(RunSlot)))))


def is_at_work(run_id: str, token: InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    """Return the condition that the pump with this token has a slot of the run."""
    return exists().where(RunSlot.run_id == run_id, RunSlot.token == token, is_live(RunSlot))


def live(session: Session, run_id: str) -> Sequence[int]:
    """List the run's slots that a pump holds, in order."""
    held = select(RunSlot.slot).where(RunSlot.run_id == run_id, is_live(RunSlot))
    return session.scalars(held.order_by(RunSlot.slot)).all()


def fewest_elsewhere(session: Session, run_id: str) -> int | None:
    """Count the pumps of the other run with the fewest, of those that could use one more.

    None: no other run could.
    """
    return session.scalar(
        select(func.min(_pumps())).select_from(Run).where(Run.id != run_id, _could_use_more())
    )


def neediest(session: Session) -> Slot | None:
    """Find a free slot of the run with the fewest pumps, of those that could use one more.

    Of equals: the one that a pump left the longest ago.
    """
    free = (
        select(func.min(RunSlot.slot))
        .where(RunSlot.run_id == Run.id, is_free(RunSlot))
        .correlate(Run)
        .scalar_subquery()
    )
    row = session.execute(
        select(Run.id, free)
        .where(_could_use_more())
        .order_by(_pumps(), Run.served_at.is_not(None), Run.served_at, Run.id)
        .limit(1)
    ).first()
    return None if row is None else Slot(*row)


def waiting(session: Session, *, again_after_s: float) -> Sequence[Slot]:
    """List a free slot of each run that could use a pump and was not notified of lately.

    One per run and call: a run gets its pumps one after the other, and an idle one gets none.
    """
    due = is_due(RunSlot, again_after_s)
    rows = session.execute(
        select(RunSlot.run_id, func.min(RunSlot.slot))
        .join(Run, Run.id == RunSlot.run_id)
        .where(_could_use_more(), is_free(RunSlot), due)
        .group_by(RunSlot.run_id)
        .order_by(RunSlot.run_id)
    )
    return [Slot(run_id, slot) for run_id, slot in rows]


def record_notified(session: Session, slots: Sequence[Slot]) -> Sequence[Slot]:
    """Record that workers are notified of these slots; return those that nobody is taking now."""
    notified = []
    for slot in slots:
        free = select(RunSlot.slot).where(_is(slot)).with_for_update(skip_locked=True)
        if session.scalar(free) is not None:
            session.execute(update(RunSlot).where(_is(slot)).values(notified_at=epoch_now()))
            notified.append(slot)
    return notified


def notify_at_once(session: Session, run_id: str) -> None:
    """Let workers be notified of the run's free slots again: only now is there work for them."""
    free = update(RunSlot).where(RunSlot.run_id == run_id, is_free(RunSlot))
    session.execute(free.values(notified_at=None))


def _could_use_more() -> ColumnElement[bool]:
    """Return the condition that a run has no pump at all, or a free slot and work for it.

    A run that only waits for batches needs no pump.
    """
    # Correlated with the run alone: a caller may have its slots in the same query.
    waits = (WorkItem.run_id == Run.id, WorkItem.state == ItemState.OPEN, ~WorkItem.by_batch)
    open_work = _any(select(WorkItem.id).where(*waits))
    free = _any(select(RunSlot.slot).where(RunSlot.run_id == Run.id, is_free(RunSlot)))
    more = and_(Run.status == Status.RUNNING, open_work, free)
    not_idle = or_(Run.idle_until.is_(None), Run.idle_until <= epoch_now())
    return and_(Run.status.in_(WORKABLE), not_idle, or_(_pumps() == 0, more))


def _any(rows: Select[int]) -> ColumnElement[bool]:
    return rows.correlate(Run).exists()


def _pumps() -> ColumnElement[int]:
    held = (
        select(func.count()).select_from(RunSlot).where(RunSlot.run_id == Run.id, is_live(RunSlot))
    )
    return held.correlate(Run).scalar_subquery()


def _is(slot: Slot) -> ColumnElement[bool]:
    return and_(RunSlot.run_id == slot.run_id, RunSlot.slot == slot.slot)


def _of(hold: Hold) -> ColumnElement[bool]:
    return _is(Slot(hold.run_id, hold.slot))
