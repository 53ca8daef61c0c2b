"""Queries on a run that waits for its endpoints: since when, and why, for its view and its events.

A wait has one event at its beginning and one at its end. A run that waits again and again within a
minute, such as under a limit of a few calls a minute, adds no further events.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Float, func, select, type_coerce, update
from sqlalchemy.orm import Session

from app.states import WaitKind
from app.store.runs.events import add_event
from app.store.sql import epoch_now
from app.store.tables.runs import Run

NOTICEABLE_S = 5.0
"""A wait that is shorter is not shown: an endpoint is away for a moment now and then."""
_REPORT_AGAIN_S = 60.0
_AFTER_S = 0.001
"""A wait begins later than the event of the one before, or it would count as reported."""


class Wait(NamedTuple):
    """A reason why no call is answered now."""

    kind: WaitKind
    message: str
    """The provider's words."""
    for_s: float = 0.0
    """Seconds that it has lasted."""


class _Times(NamedTuple):
    """Times of a run, in seconds of the database's clock."""

    now: float
    since: float | None
    """When the wait began; None: it does not wait."""
    event_at: float
    """When the last event was added that says that it waits; 0.0: there was none."""

    @property
    def is_reported(self) -> bool:
        """Return True when the wait that lasts now has its event."""
        return self.since is not None and self.event_at >= self.since


def begin(session: Session, run_id: str, wait: Wait) -> None:
    """Record that the run waits; safe to repeat, with the same words or others."""
    times = _times(session, run_id)
    values: dict[str, Any] = {"waiting_kind": wait.kind, "waiting_message": wait.message}
    since = times.since
    if since is None:
        since = max(times.now - wait.for_s, times.event_at + _AFTER_S)
        values["waiting_since"] = _moment(since)
        is_due = times.now - times.event_at > _REPORT_AGAIN_S
    else:
        is_due = not times.is_reported and times.now - since > _REPORT_AGAIN_S
    if is_due:
        values["waiting_event_at"] = _moment(times.now)
        waited_s = round(times.now - since, 1)
        data = {"kind": wait.kind, "message": wait.message, "waited_s": waited_s}
        add_event(session, run_id, "waiting", data)
    session.execute(update(Run).where(Run.id == run_id).values(values))


def end(session: Session, run_id: str) -> None:
    """Record that the run does not wait any more; safe to repeat."""
    times = _times(session, run_id)
    if times.since is None:
        return
    values = {"waiting_since": None, "waiting_kind": None, "waiting_message": None}
    session.execute(update(Run).where(Run.id == run_id).values(values))
    if times.is_reported:
        waited_s = round(times.now - times.since, 1)
        add_event(session, run_id, "waiting_ended", {"waited_s": waited_s})


def _times(session: Session, run_id: str) -> _Times:
    since, event_at = (type_coerce(at, Float()) for at in (Run.waiting_since, Run.waiting_event_at))
    found = select(epoch_now(), since, func.coalesce(event_at, 0.0)).where(Run.id == run_id)
    row = session.execute(found).first()
    return _Times(0.0, None, 0.0) if row is None else _Times(*row)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
