"""A training that waits for a run: begun when the run has ended well and its data set is made.

The job is there from the beginning, without a data set, so that whoever asked can look at it.
"""

import json
from hashlib import sha256
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from app.errors import InvalidInput
from app.services.recipes import RowRecipe
from app.services.training_jobs import add_job
from app.services.training_requests import faults_of
from app.store.identifiers import new_id
from app.store.training_table import TrainingJob
from app.training.options import TrainingOptions

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
            raise ValueError("what a run makes has no review yet: leave out review_run_id")
        return self


def add_for_run(session: Session, run_id: str, training: RunTraining) -> TrainingJob:
    """Add a job that waits for a run, in the transaction of the caller.

    Raises:
        InvalidInput: when another data set that the options name cannot be read.
    """
    if faults := faults_of(session, training.options, "training.options"):
        raise InvalidInput("The training cannot be done.", faults)
    options = training.options.model_dump(mode="json")
    words = json.dumps([run_id, training.model_dump(mode="json")], sort_keys=True)
    return add_job(
        session,
        TrainingJob(
            id=new_id("training"),
            kind="training",
            run_id=run_id,
            wanted_dataset=training.model_dump(mode="json", include={"dataset_name", "recipe"}),
            options=options,
            request_sha256=sha256(words.encode()).hexdigest(),
        ),
    )
