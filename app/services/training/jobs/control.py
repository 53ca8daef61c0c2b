"""What a person can do with training jobs: start, look, cancel, have them go on."""

import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app.errors import Conflict, NotFound
from app.services.context import ServiceContext
from app.services.idempotency import RequestKey, insert_once
from app.services.training.jobs.requests import TrainingRequest, check, check_again, check_judge
from app.states import FINAL, JobKind, Status
from app.store.ids import may_be_id, new_id
from app.store.pages import Page, page
from app.store.tables.training import TrainingEvent, TrainingJob, TrainingOutput
from app.store.training import training_jobs


def create_job(
    context: ServiceContext, request: TrainingRequest, idempotency_key: str | None
) -> TrainingJob:
    """Take in a request for a training; safe to repeat with a key.

    Raises:
        InvalidInput: when a data set does not exist, is not ready or has no row, when the model to
            be measured was never tuned, or when the judge has no name, or no price and a cap.
        Conflict: when the key was used with another request.
    """
    check_judge(context, request.options, "options")
    key = RequestKey(idempotency_key, request.hashed())
    wanted = {
        "id": new_id("training"),
        "kind": request.kind,
        "dataset_id": request.dataset_id,
        "options": request.options.model_dump(mode="json"),
        "idempotency_key": idempotency_key,
        "request_sha256": key.request.current,
    }
    return insert_job(
        context, lambda: TrainingJob(**wanted), key, lambda session: check(session, request)
    )


def insert_job(
    context: ServiceContext,
    new_job: Callable[[], TrainingJob],
    key: RequestKey,
    check: Callable[[Session], None],
) -> TrainingJob:
    """Store a new job, unless one with its idempotency key is there: then that is returned.

    Args:
        context: what this process works with.
        new_job: builds it, each time the same.
        key: its idempotency key and the hash of its request.
        check: checks in the same transaction that it can be done, or raises.

    Raises:
        Conflict: when the key was used with another request.
    """

    def find_or_insert(session: Session) -> TrainingJob:
        earlier = None if key.key is None else training_jobs.find_by_key(session, key.key)
        if earlier is not None:
            key.check_same(earlier.request_sha256, "job")
            return earlier
        check(session)
        return add_job(session, new_job())

    return insert_once(context.database, TrainingJob, new_job().id, find_or_insert)


def add_job(session: Session, job: TrainingJob) -> TrainingJob:
    """Put a new job into the queue, in the transaction of the caller."""
    job.status = Status.QUEUED
    session.add(job)
    session.flush()
    training_jobs.add_event(session, job.id, "status", {"status": Status.QUEUED})
    session.refresh(job)
    return job


def get_job(context: ServiceContext, job_id: str) -> TrainingJob:
    """Load one with its evaluation.

    Raises:
        NotFound: when there is none with this id.
    """
    with context.database.read() as session:
        return _load(session, job_id)


def _load(session: Session, job_id: str) -> TrainingJob:
    whole = (undefer(TrainingJob.evaluation), undefer(TrainingJob.log_tail))
    found = (
        session.get(TrainingJob, job_id, options=whole, populate_existing=True)
        if may_be_id(job_id)
        else None
    )
    if found is None:
        raise NotFound("training job", job_id)
    return found


def _hold(session: Session, job_id: str) -> TrainingJob:
    """Load a job and hold its row, so that its worker moves it before us or after, not between."""
    held = session.get(TrainingJob, job_id, with_for_update=True) if may_be_id(job_id) else None
    if held is None:
        raise NotFound("training job", job_id)
    return held


def list_jobs(
    context: ServiceContext,
    *,
    kind: JobKind | None,
    dataset_id: str | None,
    cursor: str | None,
    limit: int,
) -> Page[TrainingJob]:
    """Page through jobs, newest first; those of one kind, of one data set, or all."""
    wanted = select(TrainingJob)
    if kind is not None:
        wanted = wanted.where(TrainingJob.kind == kind)
    if dataset_id is not None:
        wanted = wanted.where(TrainingJob.dataset_id == dataset_id)
    keys = (TrainingJob.id,)
    with context.database.read() as session:
        return page(session, wanted, keys, cursor=cursor, limit=limit, newest_first=True)


def list_events(
    context: ServiceContext, job_id: str, *, cursor: str | None, limit: int
) -> Page[TrainingEvent]:
    """Page through what happened to a job.

    Raises:
        NotFound: when there is no such job.
    """
    get_job(context, job_id)
    wanted = select(TrainingEvent).where(TrainingEvent.job_id == job_id)
    with context.database.read() as session:
        return page(session, wanted, (TrainingEvent.id,), cursor=cursor, limit=limit)


