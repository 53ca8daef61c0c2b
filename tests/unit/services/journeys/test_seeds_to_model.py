"""A training that waits for a run: requested with it or later, given its data set at the end."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select, update

from app.errors import Conflict, InvalidInput
from app.pipeline.options import RunOptions
from app.services.context import ServiceContext
from app.services.datasets import control as datasets
from app.services.datasets import make
from app.services.datasets.recipe import RowRecipe
from app.services.journeys import seeds_to_model
from app.services.journeys.seeds_to_model import RunTraining
from app.services.journeys.waiting_jobs import advance_waiting_jobs
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.services.training.jobs.control import cancel_job, get_job, resume_job
from app.states import DatasetState, Status
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from tests.bench import SEEDS

REQUEST = RunRequest(None, SEEDS, RunOptions(target=6))


def count(context: ServiceContext, table: type[Any]) -> int:
    with context.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def the_run(context: ServiceContext) -> Run:
    with context.database.read() as session:
        return session.scalars(select(Run)).one()


def the_job(context: ServiceContext) -> TrainingJob:
    with context.database.read() as session:
        job_id = session.scalars(select(TrainingJob.id)).one()
    return get_job(context, job_id)


def the_dataset(context: ServiceContext) -> Dataset:
    with context.database.read() as session:
        return session.scalars(select(Dataset)).one()


def set_run(context: ServiceContext, **columns: Any) -> None:
    with context.database.write() as session:
        session.execute(update(Run).values(**columns))


def waiting_job(context: ServiceContext, **training: Any) -> TrainingJob:
    wanted = RunTraining.model_validate(training)
    return seeds_to_model.create_for_run(context, the_run(context).id, wanted, None)


def make_datasets(context: ServiceContext) -> None:
    for dataset_id in make.sweep_datasets(context):
        make.make_dataset(context, dataset_id, lambda: False)


def test_run_and_training_are_stored_together_and_once(context: ServiceContext) -> None:
    training = RunTraining(dataset_name="grown", recipe=RowRecipe(licence="mit"))
    run = seeds_to_model.start_run(context, REQUEST, training, "key")
    assert seeds_to_model.start_run(context, REQUEST, training, "key").id == run.id
    job = the_job(context)
    assert (job.status, job.kind, job.run_id, job.dataset_id) == (
        "queued", "training", run.id, None,
    )  # fmt: skip
    assert job.requested_dataset == training.model_dump(
        mode="json", include={"dataset_name", "recipe"}
    )
    assert job.options == training.options.model_dump(mode="json")
    # The run without a training, or with another, is another request.
    with pytest.raises(Conflict):
        control.start_run(context, REQUEST, "key")
    with pytest.raises(Conflict):
        seeds_to_model.start_run(context, REQUEST, RunTraining(), "key")
    assert (count(context, Run), count(context, TrainingJob)) == (1, 1)


def test_a_key_that_was_stored_before_version_2_finds_run_and_job(context: ServiceContext) -> None:
    training = RunTraining(dataset_name="grown")
    run = seeds_to_model.start_run(context, REQUEST, training, "key")
    assert run.request_sha256 == REQUEST.hashed(training).current
    set_run(context, request_sha256=REQUEST.hashed(training).legacy)
    assert seeds_to_model.start_run(context, REQUEST, training, "key").id == run.id

    job = seeds_to_model.create_for_run(context, run.id, training, "job-key")
    hashed = seeds_to_model.request_hash_of(run.id, training)
    assert job.request_sha256 == hashed.current
    with context.database.write() as session:
        session.get_one(TrainingJob, job.id).request_sha256 = hashed.legacy
    again = seeds_to_model.create_for_run(context, run.id, training, "job-key")
    assert again.id == job.id
    with pytest.raises(Conflict, match="use a new key for a new job"):
        seeds_to_model.create_for_run(context, run.id, RunTraining(), "job-key")


@pytest.mark.parametrize(
    ("training", "fields"),
    [
        (
            {
                "options": {"evaluation": {"general_dataset_id": "dataset_none"}},
                "recipe": {"nothing_near": ["dataset_none"], "test_sets": ["dataset_none"]},
            },
            [
                "options.evaluation.general_dataset_id",
                "recipe.nothing_near[0]",
                "recipe.test_sets[0]",
            ],
        ),
        (
            {
                "options": {
                    "evaluation": {"judge": {"model": "dear", "most_cost_usd": str(Decimal(1))}}
                }
            },
            ["options.evaluation.judge.most_cost_usd"],
        ),
        ({"options": {"evaluation": {"judge": {}}}}, ["options.evaluation.judge.model"]),
    ],
)
def test_a_training_that_cannot_be_done_stores_neither_run_nor_job(
    context: ServiceContext, training: dict[str, Any], fields: list[str]
) -> None:
    nameless = replace(context, default_model=None)
    wanted = RunTraining.model_validate(training)
    request = RunRequest(None, SEEDS, RunOptions(model="scripted"))
    with pytest.raises(InvalidInput) as refused:
        seeds_to_model.start_run(nameless, request, wanted, None)
    assert [fault.field for fault in refused.value.faults] == [f"training.{f}" for f in fields]
    assert (count(context, Run), count(context, TrainingJob)) == (0, 0)

    run = control.start_run(nameless, request, None)
    with pytest.raises(InvalidInput) as refused:
        seeds_to_model.create_for_run(nameless, run.id, wanted, None)
    assert [fault.field for fault in refused.value.faults] == fields
    assert count(context, TrainingJob) == 0


def test_a_training_names_no_review() -> None:
    with pytest.raises(ValidationError, match="has no review yet"):
        RunTraining.model_validate({"options": {"task": "labels", "review_run_id": "run_1"}})


@pytest.mark.parametrize("status", [Status.CANCELLING, Status.CANCELLED, Status.FAILED])
def test_a_run_that_will_give_no_data_set_is_refused(grown: ServiceContext, status: Status) -> None:
    set_run(grown, status=status)
    with pytest.raises(InvalidInput) as refused:
        waiting_job(grown)
    (fault,) = refused.value.faults
    assert fault.field == "run_id"
    assert f"the run is {status}" in fault.message


@pytest.mark.parametrize("run_id", ["run_none", "\x00"])
def test_a_run_that_is_not_there_is_refused(context: ServiceContext, run_id: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        seeds_to_model.create_for_run(context, run_id, RunTraining(), None)
    assert "there is no run with the id" in refused.value.faults[0].message


def test_a_job_gets_the_data_set_of_its_run(grown: ServiceContext) -> None:
    job = waiting_job(grown, dataset_name="grown", recipe={"licence": "mit"})
    set_run(grown, status=Status.RUNNING)
    advance_waiting_jobs(grown)
    assert count(grown, Dataset) == 0

    set_run(grown, status=Status.SUCCEEDED)
    for _ in range(3):
        advance_waiting_jobs(grown)
    dataset = the_dataset(grown)
    assert (dataset.name, dataset.recipe["licence"]) == ("grown", "mit")
    pending = get_job(grown, job.id)
    assert (pending.pending_dataset_id, pending.dataset_id) == (dataset.id, None)
    with pytest.raises(Conflict, match=f"{job.id}, which is queued, needs it"):
        datasets.delete_dataset(grown, dataset.id)

    make_datasets(grown)
    assert get_job(grown, job.id).dataset_id is None
    advance_waiting_jobs(grown)
    ready = get_job(grown, job.id)
    assert (ready.dataset_id, ready.status) == (dataset.id, "queued")


def test_a_data_set_without_a_name_is_named_for_its_run(grown: ServiceContext) -> None:
    waiting_job(grown)
    advance_waiting_jobs(grown)
    assert the_dataset(grown).name == the_run(grown).id


@pytest.mark.parametrize(
    ("status", "message", "expected", "words"),
    [
        (Status.CANCELLED, None, Status.CANCELLED, "was cancelled."),
        (Status.FAILED, "It is dry.", Status.FAILED,
         "failed: It is dry. Fix that, then resume the job."),
        (Status.FAILED, None, Status.FAILED, "failed. Fix that, then resume the job."),
    ],
)  # fmt: skip
def test_a_job_ends_with_a_run_that_gives_no_data_set(
    grown: ServiceContext, status: Status, message: str | None, expected: Status, words: str
) -> None:
    job = waiting_job(grown)
    set_run(grown, status=status, message=message)
    advance_waiting_jobs(grown)
    ended = get_job(grown, job.id)
    assert (ended.status, ended.message) == (expected, f"Its run {the_run(grown).id} {words}")
    assert count(grown, Dataset) == 0


def test_a_data_set_that_failed_fails_the_job_until_that_is_resumed(
    grown: ServiceContext,
) -> None:
    job = waiting_job(grown, dataset_name="grown")
    advance_waiting_jobs(grown)
    first = the_dataset(grown)
    with grown.database.write() as session:
        session.execute(
            update(Dataset).values(
                state=DatasetState.FAILED, message="The disk is full.", request_sha256=None
            )
        )
    advance_waiting_jobs(grown)
    failed = get_job(grown, job.id)
    assert failed.status == "failed"
    assert failed.message == (
        f"The data set {first.id} of its run failed: The disk is full. "
        "Fix that, then resume the job."
    )
    resume_job(grown, job.id)
    advance_waiting_jobs(grown)
    make_datasets(grown)
    advance_waiting_jobs(grown)
    given = get_job(grown, job.id).dataset_id
    assert given not in {None, first.id}


def test_an_empty_data_set_fails_the_job(grown: ServiceContext) -> None:
    job = waiting_job(grown)
    advance_waiting_jobs(grown)
    with grown.database.write() as session:
        session.execute(update(Dataset).values(state=DatasetState.READY, row_count=0))
    advance_waiting_jobs(grown)
    assert "of its run has no rows." in str(get_job(grown, job.id).message)


def test_a_data_set_that_was_deleted_is_requested_again(grown: ServiceContext) -> None:
    job = waiting_job(grown)
    advance_waiting_jobs(grown)
    make_datasets(grown)
    first = the_dataset(grown)
    cancel_job(grown, job.id)
    datasets.delete_dataset(grown, first.id)
    resume_job(grown, job.id)
    advance_waiting_jobs(grown)
    make_datasets(grown)
    advance_waiting_jobs(grown)
    assert get_job(grown, job.id).dataset_id not in {None, first.id}


def test_a_run_without_rows_fails_the_job_with_every_fault(grown: ServiceContext) -> None:
    job = waiting_job(grown)
    set_run(grown, accepted=0)
    advance_waiting_jobs(grown)
    failed = get_job(grown, job.id)
    assert failed.status == "failed"
    assert "the run has no complete row yet" in str(failed.message)


def test_a_broken_job_fails_alone(grown: ServiceContext) -> None:
    broken, good = waiting_job(grown), waiting_job(grown, dataset_name="good")
    with grown.database.write() as session:
        session.get_one(TrainingJob, broken.id).requested_dataset = {"recipe": "unknown"}
    advance_waiting_jobs(grown)
    failed = get_job(grown, broken.id)
    assert failed.status == "failed"
    assert str(failed.message).startswith("A defect of the service")
    assert get_job(grown, good.id).pending_dataset_id is not None


def test_jobs_that_do_not_wait_are_left_alone(grown: ServiceContext) -> None:
    job = waiting_job(grown)
    cancel_job(grown, job.id)
    advance_waiting_jobs(grown)
    assert (get_job(grown, job.id).status, count(grown, Dataset)) == ("cancelled", 0)
