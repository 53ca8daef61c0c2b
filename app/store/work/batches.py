"""Queries on batches of model calls.

A batch changes only in a transaction that holds its run's row. One pump at a time handles it: the
pump whose token it has, while that pump has its slot.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Float,
    and_,
    case,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.states import BatchState
from app.store.runs.slots import is_at_work
from app.store.sql import changed_rows, epoch_now
from app.store.tables.batches import Batch

OPEN = (BatchState.PLANNED, BatchState.SUBMITTED, BatchState.ENDED)
"""A worker has something to do for a batch in these states."""
LONGEST_DELAY = 30
"""The longest delay between polls, in first delays."""
_LONGEST_ROW = 32


class OpenBatch(NamedTuple):
    """An open batch, as a pump that looks for work sees it."""

    id: str
    state: BatchState
    poll_at: datetime
    is_due: bool
    """It is time to poll it."""
    is_held: bool
    """Another pump handles it now."""


def open_batches(session: Session, run_id: str, token: str) -> Sequence[OpenBatch]:
    """Return a run's open batches, as they are to the pump with this token."""
    held = (Batch.token != token) & is_at_work(run_id, Batch.token)
    due = Batch.poll_at <= epoch_now()
    rows = session.execute(
        select(Batch.id, Batch.state, Batch.poll_at, due, func.coalesce(held, false()))
        .where(*_open(run_id))
        .order_by(Batch.poll_at, Batch.id)
    )
    return [
        OpenBatch(id_, BatchState(state), at, is_due=bool(due_), is_held=bool(held_))
        for id_, state, at, due_, held_ in rows
        if at is not None
    ]


def add(session: Session, batch: Mapping[str, Any]) -> None:
    """Add a planned batch with these columns; it is due to be submitted at once."""
    session.execute(insert(Batch).values(**batch, state=BatchState.PLANNED, poll_at=epoch_now()))


def any_open(session: Session, run_id: str) -> bool:
    """Return True when some batch of the run is not closed."""
    return bool(session.scalar(select(exists().where(*_open(run_id)))))


def next_at(session: Session, run_id: str) -> datetime | None:
    """Return when the next open batch is due; None when none is open."""
    return session.scalar(select(func.min(Batch.poll_at)).where(*_open(run_id)))


class Taken(NamedTuple):
    """A batch that a pump handles."""

    batch: Batch
    out_s: float
    """Seconds since it was submitted; 0 before."""
    failing_s: float
    """Seconds since requests about it began to fail; 0: they don't."""
    cancelled_s: float | None
    """Seconds since it was cancelled; None: it was not."""


def take(session: Session, batch_id: str, token: str) -> Taken:
    """Give a batch to the pump with this token; return it as it was before."""
    out_s = func.coalesce(epoch_now() - _seconds(Batch.submitted_at), 0.0)
    failing_s = func.coalesce(epoch_now() - _seconds(Batch.failing_since), 0.0)
    cancelled_s = epoch_now() - _seconds(Batch.cancelled_at)
    wanted = select(Batch, out_s, failing_s, cancelled_s).where(Batch.id == batch_id)
    row = session.execute(wanted).one()
    session.expunge(row[0])
    # Recorded before it is sent: if the pump dies then, nobody can tell whether it was.
    sent = or_(
        Batch.may_exist, and_(Batch.state == BatchState.PLANNED, Batch.cancelled_at.is_(None))
    )
    _update(session, batch_id, token=token, may_exist=sent)
    return Taken(*row)


def held(session: Session, batch_id: str, token: str) -> Batch | None:
    """The fence: return the batch if the pump with this token still handles it, else None."""
    batch = session.get(Batch, batch_id, populate_existing=True)
    return batch if batch is not None and batch.token == token else None


