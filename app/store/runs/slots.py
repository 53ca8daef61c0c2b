"""Queries on the slots of runs: who works on which run, under which lease.

A slot changes hands only in a transaction that holds its run's row; a heartbeat needs none.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.states import WORKABLE, Status
from app.store.declarative import core
from app.store.runs.runs import Hold, changes, holds
from app.store.sql import epoch_now
from app.store.tables.runs import Run, RunSlot
from app.store.tables.work import WorkItem


class Slot(NamedTuple):
    """A place at a run, as a message names it."""

    run_id: str
    slot: int


def add(session: Session, run_id: str, count: int) -> None:
    """Make the slots of a new run."""
    session.execute(insert(core(RunSlot)), [{"run_id": run_id, "slot": n} for n in range(count)])


def holder(session: Session, place: Slot) -> str | None:
    """The token in the slot, whether its lease is over or not; None when it is free."""
    return session.scalar(select(RunSlot.token).where(_is(place)))


def take(session: Session, hold: Hold, lease_s: float) -> bool:
    """Take the slot if it is free, its lease is over, or it is held by this token already."""
    free = or_(RunSlot.token == hold.token, ~_live())
    values = {"token": hold.token, "leased_until": epoch_now() + lease_s}
    place = Slot(hold.run_id, hold.slot)
    return bool(changes(session, update(RunSlot).where(_is(place), free).values(values)))


def is_held(session: Session, hold: Hold) -> bool:
    """Whether the pump still has its slot."""
    return bool(session.scalar(select(holds(hold))))


def extend(session: Session, hold: Hold, lease_s: float) -> Status | None:
    """Prolong the lease; the run's status, or None when the slot was lost to another."""
    until = epoch_now() + lease_s
    if not changes(session, update(RunSlot).where(_mine(hold)).values(leased_until=until)):
        return None
    return Status(session.scalars(select(Run.status).where(Run.id == hold.run_id)).one())


def release(session: Session, hold: Hold) -> None:
    """Give the slot back, so that another may take it at once."""
    values = {"token": None, "leased_until": None, "notified_at": None}
    changes(session, update(RunSlot).where(_mine(hold)).values(values))


def expired(session: Session) -> Sequence[Hold]:
    """Name the pumps that have given no sign of life for a whole lease."""
    rows = session.execute(
        select(RunSlot.run_id, RunSlot.slot, RunSlot.token).where(
            RunSlot.token.is_not(None), RunSlot.leased_until < epoch_now()
        )
    )
    return [Hold(run_id, slot, str(token)) for run_id, slot, token in rows]


def release_expired(session: Session, hold: Hold) -> bool:
    """Free the slot unless its pump has come back to life; whether it was freed."""
    dead = and_(_mine(hold), RunSlot.leased_until < epoch_now())
    values = {"token": None, "leased_until": None, "notified_at": None}
    return bool(changes(session, update(RunSlot).where(dead).values(values)))


def any_live(session: Session, run_id: str) -> bool:
    """Whether some pump works on the run."""
    return bool(session.scalar(select(exists().where(RunSlot.run_id == run_id, _live()))))


def is_at_work(run_id: str, token: InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
    """The condition that the pump with this token has a slot of the run."""
    return exists().where(RunSlot.run_id == run_id, RunSlot.token == token, _live())


def live(session: Session, run_id: str) -> Sequence[int]:
    """Name the run's slots that a pump holds, in order."""
    held = select(RunSlot.slot).where(RunSlot.run_id == run_id, _live())
    return session.scalars(held.order_by(RunSlot.slot)).all()


def fewest_elsewhere(session: Session, run_id: str) -> int | None:
    """Count the pumps of that other run that could use more and has the fewest; None: no such."""
    return session.scalar(
        select(func.min(_pumps())).select_from(Run).where(Run.id != run_id, _could_use_more())
    )


def neediest(session: Session) -> Slot | None:
    """Find a free slot of the run that has the fewest pumps of those that could use more.

    Of equals it is the one that has been without for longest.
    """
    free = (
        select(func.min(RunSlot.slot))
        .where(RunSlot.run_id == Run.id, ~_live())
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
    """Name a free slot of each run that could use a pump, unless it was named a moment ago.

    One a run and look: a run gets its pumps one after the other, and an idle one gets none.
    """
    now = epoch_now()
    due = or_(RunSlot.notified_at.is_(None), RunSlot.notified_at < now - again_after_s)
    rows = session.execute(
        select(RunSlot.run_id, func.min(RunSlot.slot))
        .join(Run, Run.id == RunSlot.run_id)
        .where(_could_use_more(), ~_live(), due)
        .group_by(RunSlot.run_id)
        .order_by(RunSlot.run_id)
    )
    return [Slot(run_id, slot) for run_id, slot in rows]


def note_nudged(session: Session, places: Sequence[Slot]) -> Sequence[Slot]:
    """Remember that workers are told to look at these; those that nobody is taking just now."""
    noted = []
    for place in places:
        free = select(RunSlot.slot).where(_is(place)).with_for_update(skip_locked=True)
        if session.scalar(free) is not None:
            session.execute(update(RunSlot).where(_is(place)).values(notified_at=epoch_now()))
            noted.append(place)
    return noted


def may_be_named(session: Session, run_id: str) -> None:
    """Forget that workers were told of the run's free slots: only now is there work for them."""
    free = update(RunSlot).where(RunSlot.run_id == run_id, ~_live())
    session.execute(free.values(notified_at=None))


def _could_use_more() -> ColumnElement[bool]:
    """Whether a run has nobody at all, or a free slot and work that nobody has taken.

    Nobody is of use to one that waits for batches alone.
    """
    # Correlated with the run alone: a caller may have its slots in the same query.
    waits = (WorkItem.run_id == Run.id, WorkItem.state == "open", ~WorkItem.by_batch)
    open_work = _any(select(WorkItem.id).where(*waits))
    free = _any(select(RunSlot.slot).where(RunSlot.run_id == Run.id, ~_live()))
    more = and_(Run.status == Status.RUNNING, open_work, free)
    rested = or_(Run.idle_until.is_(None), Run.idle_until <= epoch_now())
    return and_(Run.status.in_(WORKABLE), rested, or_(_pumps() == 0, more))


def _any(rows: Select[int]) -> ColumnElement[bool]:
    return rows.correlate(Run).exists()


def _pumps() -> ColumnElement[int]:
    held = select(func.count()).select_from(RunSlot).where(RunSlot.run_id == Run.id, _live())
    return held.correlate(Run).scalar_subquery()


def _is(place: Slot) -> ColumnElement[bool]:
    return and_(RunSlot.run_id == place.run_id, RunSlot.slot == place.slot)


def _mine(hold: Hold) -> ColumnElement[bool]:
    return and_(_is(Slot(hold.run_id, hold.slot)), RunSlot.token == hold.token)


def _live() -> ColumnElement[bool]:
    return and_(RunSlot.token.is_not(None), RunSlot.leased_until >= epoch_now())
