"""Queries on training jobs: guarded moves, who works on them, what they report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from app.states import FINAL_JOBS, WORKABLE_JOBS, Status, job_sources_of
from app.store.runs.runs import changes
from app.store.sql import epoch_now
from app.store.tables.training import TrainingEvent, TrainingJob, TrainingOutput

LOG_CHARACTERS = 8000
"""Of a job's log, so many are kept from its end."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a training is."""

    step: int
    steps: int | None
    loss: float | None
    """None: not a number that can be stored."""
    learning_rate: float | None


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a training left."""

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

    With a `token`, only while that process holds it; with `from_only`, only from there. Returns
    False, and does nothing, when the job is not in a state it may come from: repeating is safe.
    """
    now = epoch_now()
    values: dict[str, Any] = {"status": to, "message": message}
    if to is Status.RUNNING:
        first = case((TrainingJob.started_at.is_(None), now), else_=TrainingJob.started_at)
        values["started_at"] = first
    if to in FINAL_JOBS or to is Status.QUEUED:
        values |= {"token": None, "leased_until": None, "notified_at": None}
        values["ended_at"] = now if to in FINAL_JOBS else None
    sources = job_sources_of(to) if from_only is None else {from_only}
    moved = changes(
        session,
        update(TrainingJob)
        .where(TrainingJob.id == job_id, TrainingJob.status.in_(sources))
        .where(TrainingJob.token == token if token else true())
        .values(values),
    )
    if moved:
        add_event(session, job_id, "status", {"status": to, "message": message})
    return bool(moved)


def add_event(session: Session, job_id: str, kind: str, data: dict[str, Any]) -> None:
    """Append what happened."""
    session.execute(insert(TrainingEvent).values(job_id=job_id, kind=kind, data=data))


def is_free() -> ColumnElement[bool]:
    """Whether nobody who lives works on a job."""
    return or_(TrainingJob.leased_until.is_(None), TrainingJob.leased_until < epoch_now())


def has_rows() -> ColumnElement[bool]:
    """Whether its data set is there; until then its run makes it, and no worker can begin."""
    return TrainingJob.dataset_id.is_not(None)


def take(session: Session, job_id: str, token: str, lease_s: float) -> bool:
    """Take a job to work on it: one that waits, or whose worker counts as dead. Safe to repeat."""
    ours = TrainingJob.token == token
    taken = changes(
        session,
        update(TrainingJob)
        .where(TrainingJob.id == job_id, TrainingJob.status.in_(WORKABLE_JOBS), has_rows())
        .where(or_(is_free(), ours))
        .values(
            token=token,
            leased_until=epoch_now() + lease_s,
            # It was told; should it die, the next is told as soon as the lease is over.
            notified_at=None,
            # A commit whose answer was lost is no new attempt.
            attempts=case((ours, TrainingJob.attempts), else_=TrainingJob.attempts + 1),
        ),
    )
    if taken:
        move(session, job_id, Status.RUNNING, token=token)
    return bool(taken)


def beat(session: Session, job_id: str, token: str, lease_s: float) -> Status | None:
    """Prolong the lease and learn what is wanted; None when the job is another's by now."""
    held = (TrainingJob.id == job_id, TrainingJob.token == token)
    prolonged = update(TrainingJob).where(*held).values(leased_until=epoch_now() + lease_s)
    if not changes(session, prolonged):
        return None
    return Status(session.scalars(select(TrainingJob.status).where(*held)).one())


def report(
    session: Session, job_id: str, token: str, report_count: int, steps: Sequence[Step], log: str
) -> bool:
    """Append steps and log lines, fenced; False: the job is another's by now.

    `report_count` is the number of earlier reports: the same report again, after a commit whose
    answer was lost, changes nothing.
    """
    held = and_(TrainingJob.id == job_id, TrainingJob.token == token)
    last = steps[-1] if steps else None
    values: dict[str, Any] = {"report_count": report_count + 1}
    if log:
        kept = select(TrainingJob.log_tail).where(TrainingJob.id == job_id)
        values["log_tail"] = ((session.scalar(kept) or "") + log)[-LOG_CHARACTERS:]
    if last is not None:
        further = TrainingJob.farthest_step < last.step
        values |= {
            "step": last.step,
            "steps": last.steps,
            "loss": last.loss,
            "learning_rate": last.learning_rate,
            "attempts": case((further, 1), else_=TrainingJob.attempts),
            "farthest_step": case((further, last.step), else_=TrainingJob.farthest_step),
        }
    if changes(
        session,
        update(TrainingJob).where(held, TrainingJob.report_count == report_count).values(values),
    ):
        for each in steps:
            data: dict[str, Any] = {"step": each.step, "steps": each.steps}
            data |= {"loss": each.loss, "learning_rate": each.learning_rate}
            add_event(session, job_id, "step", data)
        return True
    return session.scalar(select(TrainingJob.report_count).where(held)) == report_count + 1


