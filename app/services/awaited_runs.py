"""Jobs that wait for a run: when it has ended, its data set is made and given to them."""

from sqlalchemy.orm import Session

from app.errors import InvalidInput
from app.pipeline.run_state import Status
from app.services.datasets import DatasetRequest, create_dataset
from app.services.recipes import Source, VersionRecipe
from app.services.run_training import RunTraining
from app.services.workshop import Workshop
from app.store import awaited_runs, datasets, training_jobs
from app.store.awaited_runs import RowlessJob
from app.store.dataset_table import Dataset


def begin_what_waited(workshop: Workshop) -> None:
    """Take jobs on whose runs have ended; any number of processes may do so, at any time."""
    with workshop.database.read() as session:
        waiting = awaited_runs.rowless(session)
    for job in waiting:
        _take_on(workshop, job)


def _take_on(workshop: Workshop, job: RowlessJob) -> None:
    if job.run_status != Status.SUCCEEDED:
        reason = f": {job.run_message}" if job.run_message else ""
        _fail(workshop, job, f"Its run {job.run_id} has {job.run_status}{reason}.")
        return
    try:
        dataset = _dataset_of(workshop, job)
    except InvalidInput as error:
        _fail(workshop, job, "; ".join([str(error), *map(str, error.faults)]))
        return
    if (trouble := _trouble_with(dataset)) is not None:
        _fail(workshop, job, f"The data set {dataset.id} of its run {trouble}.")
    elif dataset.state == datasets.READY:
        workshop.database.retrying(
            lambda session: awaited_runs.give_rows(session, job.id, dataset.id)
        )


def _dataset_of(workshop: Workshop, job: RowlessJob) -> Dataset:
    """The version that was begun for the job, or a new one."""
    if job.making is not None:
        with workshop.database.read() as session:
            return session.get_one(Dataset, job.making)
    wanted = RunTraining.model_validate(job.wanted_dataset)
    recipe = VersionRecipe(sources=(Source(run_id=job.run_id),), **dict(wanted.recipe))
    # The same name and recipe over the same rows is the version that is there: to die here makes
    # none twice.
    dataset, _ = create_dataset(workshop, DatasetRequest(wanted.dataset_name or job.run_id, recipe))
    workshop.database.retrying(lambda session: awaited_runs.note_made(session, job.id, dataset.id))
    return dataset


def _trouble_with(dataset: Dataset) -> str | None:
    if dataset.state == datasets.FAILED:
        return f"failed: {dataset.message}"
    if dataset.state == datasets.DELETED:
        return "was deleted"
    if dataset.state == datasets.READY and not dataset.row_count:
        return "has no row left"
    return None


def _fail(workshop: Workshop, job: RowlessJob, message: str) -> None:
    said = f"{message} Once that is mended, resume the job."

    def note(session: Session) -> None:
        training_jobs.move(session, job.id, Status.FAILED, message=said, from_only=Status.QUEUED)
        # Resumed, it has another one made.
        awaited_runs.note_made(session, job.id, None)

    workshop.database.retrying(note)
