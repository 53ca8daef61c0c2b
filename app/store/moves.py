"""Guarded moves: a status changes only along a transition table, and each change adds its event."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, func, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.counters import KIND_OF_TABLE, STATUS_CHANGES
from app.states import FINAL, Status
from app.store.counting import count
from app.store.sql import changed_rows, epoch_now


class Moving:
    """The columns of a row whose status moves; nothing but `move` changes them."""

    __tablename__: str

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    status: Mapped[str] = mapped_column(String(20), index=True)
    """`states.Status`."""
    message: Mapped[str | None]
    """An explanation with what a person can do; null: nothing to say."""
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Move:
    """One change of status."""

    to: Status
    sources: frozenset[Status]
    """The statuses it may start from."""
    message: str | None = None
    event: dict[str, Any] = field(default_factory=dict)
    """Further data of its event, beside the status and the message."""
    values: dict[str, Any] = field(default_factory=dict)
    """Further columns that change with it."""


def move(
    session: Session,
    table: type[Moving],
    row_id: str,
    wanted: Move,
    *guards: ColumnElement[bool],
    add_event: Callable[[Session, str, str, dict[str, Any]], None],
) -> bool:
    """Move a row's status, and append the event in the same transaction.

    Args:
        session: a transaction that writes.
        table: where the row is.
        row_id: the row.
        wanted: where it moves to, and from where it may.
        guards: further conditions, such as the fence of the process that moves it.
        add_event: appends an event of a kind, with its data, to the row's log.

    Returns:
        True when it moved. False, with nothing changed, when the row is in another status or a
        guard does not hold: repeating a move is safe.
    """
    now = epoch_now()
    values: dict[str, Any] = {
        "status": wanted.to,
        "message": wanted.message,
        "ended_at": now if wanted.to in FINAL else None,
    }
    if wanted.to is Status.RUNNING:
        values["started_at"] = func.coalesce(table.started_at, now)
    guarded = update(table).where(table.id == row_id, table.status.in_(wanted.sources), *guards)
    if not changed_rows(session, guarded.values(values | wanted.values)):
        return False
    kind, reason = KIND_OF_TABLE[table.__tablename__], wanted.event.get("reason")
    count(session, STATUS_CHANGES, kind, wanted.to, reason or "")
    data = {"status": wanted.to, **wanted.event, "message": wanted.message}
    add_event(session, row_id, "status", data)
    return True
