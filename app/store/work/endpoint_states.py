"""Queries on endpoint state: workers share rate limits and outages through it.

Rows are locked after the run's row, and in the order of their names, so that there is no deadlock.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Float,
    and_,
    case,
    func,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.store.declarative import core
from app.store.sql import changed_rows, epoch_now
from app.store.tables.endpoints import EndpointState

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 4.0
"""An endpoint that is back is noticed after this time at the latest."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of an endpoint now, by the database's clock."""

    held_s: float = 0.0
    """Seconds until it may be asked again, because it throttles."""
    throttled_s: float | None = None
    """Seconds since which it has refused every call by its rate limit; None: it answers."""
    throttle: str | None = None
    """The message of its last throttle."""
    away_s: float | None = None
    """Seconds since it went down; None: it answers."""
    trouble: str | None = None
    """The message of its last outage."""
    down_for_s: float = 0.0
    """Seconds for which an endpoint that is down asked for no call; 0: it named no time."""
    requests_ahead_s: float = 0.0
    """Seconds for which the requests so far fill the limit; below 0: seconds it has been idle."""
    tokens_ahead_s: float = 0.0


class Throttle(NamedTuple):
    """A worker's view of an endpoint that refuses all its calls by a rate limit."""

    hold_s: float
    """Seconds for which no call should be sent."""
    since_s: float
    """Seconds since the first refusal after its last answer."""
    words: str


class Used(NamedTuple):
    """An amount of each limit, in seconds of that limit."""

    requests_s: float
    tokens_s: float


def add(session: Session, names: Collection[str], model: str) -> None:
    """Add the rows that are not there yet."""
    dialect = session.get_bind().dialect.name
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    rows = [{"name": name, "model": model} for name in sorted(names)]
    session.execute(make(core(EndpointState)).on_conflict_do_nothing(), rows)


def states(
    session: Session, names: Collection[str], model: str, *, lock: bool
) -> Mapping[str, State]:
    """Read the states of these endpoints; with `lock`, nobody changes them until the commit."""
    now = epoch_now()
    wanted = (
        select(
            EndpointState.name,
            _seconds(EndpointState.throttled_until) - now,
            now - _seconds(EndpointState.throttled_since),
            EndpointState.throttle,
            now - _seconds(EndpointState.down_since),
            EndpointState.trouble,
            _seconds(EndpointState.down_until) - now,
            _seconds(EndpointState.requests_at) - now,
            _seconds(EndpointState.tokens_at) - now,
        )
        .where(EndpointState.name.in_(names), EndpointState.model == model)
        .order_by(EndpointState.name)
    )
    rows = session.execute(wanted.with_for_update() if lock else wanted)
    return {
        name: State(
            max(0.0, held or 0.0),
            throttled,
            throttle,
            away,
            trouble,
            max(0.0, down_for or 0.0),
            requests or 0.0,
            tokens or 0.0,
        )
        for name, held, throttled, throttle, away, trouble, down_for, requests, tokens in rows
    }


def record_throttled(session: Session, name: str, model: str, throttle: Throttle) -> None:
    """Record that it refuses all calls: nobody asks it for a while, or longer if set before."""
    now = epoch_now()
    until = now + throttle.hold_s
    later = case(
        (EndpointState.throttled_until > until, EndpointState.throttled_until), else_=until
    )
    values = {
        "throttled_until": later,
        "throttled_since": func.coalesce(EndpointState.throttled_since, now - throttle.since_s),
        "throttle": throttle.words,
    }
    changed_rows(session, update(EndpointState).where(_is(name, model)).values(values))


def record_down(
    session: Session,
    name: str,
    model: str,
    trouble: str,
    *,
    was_probe: bool,
    retry_after_s: float | None = None,
) -> None:
    """Record that a call found it down; the next may follow after a delay, which probes double.

    Args:
        session: of the transaction.
        name: of the endpoint.
        model: that was asked for.
        trouble: the message of the outage.
        was_probe: the call was the only one, to find out whether it is back.
        retry_after_s: the wait that it asked for, in seconds; None: it said nothing.
    """
    now = epoch_now()
    grown = func.coalesce(EndpointState.probe_delay_s * 2, _FIRST_DELAY_S)
    delay = case((grown > _LONGEST_DELAY_S, _LONGEST_DELAY_S), else_=grown)
    # Calls that were in flight together fail together: they count once.
    asked_s = 0.0 if retry_after_s is None else retry_after_s
    wait = case((delay > asked_s, delay), else_=asked_s)
    counts = true() if was_probe else EndpointState.down_since.is_(None)
    changed_rows(
        session,
        update(EndpointState)
        .where(_is(name, model), counts)
        .values(
            down_since=func.coalesce(EndpointState.down_since, now),
            trouble=trouble,
            probe_delay_s=delay,
            probe_at=now + wait,
            down_until=None if retry_after_s is None else now + retry_after_s,
        ),
    )


def take_probe(session: Session, name: str, model: str, within_s: float) -> bool:
    """Take the one probe call; another worker may take it after `within_s` seconds."""
    now = epoch_now()
    due = and_(
        _is(name, model), EndpointState.down_since.is_not(None), EndpointState.probe_at <= now
    )
    return bool(
        changed_rows(session, update(EndpointState).where(due).values(probe_at=now + within_s))
    )


def record_up(session: Session, name: str, model: str) -> None:
    """Record that it answers. A wait that it asked for goes on: see `release`."""
    silent = or_(EndpointState.down_since.is_not(None), EndpointState.throttled_since.is_not(None))
    values = dict.fromkeys(
        ("down_since", "down_until", "probe_at", "probe_delay_s", "throttled_since")
    )
    changed_rows(session, update(EndpointState).where(_is(name, model), silent).values(values))


def release(session: Session, name: str, model: str) -> None:
    """End a wait that it asked for: a call that was sent all the same was answered."""
    held = and_(_is(name, model), EndpointState.throttled_until.is_not(None))
    changed_rows(session, update(EndpointState).where(held).values(throttled_until=None))


def charge(session: Session, name: str, model: str, used: Used) -> None:
    """Charge a call to the limits; unused capacity of the past is not saved up."""
    now = epoch_now()

    def later(at: InstrumentedAttribute[datetime | None], by_s: float) -> ColumnElement[float]:
        so_far = func.coalesce(_seconds(at), now)
        return case((so_far > now, so_far), else_=now) + by_s

    _enter(session, name, model, used, later)


def correct(session: Session, name: str, model: str, used: Used) -> None:
    """Correct a charge by how much more, or less, the answer used than was charged."""

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
    """Return a point in time as the stored number."""
    return type_coerce(column, Float())


def _is(name: str, model: str) -> ColumnElement[bool]:
    return and_(EndpointState.name == name, EndpointState.model == model)
