"""A training that waits for a run: begun when the run has succeeded and its data set is made.

The job is there from the beginning, without a data set, so that whoever asked can look at it. It
comes with the run, or is asked for later, while the run goes on or when it has succeeded.
"""

import json
from hashlib import sha256
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from app.errors import Fault, InvalidInput
from app.services.context import ServiceContext
from app.services.datasets.recipe import RowRecipe
from app.services.training.jobs.control import add_job, take_in
from app.services.training.jobs.requests import check_judge, faults_of, faults_of_datasets
from app.states import Status
from app.store.ids import may_be_id, new_id
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from app.training.plain.options import TrainingOptions

NO_REVIEW_YET = "what a run makes has no review yet: leave out review_run_id"
DatasetName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w.-]+$")]


class RunTraining(BaseModel):
    """What is tuned on a run's rows once they are all there."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dataset_name: DatasetName | None = None
    """Of the data set that is made of the run; left out: the run's id."""
    recipe: RowRecipe = RowRecipe()
    """What is done to the run's rows on the way."""
    options: TrainingOptions = TrainingOptions()
    """The model, and how it is tuned and measured."""

    @model_validator(mode="after")
    def _nobody_has_reviewed_it(self) -> Self:
        if self.options.review_run_id is not None:
            raise ValueError(NO_REVIEW_YET)
        return self


def add_for_run(session: Session, run_id: str, training: RunTraining) -> None:
    """Add a job that comes with a run, in the transaction of the caller.

    Raises:
        InvalidInput: when a data set that the options or the recipe name cannot be read.
    """
    if faults := _faults(session, training, "training."):
        raise InvalidInput("The training cannot be done.", faults)
    add_job(session, _job(new_id("training"), run_id, training, None))


def create_for_run(
    context: ServiceContext, run_id: str, training: RunTraining, idempotency_key: str | None
) -> TrainingJob:
    """Take in a request for a training on what a run makes; safe to repeat with a key.

    Raises:
        InvalidInput: when there is no such run, it was cancelled or has failed, a data set that the
            options or the recipe name cannot be read, or the judge has no name.
        Conflict: when the key came with another request before.
    """
    check_judge(context, training.options, "options")
    job_id = new_id("training")

    def check(session: Session) -> None:
        faults = _faults_of_run(session, run_id) + _faults(session, training, "")
        if faults:
            raise InvalidInput("The job cannot be done.", faults)

    return take_in(context, lambda: _job(job_id, run_id, training, idempotency_key), check)


def _job(
    job_id: str, run_id: str, training: RunTraining, idempotency_key: str | None
) -> TrainingJob:
    words = json.dumps([run_id, training.model_dump(mode="json")], sort_keys=True)
    return TrainingJob(
        id=job_id,
        kind="training",
        run_id=run_id,
        requested_dataset=training.model_dump(mode="json", include={"dataset_name", "recipe"}),
        options=training.options.model_dump(mode="json"),
        idempotency_key=idempotency_key,
        request_sha256=sha256(words.encode()).hexdigest(),
    )


def _faults_of_run(session: Session, run_id: str) -> list[Fault]:
    run = session.get(Run, run_id) if may_be_id(run_id) else None
    if run is None:
        return [Fault(f"there is no run with the id {run_id!r}", field="run_id")]
    if run.status in {Status.CANCELLING, Status.CANCELLED, Status.FAILED}:
        what = f"the run is {run.status}: make a data set of what it has, and give its dataset_id"
        return [Fault(what, field="run_id")]
    return []


def _faults(session: Session, training: RunTraining, before: str) -> list[Fault]:
    """What cannot be read, by field; `before` is how the names of the fields begin."""
    held_against = {
        f"{before}recipe.{field}[{n}]": dataset_id
        for field in ("nothing_near", "test_sets")
        for n, dataset_id in enumerate(getattr(training.recipe, field))
    }
    return [
        *faults_of(session, training.options, f"{before}options"),
        *faults_of_datasets(session, held_against),
    ]
