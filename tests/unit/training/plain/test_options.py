"""The options of training and evaluation jobs."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from app.training.plain.option_groups import (
    DataOptions,
    EvaluationOptions,
    MethodOptions,
    ScheduleOptions,
    TargetPreset,
)
from app.training.plain.options import EvaluationJobOptions, TrainingOptions


def test_the_defaults_are_those_of_lora_on_query_and_value() -> None:
    options = TrainingOptions()

    method = options.method
    assert (method.name, method.effective_rank, method.alpha, method.dropout) == (
        "lora",
        8,
        16,
        0.05,
    )
    assert method.targets is None
    assert options.learning_rate == 3e-4


def test_qlora_has_its_papers_numbers() -> None:
    options = TrainingOptions(method=MethodOptions(name="qlora"))

    assert (options.method.effective_rank, options.method.alpha) == (64, 16)
    assert options.learning_rate == 2e-4


def test_adalora_cannot_end_with_a_higher_rank_than_it_began_with() -> None:
    with pytest.raises(ValidationError, match="only reduces ranks"):
        MethodOptions(name="adalora", rank=16)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"method": {"name": "prefix"}}, "can't be measured with prefix"),
        ({"method": {"name": "full"}}, "can't be measured with full"),
        ({"where": "axolotl", "base_model": "a/b"}, "axolotl only writes files"),
    ],
)
def test_layers_are_those_of_an_adapter_that_is_trained_here(
    options: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        TrainingOptions.model_validate({"evaluation": {"layers": True}, **options})


def test_a_base_model_alone_has_no_layers_to_measure() -> None:
    layers = EvaluationOptions(layers=True)
    with pytest.raises(ValidationError, match="layers needs training_job_id"):
        EvaluationJobOptions(evaluation=layers)
    assert EvaluationJobOptions(training_job_id="training_1", evaluation=layers).evaluation.layers


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"replay_share": 0.1}, "needs replay_dataset_id"),
        ({"replay_dataset_id": "dataset_1"}, "needs replay_share"),
    ],
)
def test_general_rows_have_a_source_and_a_share(data: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        DataOptions.model_validate(data)


@pytest.mark.parametrize("targets", ["q and v", "all linear"])
def test_bottleneck_adapters_stand_behind_blocks(targets: TargetPreset) -> None:
    with pytest.raises(ValidationError, match="leave targets out and set placement"):
        MethodOptions(name="bottleneck", targets=targets)


def test_packed_rows_cannot_share_a_prefix() -> None:
    with pytest.raises(ValidationError, match="cannot be combined with prefix"):
        TrainingOptions(method=MethodOptions(name="prefix"), data=DataOptions(packing=True))


def test_options_import_no_torch() -> None:
    code = "import sys, app.training.plain.options; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"method": {"name": "prefix"}}, "'labels' does not support prefix"),
        ({"method": {"name": "qlora"}}, "'labels' does not support qlora"),
        ({"data": {"packing": True}}, "'labels' does not support packing"),
        (
            {"where": "axolotl", "base_model": "roberta-base"},
            "axolotl does not support the task 'labels'",
        ),
        (
            {"evaluation": {"judge": {}, "general_dataset_id": "dataset_1"}},
            "'labels' does not support general_dataset_id, judge",
        ),
    ],
)
def test_options_that_labels_do_not_support_are_refused(
    options: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        TrainingOptions.model_validate({"task": "labels", **options})


def test_a_judges_decisions_are_learnt_as_labels_only() -> None:
    assert TrainingOptions(task="labels", review_run_id="run_1").review_run_id == "run_1"
    with pytest.raises(ValidationError, match="needs the task 'labels'"):
        TrainingOptions(review_run_id="run_1")


def test_an_evaluation_is_measured_on_its_own_data_set() -> None:
    held_out = EvaluationOptions(held_out_dataset_id="dataset_1")

    with pytest.raises(ValidationError, match="give that as dataset_id"):
        EvaluationJobOptions(evaluation=held_out)
    with pytest.raises(ValidationError, match="cannot be combined with held_out_dataset_id"):
        TrainingOptions(task="labels", review_run_id="run_1", evaluation=held_out)


def test_gradient_checkpointing_would_drop_a_prefix() -> None:
    with pytest.raises(ValidationError, match="recompute cannot be combined with prefix"):
        TrainingOptions(
            method=MethodOptions(name="prefix"), schedule=ScheduleOptions(recompute=True)
        )
