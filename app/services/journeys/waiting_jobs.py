"""Training jobs that wait for a run: when it has ended, its data set is made and given to them."""

import logging
from functools import partial

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import InvalidInput
from app.services.context import ServiceContext
from app.services.datasets.control import DatasetRequest, find_or_insert
from app.services.datasets.recipe import Source, VersionRecipe
from app.services.journeys.seeds_to_model import RunTraining
from app.states import FINAL, DatasetState, Status
from app.store.database import AWAY
from app.store.datasets import versions
from app.store.ids import new_id
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs, waiting_jobs

_log = logging.getLogger(__name__)


def advance_waiting_jobs(context: ServiceContext) -> None:
    """Advance each job whose run has ended by one step.

    Any number of processes may do so at once. A step is decided and stored in one transaction that
    locks the job's row, so a second process finds what the first one has done.
    """
    with context.database.read() as session:
        waiting = waiting_jobs.rowless(session)
    for job_id in waiting:
        try:
            context.database.retrying(partial(_advance, job_id=job_id))
        except IntegrityError:
            # The next step finds the data set of the other process.
            _log.warning("another process requested the data set of job %s first", job_id)
        except AWAY:
            raise
        except Exception:  # noqa: BLE001 - one broken job must not stop the others
            _log.exception("training job %s failed: a defect of the service", job_id)
            context.database.retrying(partial(_fail_by_defect, job_id=job_id))


def _advance(session: Session, job_id: str) -> None:
    job = waiting_jobs.hold(session, job_id)
    if job is None:
        return
    dataset = (
        None if job.pending_dataset_id is None else versions.lock(session, job.pending_dataset_id)
    )
    if dataset is None or dataset.state == DatasetState.DELETED:
        _request_dataset(session, job)
    else:
        _hand_over(session, job, dataset)


def _request_dataset(session: Session, job: TrainingJob) -> None:
    """Request the data set of the job's run, or end the job when the run gives none."""
    run = session.get_one(Run, job.run_id)
    if run.status not in FINAL:
        return
    if run.status != Status.SUCCEEDED:
        _end_with(session, job, run)
        return
    wanted = RunTraining.model_validate(job.requested_dataset)
    recipe = VersionRecipe(sources=(Source(run_id=run.id),), **dict(wanted.recipe))
    request = DatasetRequest(wanted.dataset_name or run.id, recipe)
    try:
        dataset = find_or_insert(session, request, new_id("dataset"), job.made_by)
    except InvalidInput as error:
        _fail(session, job, "; ".join([str(error), *map(str, error.faults)]))
    else:
        job.pending_dataset_id = dataset.id


def _hand_over(session: Session, job: TrainingJob, dataset: Dataset) -> None:
    """Give the job its data set once that is ready, or fail the job."""
    if (failure := _failure_of(dataset)) is not None:
        _fail(session, job, f"The data set {dataset.id} of its run {failure}.")
    elif dataset.state == DatasetState.READY:
        job.dataset_id = dataset.id


def _failure_of(dataset: Dataset) -> str | None:
    if dataset.state == DatasetState.FAILED:
        return f"failed: {dataset.message}".removesuffix(".")
    if dataset.state == DatasetState.READY and not dataset.row_count:
        return "has no rows"
    return None


def _end_with(session: Session, job: TrainingJob, run: Run) -> None:
    if run.status == Status.CANCELLED:
        message = f"Its run {run.id} was cancelled."
        training_jobs.move(session, job.id, Status.CANCELLED, message=message)
    else:
        reason = f": {run.message}" if run.message else "."
        _fail(session, job, f"Its run {run.id} failed{reason}")


def _fail_by_defect(session: Session, job_id: str) -> None:
    job = waiting_jobs.hold(session, job_id)
    if job is not None:
        _fail(session, job, "A defect of the service; its log has the details.")


def _fail(session: Session, job: TrainingJob, message: str) -> None:
    # A resumed job requests another data set.
    job.pending_dataset_id = None
    advice = f"{message} Fix that, then resume the job."
    training_jobs.move(session, job.id, Status.FAILED, message=advice)