def outputs(context: ServiceContext, job_id: str) -> Sequence[TrainingOutput]:
    """Load what a job left; nothing while it has not succeeded.

    Raises:
        NotFound: when there is no such job.
    """
    get_job(context, job_id)
    with context.database.read() as session:
        return training_jobs.outputs_of(session, job_id)


def output_file(context: ServiceContext, job_id: str, name: str) -> Path:
    """Find a file that a job left; raises what `output` does."""
    return output(context, job_id, name)[1]


def output(context: ServiceContext, job_id: str, name: str) -> tuple[TrainingOutput, Path]:
    """Find a file that a job left, and what is known of it.

    Raises:
        NotFound: when there is no such job, it left no such file, or the file is not on this
            machine.
    """
    found = next((each for each in outputs(context, job_id) if each.name == name), None)
    if found is None:
        raise NotFound("output", name)
    path = folder_of(context, job_id) / "outputs" / name
    if not path.is_file():
        raise NotFound("output on this machine", name)
    return found, path


def discard_files(context: ServiceContext, job_id: str) -> None:
    """Remove what a job left and its checkpoints; the job and its evaluation stay. Safe to repeat.

    Raises:
        NotFound: when there is no such job.
        Conflict: when it has not ended, or what it tuned is being measured.
    """
    folder = folder_of(context, job_id)
    gone = folder.with_name(f".{job_id}.{secrets.token_hex(4)}.gone")

    def discard(session: Session) -> None:
        job = _hold(session, job_id)
        if job.status not in FINAL:
            raise Conflict(f"The training job is {job.status}; cancel it first.")
        reader = training_jobs.unfinished_measuring(session, job_id)
        if reader is not None:
            raise Conflict(f"The job {reader}, which has not ended, measures what it tuned.")
        training_jobs.delete_outputs(session, job_id)
        # While its row is held, so that nobody resumes it meanwhile and works in there.
        if folder.exists():
            folder.rename(gone)

    context.database.retrying(discard)
    shutil.rmtree(gone, ignore_errors=True)


def folder_of(context: ServiceContext, job_id: str) -> Path:
    """Where a job's checkpoints and outputs lie."""
    return folder_in(context.files_dir.parent, job_id)


def folder_in(data_dir: Path, job_id: str) -> Path:
    """The same for whoever has a data folder and no context."""
    return data_dir / "training" / job_id


def models_folder(context: ServiceContext) -> Path:
    """Where base models lie that all jobs of this machine share."""
    return models_folder_in(context.files_dir.parent)


def models_folder_in(data_dir: Path) -> Path:
    """The same for whoever has a data folder and no context."""
    return data_dir / "models"


def cancel_job(context: ServiceContext, job_id: str) -> TrainingJob:
    """Cancel a job: at once where nobody works on it, else within seconds; safe to repeat.

    Raises:
        NotFound: when there is no such job.
        Conflict: when it has ended already.
    """

    def cancel(session: Session) -> TrainingJob:
        job = _hold(session, job_id)
        if job.status in FINAL - {Status.CANCELLED}:
            raise Conflict(f"The training job has {job.status}; there is nothing to cancel.")
        # Queued, nobody holds it; running, its worker learns of it at the next look.
        if not training_jobs.move(session, job_id, Status.CANCELLED, from_only=Status.QUEUED):
            training_jobs.move(session, job_id, Status.CANCELLING)
        return _load(session, job_id)

    return context.database.retrying(cancel)


def resume_job(context: ServiceContext, job_id: str) -> TrainingJob:
    """Have a job that failed or was cancelled go on from its last checkpoint; safe to repeat.

    Raises:
        NotFound: when there is no such job.
        Conflict: when it has succeeded, is being cancelled, or waits for a run that was cancelled.
        InvalidInput: when a data set that it needs is there no more.
    """

    def resume(session: Session) -> TrainingJob:
        job = _hold(session, job_id)
        if job.status in {Status.SUCCEEDED, Status.CANCELLING}:
            raise Conflict(f"The training job is {job.status}; it cannot go on.")
        if job.status in FINAL and training_jobs.move(session, job_id, Status.QUEUED):
            training_jobs.reset_attempts(session, job_id)
            check_again(session, job)
        return _load(session, job_id)

    return context.database.retrying(resume)
