"""Queries on the state of work and endpoints, for monitoring: few, on indexes or small tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Float, func, or_, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.states import UNFINISHED_DATASETS, WORKABLE
from app.store.leases import Leased, is_free, is_live
from app.store.sql import epoch_now
from app.store.tables.datasets import Dataset
from app.store.tables.endpoints import EndpointState
from app.store.tables.runs import Run, RunEvent, RunSlot
from app.store.tables.training import TrainingEvent, TrainingJob
from app.store.training.training_jobs import has_rows

_MAX_WAITING = 100
"""Waiting runs or jobs whose age is read."""
_MAX_ENDPOINTS = 500


class Waiting(NamedTuple):
    """Work that waits for a worker."""

    length: int
    """At most 100 runs or training jobs are counted."""
    oldest_s: float
    """Age of the oldest; 0: none waits."""


class EndpointNow(NamedTuple):
    """An endpoint for one model, as the workers know it."""

    name: str
    model: str
    is_up: bool
    is_throttled: bool
    """It refuses all calls by its rate limit."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """The state of work and endpoints now."""

    runs: Mapping[str, int]
    """By status."""
    training_jobs: Mapping[str, int]
    """By status."""
    datasets: Mapping[str, int]
    """By state."""
    waiting: Mapping[str, Waiting]
    """By kind of work."""
    leases: Mapping[str, int]
    """Leases of live processes, by kind of work."""
    endpoints: Sequence[EndpointNow]


def gauges(session: Session) -> Gauges:
    """Read the state of work and endpoints."""
    return Gauges(
        runs=_count_by(session, Run.status),
        training_jobs=_count_by(session, TrainingJob.status),
        datasets=_count_by(session, Dataset.state),
        waiting={
            "run": _waiting_runs(session),
            "data_set": _waiting_datasets(session),
            "training_job": _waiting_jobs(session),
        },
        leases={
            "run": _live(session, RunSlot),
            "data_set": _live(session, Dataset),
            "training_job": _live(session, TrainingJob),
        },
        endpoints=_endpoints(session),
    )


def _count_by(session: Session, column: InstrumentedAttribute[str]) -> Mapping[str, int]:
    rows = session.execute(select(column, func.count()).group_by(column))
    return {row[0]: row[1] for row in rows}


def _waiting_runs(session: Session) -> Waiting:
    """Find the runs with work that no pump has, and that don't just wait for the provider."""
    held = select(RunSlot.slot).where(RunSlot.run_id == Run.id, is_live(RunSlot)).correlate(Run)
    not_idle = or_(Run.idle_until.is_(None), Run.idle_until <= epoch_now())
    last = _last_status(RunEvent.at, RunEvent.run_id == Run.id, RunEvent)
    served = func.coalesce(_seconds(Run.served_at), 0.0)
    found = (
        select(last, served)
        .where(Run.status.in_(WORKABLE), not_idle, ~held.exists())
        .order_by(Run.id)
        .limit(_MAX_WAITING)
    )
    since = [max(moved or 0.0, left) for moved, left in session.execute(found)]
    return _waiting(session, since)


def _waiting_jobs(session: Session) -> Waiting:
    last = _last_status(TrainingEvent.at, TrainingEvent.job_id == TrainingJob.id, TrainingEvent)
    found = (
        select(last)
        .where(TrainingJob.status.in_(WORKABLE), has_rows(), is_free(TrainingJob))
        .order_by(TrainingJob.id)
        .limit(_MAX_WAITING)
    )
    return _waiting(session, [moved or 0.0 for moved in session.scalars(found)])


def _waiting_datasets(session: Session) -> Waiting:
    free = (Dataset.state.in_(UNFINISHED_DATASETS), is_free(Dataset))
    found = select(_seconds(Dataset.created_at)).where(*free).order_by(Dataset.id)
    return _waiting(session, list(session.scalars(found.limit(_MAX_WAITING))))


def _waiting(session: Session, since: Sequence[float]) -> Waiting:
    known = [each for each in since if each]
    now = session.execute(select(epoch_now())).scalar_one()
    return Waiting(len(since), max(0.0, now - min(known)) if known else 0.0)


def _last_status(
    at: InstrumentedAttribute[object],
    is_of: ColumnElement[bool],
    events: type[RunEvent | TrainingEvent],
) -> ColumnElement[float | None]:
    """Return the time of the last change of a row's status, as the stored number."""
    changes = select(_seconds(at)).where(is_of, events.kind == "status")
    return changes.order_by(events.id.desc()).limit(1).scalar_subquery()


def _live(session: Session, table: type[Leased]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(is_live(table))) or 0


def _endpoints(session: Session) -> Sequence[EndpointNow]:
    held = _seconds(EndpointState.throttled_until) - epoch_now()
    rows = session.execute(
        select(
            EndpointState.name,
            EndpointState.model,
            EndpointState.down_since.is_(None),
            or_(EndpointState.throttled_since.is_not(None), func.coalesce(held, 0.0) > 0),
        )
        .order_by(EndpointState.name, EndpointState.model)
        .limit(_MAX_ENDPOINTS)
    )
    return [EndpointNow(name, model, bool(up), bool(held)) for name, model, up, held in rows]


def _seconds(column: InstrumentedAttribute[object]) -> ColumnElement[float]:
    """Return a point in time as the stored number."""
    return type_coerce(column, Float())
