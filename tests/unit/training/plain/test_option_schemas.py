"""The options of jobs as a contract: names, types, defaults and limits."""

from pathlib import Path

import pytest

from app.training.plain.option_groups import DEFAULT_LEARNING_RATE, OptionGroup
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.golden import check_golden_json, without_texts


@pytest.mark.parametrize("options", [TrainingOptions, EvaluationJobOptions])
def test_options_have_the_agreed_names_defaults_and_limits(options: type[OptionGroup]) -> None:
    found = without_texts(options.model_json_schema())
    path = Path(__file__).with_name(f"{options.__name__}.json")
    check_golden_json(path, found)


def test_every_method_has_its_learning_rate() -> None:
    assert DEFAULT_LEARNING_RATE == {
        "lora": 3e-4, "rslora": 3e-4, "dora": 3e-4, "qlora": 2e-4, "adalora": 1e-3,
        "prefix": 1e-2, "ia3": 8e-3, "bottleneck": 1e-3, "full": 2e-5,
    }  # fmt: skip


def test_options_cannot_be_changed_and_have_no_other_names() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TrainingOptions().seed = 1  # type: ignore[misc] # the point of the test
    with pytest.raises(ValueError, match="Extra inputs"):
        TrainingOptions.model_validate({"sede": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"where": "axolotl"}, "Axolotl can't use the embedded model"),
        ({"where": "llama_factory"}, "LLaMA-Factory can't use the embedded model"),
        ({"where": "webhook"}, "the webhook can't use the embedded model"),
        (
            {"where": "axolotl", "base_model": "m", "method": {"name": "prefix"}},
            "not support prefix",
        ),
        ({"where": "axolotl", "base_model": "m", "method": {"name": "ia3"}}, "not support ia3"),
        (
            {"where": "axolotl", "base_model": "m", "method": {"name": "bottleneck"}},
            "not support bottleneck",
        ),
        ({"where": "llama_factory", "base_model": "m", "method": {"alpha": 1.5}}, "whole number"),
        (
            {"where": "axolotl", "base_model": "m", "evaluation": {"judge": {}}},
            "a judge, a general data set and layers need",
        ),
        (
            {"where": "axolotl", "base_model": "m", "evaluation": {"general_dataset_id": "d"}},
            "a judge, a general data set and layers need",
        ),
        ({"where": "axolotl", "base_model": "m", "outputs": {"merged": True}}, "merged weights"),
    ],
)
def test_what_another_program_cannot_do_is_refused(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingOptions.model_validate(options)


@pytest.mark.parametrize(
    "options",
    [
        *(
            {"where": where, "base_model": "m", "method": {"name": method}}
            for where in ("llama_factory", "axolotl")
            for method in ("lora", "rslora", "dora", "qlora", "full")
        ),
        {"where": "webhook", "base_model": "m", "method": {"name": "ia3", "alpha": 1.5}},
        {"where": "webhook", "base_model": "m", "evaluation": {"judge": {}}},
        {"method": {"alpha": 1.5, "name": "prefix"}, "outputs": {"merged": True}},
        {"evaluation": {"judge": {}, "general_dataset_id": "d"}},
        {"method": {"name": "adalora", "rank": 12, "initial_rank": 12}},
        {"data": {"packing": True}, "schedule": {"recompute": True}},
        {"task": "labels", "method": {"name": "ia3"}},
        {"task": "labels", "method": {"name": "bottleneck", "placement": "pfeiffer"}},
        {"method": {"name": "bottleneck", "targets": ["mlp.down_proj"]}},
        {"data": {"replay_share": 0.1, "replay_dataset_id": "d"}},
    ],
)
def test_what_can_be_done_is_allowed(options: dict[str, object]) -> None:
    TrainingOptions.model_validate(options)
