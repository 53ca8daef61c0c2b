"""Training on what a run makes: the job waits until the run succeeds and its data set is made.

The job is stored at once, without a data set, so that its status can be read. It is requested
together with the run, or later, while the run continues or after it has succeeded.
"""

import json
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator
from sqlalchemy.orm import Session

from app.errors import Fault, InvalidInput
from app.later_options import later_options
from app.services.context import ServiceContext
from app.services.datasets.recipe import DatasetName, RowRecipe
from app.services.idempotency import (
    RequestHash,
    RequestKey,
    insert_once,
    request_hash,
)
from app.services.runs.control import NewRun, find_started, insert_run
from app.services.runs.run_request import RunRequest, check_request
from app.services.training.jobs.control import add_job, insert_job
from app.services.training.jobs.requests import check_judge, faults_of, faults_of_datasets
from app.states import Status
from app.store.ids import may_be_id, new_id
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from app.training.plain.options import TrainingOptions, is_later_option

NO_REVIEW_YET = "the data set of a run has no review yet: leave out review_run_id"


class RunTraining(BaseModel):
    """A training on the rows of a run, once all of them are there."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dataset_name: DatasetName | None = None
    """Name of the data set that is made of the run; left out: the run's id."""
    recipe: RowRecipe = RowRecipe()
    """Filters and other rules that the run's rows pass on the way."""
    options: TrainingOptions = TrainingOptions()
    """The model, and how it is fine-tuned and evaluated."""

    @model_validator(mode="after")
    def _names_no_review(self) -> Self:
        if self.options.review_run_id is not None:
            raise ValueError(NO_REVIEW_YET)
        return self


def start_run(
    context: ServiceContext,
    request: RunRequest,
    training: RunTraining,
    idempotency_key: str | None,
    made_by: str | None = None,
) -> Run:
    """Accept a run together with the training that waits for it: both are stored, or neither.

    The same key with the same request returns the run that was started first.

    Raises:
        InvalidInput: when the run or the training cannot be done as requested.
        NotFound: when there is no such seed set.
        Conflict: when the key was used with another request.
    """
    model = check_request(context, request)
    check_judge(context, training.options, "training.options")
    key = RequestKey(idempotency_key, request.hashed(training), made_by)
    new, job_id = NewRun(new_id("run"), request, model, key), new_id("training")

    def find_or_insert(session: Session) -> Run:
        earlier = find_started(session, key)
        if earlier is not None:
            return earlier
        run = insert_run(session, new)
        if faults := _faults(session, training, "training."):
            raise InvalidInput("The training cannot be started.", faults)
        key_of_job = RequestKey(None, request_hash_of(run.id, training), made_by)
        add_job(session, _job(job_id, run.id, training, key_of_job))
        return run

    return insert_once(context.database, Run, new.id, find_or_insert)


def create_for_run(
    context: ServiceContext,
    run_id: str,
    training: RunTraining,
    idempotency_key: str | None,
    made_by: str | None = None,
) -> TrainingJob:
    """Accept a training on what a run makes. Safe to repeat with a key.

    Raises:
        InvalidInput: when there is no such run, it was cancelled or has failed, a data set that the
            options or the recipe name cannot be read, or the judge has no name.
        Conflict: when the key was used with another request.
    """
    check_judge(context, training.options, "options")
    job_id = new_id("training")
    key = RequestKey(idempotency_key, request_hash_of(run_id, training), made_by)

    def check(session: Session) -> None:
        faults = _faults_of_run(session, run_id) + _faults(session, training, "")
        if faults:
            raise InvalidInput("The job cannot be started.", faults)

    return insert_job(context, lambda: _job(job_id, run_id, training, key), key, check)


def _job(job_id: str, run_id: str, training: RunTraining, key: RequestKey) -> TrainingJob:
    return TrainingJob(
        id=job_id,
        kind="training",
        run_id=run_id,
        requested_dataset=training.model_dump(mode="json", include={"dataset_name", "recipe"}),
        options=training.options.model_dump(mode="json"),
        idempotency_key=key.stored,
        request_sha256=key.request.current,
        made_by=key.made_by,
    )


def request_hash_of(run_id: str, training: RunTraining) -> RequestHash:
    """Hash the request, to tell two of them apart."""
    dump = training.model_dump(mode="json", exclude=later_options(training, is_later_option))
    legacy = json.dumps([run_id, dump], sort_keys=True)
    return request_hash("run_training", {"run_id": run_id, "training": training}, legacy)


def _faults_of_run(session: Session, run_id: str) -> list[Fault]:
    run = session.get(Run, run_id) if may_be_id(run_id) else None
    if run is None:
        return [Fault(f"there is no run with the id {run_id!r}", field="run_id")]
    if run.status in {Status.CANCELLING, Status.CANCELLED, Status.FAILED}:
        fix = f"the run is {run.status}: make a data set of its rows, and give its dataset_id"
        return [Fault(fix, field="run_id")]
    return []


def _faults(session: Session, training: RunTraining, before: str) -> list[Fault]:
    """Find the data sets that cannot be read; the names of their fields begin with `before`."""
    compared = {
        f"{before}recipe.{field}[{n}]": dataset_id
        for field in ("nothing_near", "test_sets")
        for n, dataset_id in enumerate(getattr(training.recipe, field))
    }
    return [
        *faults_of(session, training.options, f"{before}options"),
        *faults_of_datasets(session, compared),
    ]
