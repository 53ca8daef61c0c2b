"""Queries on how endpoints are doing: what one worker learnt, all heed.

Rows are locked after the run's, and in the order of their names, so that nobody waits in a circle.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Float, and_, case, func, select, true, type_coerce, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.store.declarative import core
from app.store.sql import changed_rows, epoch_now
from app.store.tables.endpoints import EndpointState

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 8.0


@dataclass(frozen=True, slots=True)
class State:
    """An endpoint at this moment, by the database's clock."""

    held_s: float = 0.0
    """For how long nobody may ask, because it throttles."""
    away_s: float | None = None
    """For how long it has been away; None: it answers."""
    trouble: str | None = None
    """What it was last away with."""
    requests_ahead_s: float = 0.0
    """How long the requests asked so far will fill the limit; below 0: for so long it was idle."""
    tokens_ahead_s: float = 0.0


class Used(NamedTuple):
    """How many seconds' worth of each limit."""

    requests_s: float
    tokens_s: float


def add(session: Session, names: Collection[str], model: str) -> None:
    """Make the rows that are not there yet."""
    dialect = session.get_bind().dialect.name
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    rows = [{"name": name, "model": model} for name in sorted(names)]
    session.execute(make(core(EndpointState)).on_conflict_do_nothing(), rows)


def states(
    session: Session, names: Collection[str], model: str, *, lock: bool
) -> Mapping[str, State]:
    """Read how these endpoints are; with `lock` nobody else changes them meanwhile."""
    now = epoch_now()
    wanted = (
        select(
            EndpointState.name,
            _seconds(EndpointState.throttled_until) - now,
            now - _seconds(EndpointState.down_since),
            EndpointState.trouble,
            _seconds(EndpointState.requests_at) - now,
            _seconds(EndpointState.tokens_at) - now,
        )
        .where(EndpointState.name.in_(names), EndpointState.model == model)
        .order_by(EndpointState.name)
    )
    rows = session.execute(wanted.with_for_update() if lock else wanted)
    return {
        name: State(max(0.0, held or 0.0), away, trouble, requests or 0.0, tokens or 0.0)
        for name, held, away, trouble, requests, tokens in rows
    }


def hold(session: Session, name: str, model: str, hold_s: float) -> None:
    """Let nobody ask for so long."""
    until = epoch_now() + hold_s
    later = case(
        (EndpointState.throttled_until > until, EndpointState.throttled_until), else_=until
    )
    changed_rows(
        session, update(EndpointState).where(_is(name, model)).values(throttled_until=later)
    )


def away(session: Session, name: str, model: str, trouble: str, *, was_probe: bool) -> None:
    """Note that a call found it away; the next one may follow after a delay, which probes grow."""
    now = epoch_now()
    grown = func.coalesce(EndpointState.probe_delay_s * 2, _FIRST_DELAY_S)
    delay = case((grown > _LONGEST_DELAY_S, _LONGEST_DELAY_S), else_=grown)
    # Calls that were out together fail together: that is one message.
    counts = true() if was_probe else EndpointState.down_since.is_(None)
    changed_rows(
        session,
        update(EndpointState)
        .where(_is(name, model), counts)
        .values(
            down_since=func.coalesce(EndpointState.down_since, now),
            trouble=trouble,
            probe_delay_s=delay,
            probe_at=now + delay,
        ),
    )


def take_probe(session: Session, name: str, model: str, within_s: float) -> bool:
    """Take the one call that finds out whether it is back; another may after `within_s`."""
    now = epoch_now()
    due = and_(
        _is(name, model), EndpointState.down_since.is_not(None), EndpointState.probe_at <= now
    )
    return bool(
        changed_rows(session, update(EndpointState).where(due).values(probe_at=now + within_s))
    )


def back(session: Session, name: str, model: str) -> None:
    """Note that it answers."""
    gone = and_(_is(name, model), EndpointState.down_since.is_not(None))
    values = {"down_since": None, "probe_at": None, "probe_delay_s": None}
    changed_rows(session, update(EndpointState).where(gone).values(values))


def charge(session: Session, name: str, model: str, used: Used) -> None:
    """Enter what was asked into the limits; what was not used in the past is not saved up."""
    now = epoch_now()

    def later(at: InstrumentedAttribute[datetime | None], by_s: float) -> ColumnElement[float]:
        so_far = func.coalesce(_seconds(at), now)
        return case((so_far > now, so_far), else_=now) + by_s

    _enter(session, name, model, used, later)


def correct(session: Session, name: str, model: str, used: Used) -> None:
    """Enter by how much an answer took more, or less, than was entered when it was asked for."""

    def later(at: InstrumentedAttribute[datetime | None], by_s: float) -> ColumnElement[float]:
        return _seconds(at) + by_s

    _enter(session, name, model, used, later)


def _enter(
    session: Session,
    name: str,
    model: str,
    used: Used,
    later: Callable[[InstrumentedAttribute[datetime | None], float], ColumnElement[float]],
) -> None:
    values = {
        "requests_at": later(EndpointState.requests_at, used.requests_s),
        "tokens_at": later(EndpointState.tokens_at, used.tokens_s),
    }
    changed_rows(session, update(EndpointState).where(_is(name, model)).values(values))


def _seconds(column: InstrumentedAttribute[datetime | None]) -> ColumnElement[float]:
    """A point in time as the number that is stored."""
    return type_coerce(column, Float())


def _is(name: str, model: str) -> ColumnElement[bool]:
    return and_(EndpointState.name == name, EndpointState.model == model)
