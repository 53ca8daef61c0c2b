"""Seeds in, a tuned model out: a training that its run starts, on both databases."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.errors import Conflict, InvalidInput
from app.llm.scripted.model import reply
from app.pipeline.options import RunOptions
from app.services.datasets import control as datasets
from app.services.datasets import make
from app.services.datasets.recipe import RowRecipe
from app.services.journeys import seeds_to_model
from app.services.journeys.seeds_to_model import RunTraining
from app.services.journeys.waiting_jobs import advance_waiting_jobs
from app.services.runs import control as runs
from app.services.runs.run_request import RunRequest
from app.services.training.jobs import control as training_jobs
from app.services.training.jobs import work
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from app.training.plain.option_groups import EvaluationOptions, JudgeOptions
from app.training.plain.options import TrainingOptions
from tests.bench import SEEDS, Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.scripted_trainer import ScriptedTrainer

pytestmark = MOSTLY_POSTGRESQL


@pytest.fixture
def bench(open_bench: OpenBench, tmp_path: Path) -> Any:
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        yield bench


def start(bench: Bench, **training_values: Any) -> tuple[Run, TrainingJob]:
    wanted = RunTraining.model_validate(training_values)
    request = RunRequest(None, SEEDS, RunOptions(target=6))
    run = seeds_to_model.start_run(bench.context, request, wanted, "key")
    assert seeds_to_model.start_run(bench.context, request, wanted, "key").id == run.id
    (job,) = training_jobs.list_jobs(
        bench.context, kind=None, dataset_id=None, cursor=None, limit=9
    ).items
    return run, job


def sweep(bench: Bench) -> Sequence[str]:
    """Look for waiting jobs as a sweeper does, and name those that a worker should look at."""
    advance_waiting_jobs(bench.context)
    return work.sweep_training(bench.context)


def made_and_given(bench: Bench) -> Sequence[str]:
    """Have the data set made that a sweeper asks for, and name the jobs that can begin then."""
    sweep(bench)
    for dataset_id in make.sweep_datasets(bench.context):
        make.make_dataset(bench.context, dataset_id, lambda: False)
    return sweep(bench)


def versions(bench: Bench) -> int:
    with bench.context.database.read() as session:
        return session.scalar(select(func.count()).select_from(Dataset)) or 0


def look(bench: Bench, job: TrainingJob) -> TrainingJob:
    return training_jobs.get_job(bench.context, job.id)


def test_a_job_waits_for_its_run_then_learns_what_that_made(bench: Bench) -> None:
    run, job = start(bench, dataset_name="grown", recipe={"split": {"test_share": 0.3}})
    assert (job.status, job.dataset_id, job.run_id) == ("queued", None, run.id)
    assert not sweep(bench)
    assert not work.work_on_job(bench.context, job.id, lambda: False, ScriptedTrainer())
    assert look(bench, job).status == "queued"

    bench.work(run.id)
    assert runs.get_run(bench.context, run.id).status == "succeeded"
    # However often it is looked at, and whichever process dies between: one data set.
    for _ in range(3):
        assert not sweep(bench)
    (dataset_id,) = make.sweep_datasets(bench.context)
    make.make_dataset(bench.context, dataset_id, lambda: False)
    assert sweep(bench) == [job.id]

    work.work_on_job(bench.context, job.id, lambda: False, ScriptedTrainer())
    done = look(bench, job)
    assert (done.status, done.dataset_id) == ("succeeded", dataset_id)
    with bench.context.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Dataset)) == 1
        dataset = session.get_one(Dataset, dataset_id)
    assert (dataset.name, dataset.recipe["split"]["test_share"]) == ("grown", 0.3)


def test_a_job_whose_run_was_cancelled_is_cancelled_with_that_reason(bench: Bench) -> None:
    run, job = start(bench)
    runs.cancel_run(bench.context, run.id)
    assert not sweep(bench)
    cancelled = look(bench, job)
    assert (cancelled.status, cancelled.message) == (
        "cancelled",
        f"Its run {run.id} was cancelled.",
    )
    # It could wait for ever.
    with pytest.raises(Conflict, match="was cancelled and makes no data set"):
        training_jobs.resume_job(bench.context, job.id)
    assert look(bench, job).status == "cancelled"


def test_a_job_whose_run_failed_fails_with_its_reason_and_waits_again_when_both_are_resumed(
    bench: Bench,
) -> None:
    run, job = start(bench)
    with bench.context.database.write() as session:
        ended = session.get_one(Run, run.id)
        ended.status, ended.message = "failed", "It is dry."
    assert not sweep(bench)
    failed = look(bench, job)
    assert failed.status == "failed"
    assert (failed.message or "").startswith(f"Its run {run.id} failed: It is dry.")

    runs.resume_run(bench.context, run.id)
    training_jobs.resume_job(bench.context, job.id)
    assert not sweep(bench)
    assert look(bench, job).status == "queued"
    bench.work(run.id)
    assert made_and_given(bench) == [job.id]


def test_a_job_that_was_cancelled_while_it_waited_stays_so(bench: Bench) -> None:
    run, job = start(bench)
    assert training_jobs.cancel_job(bench.context, job.id).status == "cancelled"
    bench.work(run.id)
    assert not sweep(bench)
    assert not make.sweep_datasets(bench.context)
    assert look(bench, job).status == "cancelled"


def test_a_data_set_that_fails_fails_the_job_and_resuming_has_another_one_made(
    bench: Bench,
) -> None:
    run, job = start(bench, dataset_name="grown")
    bench.work(run.id)
    sweep(bench)
    (dataset_id,) = make.sweep_datasets(bench.context)
    with bench.context.database.write() as session:
        dataset = session.get_one(Dataset, dataset_id)
        dataset.state, dataset.message, dataset.request_sha256 = "failed", "no room", None
    sweep(bench)
    failed = look(bench, job)
    assert failed.status == "failed"
    assert f"The data set {dataset_id} of its run failed: no room" in (failed.message or "")
    assert not sweep(bench)

    assert training_jobs.resume_job(bench.context, job.id).status == "queued"
    sweep(bench)
    (another,) = make.sweep_datasets(bench.context)
    assert another != dataset_id
    make.make_dataset(bench.context, another, lambda: False)
    assert sweep(bench) == [job.id]
    assert look(bench, job).dataset_id == another


def test_a_data_set_that_is_made_for_a_job_cannot_be_deleted_under_it(bench: Bench) -> None:
    run, job = start(bench)
    bench.work(run.id)
    sweep(bench)
    (dataset_id,) = make.sweep_datasets(bench.context)
    with pytest.raises(Conflict, match=f"{job.id}, which is queued, needs it"):
        datasets.delete_dataset(bench.context, dataset_id)


def test_a_job_that_was_cancelled_while_its_data_set_went_has_another_one_made(
    bench: Bench,
) -> None:
    run, job = start(bench)
    bench.work(run.id)
    sweep(bench)
    (dataset_id,) = make.sweep_datasets(bench.context)
    make.make_dataset(bench.context, dataset_id, lambda: False)
    training_jobs.cancel_job(bench.context, job.id)
    datasets.delete_dataset(bench.context, dataset_id)
    training_jobs.resume_job(bench.context, job.id)
    assert made_and_given(bench) == [job.id]
    assert look(bench, job).dataset_id != dataset_id


def test_a_training_is_asked_for_while_its_run_goes_on_and_when_it_has_ended(
    bench: Bench,
) -> None:
    run_id = bench.start(target=6)
    wanted = RunTraining(dataset_name="grown")
    early = seeds_to_model.create_for_run(bench.context, run_id, wanted, "key")
    assert (early.status, early.dataset_id, early.run_id) == ("queued", None, run_id)
    assert seeds_to_model.create_for_run(bench.context, run_id, wanted, "key").id == early.id
    with pytest.raises(Conflict):
        seeds_to_model.create_for_run(bench.context, run_id, RunTraining(), "key")
    assert not made_and_given(bench)

    bench.work(run_id)
    late = seeds_to_model.create_for_run(bench.context, run_id, wanted, None)
    assert made_and_given(bench) == [early.id, late.id]
    assert list(bench.view(run_id).training_job_ids) == [early.id, late.id]
    # Name and recipe are the same, so they learn the same version.
    assert versions(bench) == 1
    work.work_on_job(bench.context, late.id, lambda: False, ScriptedTrainer())
    assert look(bench, late).status == "succeeded"


def test_a_training_on_a_run_that_brings_nothing_is_refused(bench: Bench) -> None:
    cancelled = bench.start(target=6)
    runs.cancel_run(bench.context, cancelled)
    recipe = RowRecipe(test_sets=("dataset_none",))
    for run_id, words in (("run_none", "there is no run"), (cancelled, "the run is cancelled")):
        with pytest.raises(InvalidInput) as refused:
            seeds_to_model.create_for_run(bench.context, run_id, RunTraining(recipe=recipe), None)
        first, second = refused.value.faults
        assert (first.field, second.field) == ("run_id", "recipe.test_sets[0]")
        assert words in first.message


def test_a_judge_without_a_name_starts_neither_run_nor_job(bench: Bench) -> None:
    nameless = replace(bench.context, default_model=None)
    judged = RunTraining.model_validate({"options": {"evaluation": {"judge": {}}}})
    request = RunRequest(None, SEEDS, RunOptions(target=6, model="scripted"))
    with pytest.raises(InvalidInput) as refused:
        seeds_to_model.start_run(nameless, request, judged, None)
    assert [fault.field for fault in refused.value.faults] == [
        "training.options.evaluation.judge.model"
    ]
    run_id = bench.start(target=6)
    with pytest.raises(InvalidInput) as refused:
        seeds_to_model.create_for_run(nameless, run_id, judged, None)
    assert [fault.field for fault in refused.value.faults] == ["options.evaluation.judge.model"]


def test_options_that_name_no_data_set_start_neither_run_nor_job(bench: Bench) -> None:
    nowhere = TrainingOptions(evaluation=EvaluationOptions(general_dataset_id="dataset_none"))
    recipe = RowRecipe(nothing_near=("dataset_none",))
    wanted = RunTraining(options=nowhere, recipe=recipe)
    request = RunRequest(None, SEEDS, RunOptions(target=6))
    with pytest.raises(InvalidInput) as refused:
        seeds_to_model.start_run(bench.context, request, wanted, None)
    assert [fault.field for fault in refused.value.faults] == [
        "training.options.evaluation.general_dataset_id",
        "training.recipe.nothing_near[0]",
    ]
    with bench.context.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0


def test_a_judge_whose_cost_cannot_be_capped_starts_neither_run_nor_job(bench: Bench) -> None:
    judge = JudgeOptions(model="dear", most_cost_usd=Decimal(1))
    options = TrainingOptions(evaluation=EvaluationOptions(judge=judge))
    request, wanted = RunRequest(None, SEEDS, RunOptions(target=6)), RunTraining(options=options)
    with pytest.raises(InvalidInput) as refused:
        seeds_to_model.start_run(bench.context, request, wanted, None)
    assert [fault.field for fault in refused.value.faults] == [
        "training.options.evaluation.judge.most_cost_usd"
    ]
    with bench.context.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0
