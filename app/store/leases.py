"""Leases: rows that one process at a time works on, and the queries every such table shares.

A process takes a row under a token of its own and prolongs the lease while it works. A row whose
lease has run out counts as abandoned, and another process may take it. Every later change names the
token in its WHERE clause (the fence), so a process that lost its row can't change it any more. All
times are by the database's clock.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, case, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.counters import KIND_OF_TABLE, LEASES_RECOVERED
from app.store.counting import count
from app.store.sql import changed_rows, epoch_now

RELEASED: dict[str, None] = {"token": None, "leased_until": None}
"""The columns of a row that nobody holds."""
_NAMED_AT_ONCE = 20


class Leased:
    """The lease columns of a table; token and end are set together and cleared together."""

    __tablename__: str

    token: Mapped[str | None] = mapped_column(String(40))
    """The fence: names the process that holds the row; null: it is free."""
    leased_until: Mapped[datetime | None]
    """Without a heartbeat by then, that process counts as dead."""
    notified_at: Mapped[datetime | None]
    """When a worker was last notified of the row."""


class LeasedWork(Leased):
    """A row that is one piece of work, begun by one process at a time until it has ended."""

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """Number of times that work on it began without progress; bounds what kills its process."""


def is_live(table: type[Leased]) -> ColumnElement[bool]:
    """The condition that a process holds the row and counts as alive."""
    return table.leased_until >= epoch_now()


def is_free(table: type[Leased]) -> ColumnElement[bool]:
    """The condition that nobody holds the row, or only a process that counts as dead."""
    return or_(table.leased_until.is_(None), table.leased_until < epoch_now())


def is_expired(table: type[Leased]) -> ColumnElement[bool]:
    """The condition that a process holds the row and counts as dead."""
    return table.leased_until < epoch_now()


def is_due(table: type[Leased], again_after_s: float) -> ColumnElement[bool]:
    """The condition that no worker was notified of the row in the last `again_after_s` seconds."""
    return or_(table.notified_at.is_(None), table.notified_at < epoch_now() - again_after_s)


def take(
    session: Session,
    table: type[Leased],
    *which: ColumnElement[bool],
    token: str,
    lease_s: float,
    **values: Any,  # noqa: ANN401 - columns of any type
) -> bool:
    """Take a row that is free, or that this token holds already; safe to repeat.

    Args:
        session: a transaction that writes.
        table: where the row is.
        which: the conditions that name it, and those under which it may be taken.
        token: the fence of this process.
        lease_s: how long the lease lasts without a heartbeat.
        values: further columns to set with it.

    Returns:
        True when the row is held by this token now.
    """
    dead = select(table.token).where(*which, table.token != token, is_expired(table))
    is_taken_over = session.scalar(dead) is not None
    until = epoch_now() + lease_s
    takeable = update(table).where(*which, or_(is_free(table), table.token == token))
    taken = changed_rows(session, takeable.values(token=token, leased_until=until).values(values))
    if taken and is_taken_over:
        count_recovered(session, table)
    return bool(taken)


def count_recovered(session: Session, table: type[Leased]) -> None:
    """Count that a row was taken from a process that counts as dead."""
    count(session, LEASES_RECOVERED, KIND_OF_TABLE[table.__tablename__])


def extend(
    session: Session,
    table: type[Leased],
    *which: ColumnElement[bool],
    token: str,
    lease_s: float,
) -> bool:
    """Prolong the lease; False when the token does not hold the row any more."""
    held = update(table).where(*which, table.token == token)
    return bool(changed_rows(session, held.values(leased_until=epoch_now() + lease_s)))


def release(
    session: Session,
    table: type[Leased],
    *which: ColumnElement[bool],
    token: str,
    **values: Any,  # noqa: ANN401 - columns of any type
) -> bool:
    """Free the row, setting `values` with it; False when the token does not hold it any more."""
    held = update(table).where(*which, table.token == token)
    return bool(changed_rows(session, held.values(RELEASED | values)))


def attempts_begun(table: type[LeasedWork], token: str) -> ColumnElement[int]:
    """Count one attempt more, for `take`: a commit whose answer was lost is no new attempt."""
    return case((table.token == token, table.attempts), else_=table.attempts + 1)


def attempts_returned(table: type[LeasedWork]) -> ColumnElement[int]:
    """Count one attempt less, for `release`: a process that was asked to end did not fail."""
    return case((table.attempts > 0, table.attempts - 1), else_=0)


def waiting(
    session: Session,
    table: type[LeasedWork],
    *which: ColumnElement[bool],
    again_after_s: float,
) -> Sequence[str]:
    """Name some rows that are free and that no worker was notified of lately, oldest first.

    Args:
        session: any transaction.
        table: where the rows are.
        which: the conditions under which there is something to do.
        again_after_s: how long after a notification the next may follow.
    """
    return session.scalars(
        select(table.id)
        .where(*which, is_free(table), is_due(table, again_after_s))
        .order_by(table.id)
        .limit(_NAMED_AT_ONCE)
    ).all()


def record_notified(session: Session, table: type[LeasedWork], ids: Sequence[str]) -> None:
    """Record that workers are notified of these rows now."""
    if ids:
        notified = update(table).where(table.id.in_(ids))
        session.execute(notified.values(notified_at=epoch_now()))