def record_submitted(
    session: Session,
    batch_id: str,
    provider_id: str,
    first_s: float,
    lessons: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Record the provider's id for it; it is polled after `first_s` seconds.

    `lessons`: what the endpoint was known to refuse.
    """
    now = epoch_now()
    values = {
        "provider_id": provider_id,
        "submitted_at": now,
        "poll_at": now + first_s,
        "lessons": list(lessons) or None,
    }
    _set(session, batch_id, state=BatchState.SUBMITTED, **values)


def record_working(
    session: Session, batch_id: str, said: str, completed: int, *, first_s: float, cancelled: bool
) -> None:
    """Record that it is not done: the longer ago it was submitted, the later the next poll.

    `cancelled`: the provider was asked to cancel it; then it is polled at even intervals.
    """
    now = epoch_now()
    age_s = func.coalesce(now - _seconds(Batch.submitted_at), 0.0)
    values: dict[str, Any] = {"poll_at": now + (first_s if cancelled else _bounded(age_s, first_s))}
    if cancelled:
        values["cancelled_at"] = func.coalesce(_seconds(Batch.cancelled_at), now)
    _set(session, batch_id, provider_said=said, completed=completed, **values)


def record_ended(session: Session, batch_id: str, said: str, completed: int) -> None:
    """Record that the provider has ended it; the pump keeps it."""
    now = epoch_now()
    values = {"provider_said": said, "completed": completed, "poll_at": now, "ended_at": now}
    _update(session, batch_id, state=BatchState.ENDED, failing_since=None, **values)


def postpone(
    session: Session,
    batch_id: str,
    trouble: str,
    *,
    first_s: float,
    at_least_s: float,
    may_exist: bool,
) -> None:
    """Record that a request about it failed; each next try follows later."""
    now = epoch_now()
    since = func.coalesce(_seconds(Batch.failing_since), now)
    wait = _bounded(now - since, first_s)
    wait = case((wait < at_least_s, at_least_s), else_=wait)
    values = {"trouble": trouble, "failing_since": since, "poll_at": now + wait}
    _update(session, batch_id, token=None, may_exist=may_exist, **values)


def reset_failures(session: Session, batch_id: str, trouble: str, *, may_exist: bool) -> None:
    """Count failures anew: the run is paused for a person, who will resume it."""
    _set(session, batch_id, trouble=trouble, may_exist=may_exist, poll_at=epoch_now())


def close(
    session: Session,
    batch_id: str,
    state: BatchState,
    *,
    trouble: str | None = None,
    retry_after_s: float | None = None,
) -> None:
    """Record its final state; `retry_after_s`: when a smaller batch may be tried."""
    now = epoch_now()
    at = None if retry_after_s is None else now + retry_after_s
    values: dict[str, Any] = {"state": state, "closed_at": now, "poll_at": at}
    if trouble is not None:
        values["trouble"] = trouble
    _set(session, batch_id, **values)


def cancel_open(session: Session, run_id: str) -> int:
    """Cancel all open batches, which are due at once; return how many were not cancelled before."""
    wanted = update(Batch).where(*_open(run_id), Batch.cancelled_at.is_(None))
    values = {"cancelled_at": epoch_now(), "poll_at": epoch_now(), "failing_since": None}
    return changed_rows(session, wanted.values(**values))


class Refused(NamedTuple):
    """The latest batches of a stage, refused one after the other as too large."""

    in_a_row: int
    requests: int
    """Of the last of them; the next batch has fewer."""
    may_try: bool
    """True when the next batch may be tried now."""
    retry_at: datetime


def refused_last(
    session: Session, run_id: str, stage: str, before: str | None = None
) -> Refused | None:
    """Describe the latest batches of a stage that were refused; None if the last was not.

    `before`: only batches made before this one.
    """
    earlier = true() if before is None else Batch.id < before
    may_try = (Batch.poll_at <= epoch_now()).label("may")
    rows = session.execute(
        select(Batch.state, Batch.requests, Batch.poll_at, may_try)
        .where(Batch.run_id == run_id, Batch.stage == stage, earlier)
        .order_by(Batch.id.desc())
        .limit(_LONGEST_ROW)
    ).all()
    refused = list(takewhile(lambda row: row.state == BatchState.REFUSED and row.poll_at, rows))
    if not refused:
        return None
    last = refused[0]
    return Refused(len(refused), last.requests, may_try=bool(last.may), retry_at=last.poll_at)


def _set(session: Session, batch_id: str, **values: object) -> None:
    """Change a batch after an answer of the provider, and release it."""
    _update(session, batch_id, token=None, failing_since=None, **values)


def _update(session: Session, batch_id: str, **values: object) -> None:
    changed_rows(session, update(Batch).where(Batch.id == batch_id).values(**values))


def _bounded(age_s: ColumnElement[float], first_s: float) -> ColumnElement[float]:
    """Return a delay as long as the time so far, within bounds: so the delays double."""
    longest_s = first_s * LONGEST_DELAY
    return case((age_s < first_s, first_s), (age_s > longest_s, longest_s), else_=age_s)


def _open(run_id: str) -> tuple[ColumnElement[bool], ...]:
    return Batch.run_id == run_id, Batch.state.in_(OPEN)


def _seconds(column: InstrumentedAttribute[datetime | None]) -> ColumnElement[float]:
    """Return a point in time as the stored number."""
    return type_coerce(column, Float())
