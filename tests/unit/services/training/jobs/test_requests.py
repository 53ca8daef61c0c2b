"""Requests for jobs: every fault is found, with the field that has it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.errors import InvalidInput
from app.services.training.jobs import control, work
from app.services.training.jobs.requests import TrainingRequest, check_judge
from app.settings import Price
from app.store.tables.training import TrainingJob
from app.training.plain.option_groups import EvaluationOptions, JudgeOptions
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.bench import Bench
from tests.review_runs import some_rows, stored
from tests.scripted_trainer import ScriptedTrainer

Options = TrainingOptions | EvaluationJobOptions


def faults(bench: Bench, dataset_id: str, options: Options) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        control.create_job(bench.context, TrainingRequest(dataset_id, options), None)
    return [str(fault) for fault in caught.value.faults]


def test_every_data_set_must_be_ready_and_have_rows(bench: Bench) -> None:
    database = bench.context.database
    making = stored(database, some_rows(2), state="making")
    empty = stored(database, [])
    options = TrainingOptions.model_validate(
        {
            "data": {"replay_share": 0.1, "replay_dataset_id": making},
            "evaluation": {"held_out_dataset_id": empty, "general_dataset_id": "no id"},
        }
    )
    assert faults(bench, "dataset_unknown", options) == [
        "dataset_id: there is no data set with the id 'dataset_unknown'",
        "options.data.replay_dataset_id: the data set is making, not ready",
        "options.evaluation.held_out_dataset_id: the data set has no row",
        "options.evaluation.general_dataset_id: there is no data set with the id 'no id'",
    ]


def test_only_a_model_trained_here_can_be_evaluated(
    bench: Bench, job: TrainingJob, dataset_id: str
) -> None:
    def evaluation_of(job_id: str) -> list[str]:
        return faults(bench, dataset_id, EvaluationJobOptions(training_job_id=job_id))

    field = "options.training_job_id"
    assert evaluation_of("training_x") == [
        f"{field}: there is no training job with the id 'training_x'"
    ]
    assert evaluation_of(job.id) == [f"{field}: the training job is queued, its model is not ready"]
    work.work_on_job(bench.context, job.id, lambda: False, ScriptedTrainer(steps=1))
    measuring = control.create_job(
        bench.context,
        TrainingRequest(dataset_id, EvaluationJobOptions(training_job_id=job.id)),
        None,
    )
    assert evaluation_of(measuring.id) == [
        f"{field}: there is no training job with the id '{measuring.id}'"
    ]
    control.cancel_job(bench.context, measuring.id)
    control.discard_files(bench.context, job.id)
    assert evaluation_of(job.id) == [f"{field}: the model of this job was deleted"]
    elsewhere = TrainingOptions(where="axolotl", base_model="x")
    handed_on = control.create_job(bench.context, TrainingRequest(dataset_id, elsewhere), None)
    work.work_on_job(bench.context, handed_on.id, lambda: False, ScriptedTrainer(steps=1))
    assert evaluation_of(handed_on.id) == [f"{field}: the model of this job was not trained here"]


def test_a_judge_needs_a_name_and_with_a_cost_limit_a_price(bench: Bench) -> None:
    def options(**judge: object) -> TrainingOptions:
        chosen = JudgeOptions.model_validate(judge)
        return TrainingOptions(evaluation=EvaluationOptions(judge=chosen))

    check_judge(bench.context, TrainingOptions(), "options")
    check_judge(bench.context, options(), "options")
    nameless = replace(bench.context, default_model=None)
    with pytest.raises(InvalidInput, match="The judge has no model") as caught:
        check_judge(nameless, options(), "options")
    assert caught.value.faults[0].field == "options.evaluation.judge.model"
    capped = options(model="strict", most_cost_usd=2)
    with pytest.raises(InvalidInput) as caught:
        check_judge(nameless, capped, "options")
    assert caught.value.faults[0].field == "options.evaluation.judge.most_cost_usd"
    prices = {"strict": Price(input_usd=Decimal(1), output_usd=Decimal(2))}
    check_judge(replace(nameless, prices=prices), capped, "options")
