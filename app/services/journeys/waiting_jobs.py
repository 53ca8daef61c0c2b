"""Jobs that wait for a run: when it has ended, its data set is made and given to them."""

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
    """Take jobs on whose runs have ended; any number of processes may do so, at any time.

    What becomes of a job is decided and noted in one transaction that holds its row: of two
    processes that saw the same, the second finds what the first has done.
    """
    with context.database.read() as session:
        waiting = waiting_jobs.rowless(session)
    for job_id in waiting:
        try:
            context.database.retrying(partial(_take_on, job_id=job_id))
        except IntegrityError:
            # The next look finds the other's.
            _log.warning("the data set for job %s was asked for by another at once", job_id)
        except AWAY:
            raise
        except Exception:  # noqa: BLE001 - one job that cannot be read must not hold up the others
            _log.exception("training job %s failed: a defect of the service", job_id)
            context.database.retrying(partial(_bury, job_id=job_id))


def _take_on(session: Session, job_id: str) -> None:
    job = waiting_jobs.hold(session, job_id)
    if job is None:
        return
    dataset = (
        None if job.pending_dataset_id is None else versions.lock(session, job.pending_dataset_id)
    )
    if dataset is None or dataset.state == DatasetState.DELETED:
        _begin(session, job)
    else:
        _give(session, job, dataset)


def _begin(session: Session, job: TrainingJob) -> None:
    """Have the data set made, or say why there will be none."""
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
        dataset = find_or_insert(session, request, new_id("dataset"))
    except InvalidInput as error:
        _fail(session, job, "; ".join([str(error), *map(str, error.faults)]))
    else:
        job.pending_dataset_id = dataset.id


def _give(session: Session, job: TrainingJob, dataset: Dataset) -> None:
    """Give the data set that was made, or say why it cannot be."""
    if (trouble := _trouble_with(dataset)) is not None:
        _fail(session, job, f"The data set {dataset.id} of its run {trouble}.")
    elif dataset.state == DatasetState.READY:
        job.dataset_id = dataset.id


def _trouble_with(dataset: Dataset) -> str | None:
    if dataset.state == DatasetState.FAILED:
        return f"failed: {dataset.message}"
    if dataset.state == DatasetState.READY and not dataset.row_count:
        return "has no row left"
    return None


def _end_with(session: Session, job: TrainingJob, run: Run) -> None:
    if run.status == Status.CANCELLED:
        message = f"Its run {run.id} was cancelled."
        training_jobs.move(session, job.id, Status.CANCELLED, message=message)
    else:
        reason = f": {run.message}" if run.message else "."
        _fail(session, job, f"Its run {run.id} failed{reason}")


def _bury(session: Session, job_id: str) -> None:
    job = waiting_jobs.hold(session, job_id)
    if job is not None:
        _fail(session, job, "A defect of the service; its log has the details.")


def _fail(session: Session, job: TrainingJob, message: str) -> None:
    # Resumed, it has another one made.
    job.pending_dataset_id = None
    said = f"{message} Once that is mended, resume the job."
    training_jobs.move(session, job.id, Status.FAILED, message=said)
