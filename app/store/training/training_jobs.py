"""Queries on training jobs: guarded moves, the lease of their worker, what it reports."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from app.states import FINAL, JOB_TRANSITIONS, WORKABLE, Status, sources_of
from app.store import leases
from app.store.moves import Move
from app.store.moves import move as guarded_move
from app.store.sql import changed_rows
from app.store.tables.training import TrainingEvent, TrainingJob, TrainingOutput

LOG_CHARACTERS = 8000
"""Length of the end of a job's log that is kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """The progress of a training."""

    step: int
    steps: int | None
    """Of the whole training; None: not known yet."""
    loss: float | None
    """None: not a finite number."""
    learning_rate: float | None


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a training job made."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Look:
    """A job and its events, both as of one moment."""

    job: TrainingJob
    events: Sequence[TrainingEvent]


def find_by_key(session: Session, idempotency_key: str) -> TrainingJob | None:
    """Find the job that a request with this key made."""
    return session.scalar(select(TrainingJob).where(TrainingJob.idempotency_key == idempotency_key))


def move(
    session: Session,
    job_id: str,
    to: Status,
    *,
    message: str | None = None,
    token: str = "",
    from_only: Status | None = None,
) -> bool:
    """Move a job's status where the transition table allows it, and append the event.

    With a `token`, only while that process holds it; with `from_only`, only from that status. A
    job that ends or is queued again is free.

    Returns:
        True when it moved. False, with nothing changed, when the job is not in a status it may come
        from: repeating a move is safe.
    """
    sources = sources_of(JOB_TRANSITIONS, to) if from_only is None else frozenset({from_only})
    freed = to in FINAL or to is Status.QUEUED
    values = leases.RELEASED | {"notified_at": None} if freed else {}
    guards = (TrainingJob.token == token,) if token else ()
    wanted = Move(to, sources, message, values=values)
    return guarded_move(session, TrainingJob, job_id, wanted, *guards, add_event=add_event)


def add_event(session: Session, job_id: str, kind: str, data: dict[str, Any]) -> None:
    """Append an event to a job's log; the caller's transaction holds the job's row."""
    session.execute(insert(TrainingEvent).values(job_id=job_id, kind=kind, data=data))


def has_rows() -> ColumnElement[bool]:
    """Return the condition that a job's data set is there; until then no worker can begin."""
    return TrainingJob.dataset_id.is_not(None)


def take(session: Session, job_id: str, token: str, lease_s: float) -> bool:
    """Take a job that has work and is free; safe to repeat."""
    taken = leases.take(
        session,
        TrainingJob,
        TrainingJob.id == job_id,
        TrainingJob.status.in_(WORKABLE),
        has_rows(),
        token=token,
        lease_s=lease_s,
        attempts=leases.attempts_begun(TrainingJob, token),
        # If this worker dies, the next is notified as soon as the lease has expired.
        notified_at=None,
    )
    if taken:
        move(session, job_id, Status.RUNNING, token=token)
    return taken


def extend(session: Session, job_id: str, token: str, lease_s: float) -> Status | None:
    """Prolong the lease; return the job's status, or None when it was lost to another process."""
    this = TrainingJob.id == job_id
    if not leases.extend(session, TrainingJob, this, token=token, lease_s=lease_s):
        return None
    return Status(session.scalars(select(TrainingJob.status).where(this)).one())


def report(
    session: Session, job_id: str, token: str, report_count: int, steps: Sequence[Step], log: str
) -> bool:
    """Append steps and log lines, fenced; False when the job was lost to another process.

    `report_count` is the number of earlier reports: the same report again, after a commit whose
    answer was lost, changes nothing.
    """
    held = and_(TrainingJob.id == job_id, TrainingJob.token == token)
    values: dict[str, Any] = {"report_count": report_count + 1}
    if log:
        kept = session.scalar(select(TrainingJob.log_tail).where(TrainingJob.id == job_id))
        values["log_tail"] = ((kept or "") + log)[-LOG_CHARACTERS:]
    if steps:
        values |= _progress(steps[-1])
    new = update(TrainingJob).where(held, TrainingJob.report_count == report_count)
    if changed_rows(session, new.values(values)):
        for each in steps:
            add_event(session, job_id, "step", asdict(each))
        return True
    return session.scalar(select(TrainingJob.report_count).where(held)) == report_count + 1


def _progress(last: Step) -> dict[str, Any]:
    further = TrainingJob.farthest_step < last.step
    return asdict(last) | {
        "attempts": case((further, 1), else_=TrainingJob.attempts),
        "farthest_step": case((further, last.step), else_=TrainingJob.farthest_step),
    }