def succeed(
    session: Session,
    job_id: str,
    token: str,
    outputs: Sequence[Output],
    evaluation: dict[str, Any] | None,
) -> bool:
    """Note what a job made, unless it is another's by now or was cancelled in time."""
    if not move(session, job_id, Status.SUCCEEDED, token=token):
        return False
    noted = update(TrainingJob).where(TrainingJob.id == job_id).values(evaluation=evaluation)
    session.execute(noted)
    for each in outputs:
        session.add(
            TrainingOutput(
                job_id=job_id, name=each.name, sha256=each.sha256, size_bytes=each.size_bytes
            )
        )
    return True


def hand_back(session: Session, job_id: str, token: str) -> None:
    """Leave a job to the next process; that this one was asked to end is no attempt that failed.

    One that a person cancelled ends here: there is nothing left to do.
    """
    if move(session, job_id, Status.QUEUED, token=token):
        fewer = func.coalesce(TrainingJob.attempts, 1) - 1
        session.execute(update(TrainingJob).where(TrainingJob.id == job_id).values(attempts=fewer))
    else:
        move(session, job_id, Status.CANCELLED, token=token)


def forgive(session: Session, job_id: str) -> None:
    """Count attempts anew: a person wants it to be tried again."""
    session.execute(update(TrainingJob).where(TrainingJob.id == job_id).values(attempts=0))


def of_run(session: Session, run_id: str) -> Sequence[str]:
    """Name the jobs that learn what a run makes, oldest first."""
    wanted = select(TrainingJob.id).where(TrainingJob.run_id == run_id)
    return session.scalars(wanted.order_by(TrainingJob.id)).all()


def outputs_of(session: Session, job_id: str) -> Sequence[TrainingOutput]:
    """Load what a job left, by name."""
    wanted = select(TrainingOutput).where(TrainingOutput.job_id == job_id)
    return session.scalars(wanted.order_by(TrainingOutput.name)).all()


def forget_outputs(session: Session, job_id: str) -> None:
    """Remove what is known of a job's files."""
    session.execute(delete(TrainingOutput).where(TrainingOutput.job_id == job_id))


def unfinished_measuring(session: Session, job_id: str) -> str | None:
    """Name a job that still measures what this one tuned; None: none does."""
    named = cast(TrainingJob.options, Text).contains(job_id, autoescape=True)
    return session.scalar(
        select(TrainingJob.id).where(TrainingJob.status.in_(WORKABLE_JOBS), named).limit(1)
    )


def waiting(session: Session, again_after_s: float) -> Sequence[str]:
    """Name the jobs that a worker should look at and was not told of lately."""
    lately = epoch_now() - again_after_s
    return session.scalars(
        select(TrainingJob.id)
        .where(TrainingJob.status.in_(WORKABLE_JOBS), has_rows(), is_free())
        .where(or_(TrainingJob.notified_at.is_(None), TrainingJob.notified_at < lately))
        .order_by(TrainingJob.id)
        .limit(20)
    ).all()


def note_nudged(session: Session, job_ids: Sequence[str]) -> None:
    """Note that a worker was told of them."""
    if job_ids:
        told = update(TrainingJob).where(TrainingJob.id.in_(job_ids))
        session.execute(told.values(notified_at=epoch_now()))


def unfinished_of(session: Session, dataset_id: str) -> TrainingJob | None:
    """Find a job that still needs this data set, for whatever; None: none does."""
    named = [
        cast(column, Text).contains(dataset_id, autoescape=True)
        for column in (TrainingJob.options, TrainingJob.requested_dataset)
    ]
    learnt = (TrainingJob.dataset_id == dataset_id, TrainingJob.pending_dataset_id == dataset_id)
    return session.scalar(
        select(TrainingJob)
        .where(TrainingJob.status.in_(WORKABLE_JOBS), or_(*learnt, *named))
        .limit(1)
    )


def look(session: Session, job_id: str, after_id: int, most: int) -> Look | None:
    """Read up to `most` events after one of them; None when there is no such job.

    One statement: a status that is final comes with its event, never before it.
    """
    later = and_(TrainingEvent.job_id == TrainingJob.id, TrainingEvent.id > after_id)
    rows = session.execute(
        select(TrainingJob, TrainingEvent)
        .outerjoin(TrainingEvent, later)
        .where(TrainingJob.id == job_id)
        .order_by(TrainingEvent.id)
        .limit(most)
    ).all()
    if not rows:
        return None
    return Look(rows[0][0], [event for _, event in rows if event is not None])
