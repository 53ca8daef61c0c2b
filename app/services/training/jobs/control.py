"""The use cases of training jobs: create, list, read, cancel, resume, delete files."""

import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app.errors import Conflict, NotFound
from app.services.context import ServiceContext
from app.services.idempotency import RequestKey, insert_once
from app.services.training.jobs.places import folder_in, models_folder_in
from app.services.training.jobs.requests import TrainingRequest, check, check_again, check_judge
from app.states import FINAL, JobKind, Status
from app.store.ids import may_be_id, new_id
from app.store.pages import Page, page
from app.store.tables.training import TrainingEvent, TrainingJob, TrainingOutput
from app.store.training import training_jobs


def create_job(
    context: ServiceContext,
    request: TrainingRequest,
    idempotency_key: str | None,
    made_by: str | None = None,
) -> TrainingJob:
    """Create a job; safe to repeat with an idempotency key.

    Args:
        context: database and settings.
        request: the job.
        idempotency_key: the key of the request; None: each request is a new job.
        made_by: the id of the API key that creates it; None: it came without one.

    Raises:
        InvalidInput: a data set does not exist, is not ready or has no row; the model to evaluate
            was never tuned; or the judge has no name, or a cost limit but no price.
        Conflict: the key was used for another request.
    """
    check_judge(context, request.options, "options")
    key = RequestKey(idempotency_key, request.hashed(), made_by)
    wanted = {
        "id": new_id("training"),
        "kind": request.kind,
        "dataset_id": request.dataset_id,
        "options": request.options.model_dump(mode="json"),
        "idempotency_key": key.stored,
        "request_sha256": key.request.current,
        "made_by": made_by,
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
    """Store a new job, or return the existing one with the same idempotency key.

    Args:
        context: what this process works with.
        new_job: builds it, each time the same.
        key: its idempotency key and the hash of its request.
        check: checks in the same transaction that it can be done, or raises.

    Raises:
        Conflict: when the key was used with another request.
    """

    def find_or_insert(session: Session) -> TrainingJob:
        earlier = key.find(lambda stored: training_jobs.find_by_key(session, stored), "job")
        if earlier is not None:
            return earlier
        check(session)
        return add_job(session, new_job())

    return insert_once(context.database, TrainingJob, new_job().id, find_or_insert)


def add_job(session: Session, job: TrainingJob) -> TrainingJob:
    """Queue a new job in the transaction of the caller."""
    job.status = Status.QUEUED
    session.add(job)
    session.flush()
    training_jobs.add_event(session, job.id, "status", {"status": Status.QUEUED})
    session.refresh(job)
    return job


def get_job(context: ServiceContext, job_id: str) -> TrainingJob:
    """Load a job with its evaluation.

    Raises:
        NotFound: there is no such job.
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
    """Load a job and lock its row, so that its worker cannot change it meanwhile."""
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
    """Return a page of jobs, newest first, filtered by kind and data set."""
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
    """Return a page of the events of a job.

    Raises:
        NotFound: there is no such job.
    """
    get_job(context, job_id)
    wanted = select(TrainingEvent).where(TrainingEvent.job_id == job_id)
    with context.database.read() as session:
        return page(session, wanted, (TrainingEvent.id,), cursor=cursor, limit=limit)


def outputs(context: ServiceContext, job_id: str) -> Sequence[TrainingOutput]:
    """Return the output files of a job; empty until it has succeeded.

    Raises:
        NotFound: there is no such job.
    """
    get_job(context, job_id)
    with context.database.read() as session:
        return training_jobs.outputs_of(session, job_id)


def output_file(context: ServiceContext, job_id: str, name: str) -> Path:
    """Return the path of an output file; raises the same errors as `output`."""
    return output(context, job_id, name)[1]


def output(context: ServiceContext, job_id: str, name: str) -> tuple[TrainingOutput, Path]:
    """Return an output file with its size and hash.

    Raises:
        NotFound: there is no such job or output, or the file is not on this machine.
    """
    found = next((each for each in outputs(context, job_id) if each.name == name), None)
    if found is None:
        raise NotFound("output", name)
    path = folder_of(context, job_id) / "outputs" / name
    if not path.is_file():
        raise NotFound("output on this machine", name)
    return found, path


def discard_files(context: ServiceContext, job_id: str) -> None:
    """Delete outputs and checkpoints; the job and its evaluation stay. Safe to repeat.

    Raises:
        NotFound: there is no such job.
        Conflict: the job has not ended, or an evaluation of its model is running.
    """
    folder = folder_of(context, job_id)
    gone = folder.with_name(f".{job_id}.{secrets.token_hex(4)}.gone")

    def discard(session: Session) -> None:
        job = _hold(session, job_id)
        if job.status not in FINAL:
            raise Conflict(f"The training job is {job.status}; cancel it first.")
        reader = training_jobs.unfinished_measuring(session, job_id)
        if reader is not None:
            raise Conflict(f"The job {reader} is still evaluating the model of this job.")
        training_jobs.delete_outputs(session, job_id)
        # While its row is locked, so that no worker resumes it meanwhile.
        if folder.exists():
            folder.rename(gone)

    context.database.retrying(discard)
    shutil.rmtree(gone, ignore_errors=True)


def folder_of(context: ServiceContext, job_id: str) -> Path:
    """Return the folder with the checkpoints and outputs of a job."""
    return folder_in(context.files_dir.parent, job_id)


def models_folder(context: ServiceContext) -> Path:
    """Return the folder with base models that all jobs of this machine share."""
    return models_folder_in(context.files_dir.parent)


def cancel_job(context: ServiceContext, job_id: str) -> TrainingJob:
    """Cancel a job: at once when no worker has it, else within seconds. Safe to repeat.

    Raises:
        NotFound: there is no such job.
        Conflict: it has already ended.
    """

    def cancel(session: Session) -> TrainingJob:
        job = _hold(session, job_id)
        if job.status in FINAL - {Status.CANCELLED}:
            raise Conflict(f"The training job has already {job.status}.")
        # A queued job has no worker; the worker of a running job sees this at its next heartbeat.
        if not training_jobs.move(session, job_id, Status.CANCELLED, from_only=Status.QUEUED):
            training_jobs.move(session, job_id, Status.CANCELLING)
        return _load(session, job_id)

    return context.database.retrying(cancel)


def resume_job(context: ServiceContext, job_id: str) -> TrainingJob:
    """Resume a failed or cancelled job from its last checkpoint. Safe to repeat.

    Raises:
        NotFound: there is no such job.
        Conflict: it has succeeded, is being cancelled, or waits for a cancelled run.
        InvalidInput: a data set that it needs no longer exists.
    """

    def resume(session: Session) -> TrainingJob:
        job = _hold(session, job_id)
        if job.status in {Status.SUCCEEDED, Status.CANCELLING}:
            raise Conflict(f"The training job is {job.status}; it cannot be resumed.")
        if job.status in FINAL and training_jobs.move(session, job_id, Status.QUEUED):
            training_jobs.reset_attempts(session, job_id)
            check_again(session, job)
        return _load(session, job_id)

    return context.database.retrying(resume)