def succeed(
    session: Session,
    job_id: str,
    token: str,
    outputs: Sequence[Output],
    evaluation: dict[str, Any] | None,
) -> bool:
    """Record what a job made; False when it was lost to another process, or cancelled in time."""
    if not move(session, job_id, Status.SUCCEEDED, token=token):
        return False
    recorded = update(TrainingJob).where(TrainingJob.id == job_id).values(evaluation=evaluation)
    session.execute(recorded)
    session.add_all(TrainingOutput(job_id=job_id, **asdict(output)) for output in outputs)
    return True


def release(session: Session, job_id: str, token: str) -> None:
    """Leave a job to the next process; a job that a person has cancelled ends here.

    Being asked to stop does not count as a failed attempt.
    """
    if move(session, job_id, Status.QUEUED, token=token):
        fewer = leases.attempts_returned(TrainingJob)
        session.execute(update(TrainingJob).where(TrainingJob.id == job_id).values(attempts=fewer))
    else:
        move(session, job_id, Status.CANCELLED, token=token)


def wait(session: Session, job_id: str, token: str, message: str) -> None:
    """Leave a job to the next process, some time later, with the reason.

    It counts as a failed attempt: if no attempt gets further, the job ends.
    """
    if move(session, job_id, Status.QUEUED, message=message, token=token):
        leases.record_notified(session, TrainingJob, [job_id])
    else:
        move(session, job_id, Status.CANCELLED, token=token)


def reset_attempts(session: Session, job_id: str) -> None:
    """Count attempts from 0 again: a person wants it to be tried again."""
    session.execute(update(TrainingJob).where(TrainingJob.id == job_id).values(attempts=0))


def of_run(session: Session, run_id: str) -> Sequence[str]:
    """List the ids of the jobs that train on the data set of a run, oldest first."""
    wanted = select(TrainingJob.id).where(TrainingJob.run_id == run_id)
    return session.scalars(wanted.order_by(TrainingJob.id)).all()


def outputs_of(session: Session, job_id: str) -> Sequence[TrainingOutput]:
    """Load the records of a job's files, by name."""
    wanted = select(TrainingOutput).where(TrainingOutput.job_id == job_id)
    return session.scalars(wanted.order_by(TrainingOutput.name)).all()


def delete_outputs(session: Session, job_id: str) -> None:
    """Delete the records of a job's files."""
    session.execute(delete(TrainingOutput).where(TrainingOutput.job_id == job_id))


def unfinished_measuring(session: Session, job_id: str) -> str | None:
    """Return the id of an unfinished job that measures this one's model; None: there is none."""
    measures = cast(TrainingJob.options, Text).contains(job_id, autoescape=True)
    return session.scalar(
        select(TrainingJob.id).where(TrainingJob.status.in_(WORKABLE), measures).limit(1)
    )


def waiting(session: Session, again_after_s: float) -> Sequence[str]:
    """Name some jobs that have work, are free, and of which no worker was notified lately."""
    workable = (TrainingJob.status.in_(WORKABLE), has_rows())
    return leases.waiting(session, TrainingJob, *workable, again_after_s=again_after_s)


def unfinished_of(session: Session, dataset_id: str) -> TrainingJob | None:
    """Find an unfinished job that needs this data set for any purpose; None: there is none."""
    mentioned = [
        cast(column, Text).contains(dataset_id, autoescape=True)
        for column in (TrainingJob.options, TrainingJob.requested_dataset)
    ]
    used = (TrainingJob.dataset_id == dataset_id, TrainingJob.pending_dataset_id == dataset_id)
    return session.scalar(
        select(TrainingJob).where(TrainingJob.status.in_(WORKABLE), or_(*used, *mentioned)).limit(1)
    )


def look(session: Session, job_id: str, after_id: int, limit: int) -> Look | None:
    """Read up to `limit` events after one of them; None when there is no such job.

    One statement: a final status comes together with its event, never before it.
    """
    later = and_(TrainingEvent.job_id == TrainingJob.id, TrainingEvent.id > after_id)
    rows = session.execute(
        select(TrainingJob, TrainingEvent)
        .outerjoin(TrainingEvent, later)
        .where(TrainingJob.id == job_id)
        .order_by(TrainingEvent.id)
        .limit(limit)
    ).all()
    if not rows:
        return None
    return Look(rows[0][0], [event for _, event in rows if event is not None])
