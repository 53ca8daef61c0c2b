"""The inference cost of each method: counted by its formula, measured, and none when merged."""

from typing import Any

import pytest
import torch

from app.training.model.methods import adapt
from app.training.model.targets import linear_modules
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodName, MethodOptions
from app.training.use.inference_cost import cost_of_full_tuning, inference_cost
from tests.unit.training.tiny_models import LAYERS, WIDTH, tiny_gpt2, tiny_llama, tiny_roberta

pytestmark = pytest.mark.torch

EXTRA: dict[MethodName, int] = {
    # Rank 8, beside query and value.
    "lora": LAYERS * 2 * 2 * 8 * WIDTH,
    "rslora": LAYERS * 2 * 2 * 8 * WIDTH,
    "dora": LAYERS * 2 * 2 * 8 * WIDTH,
    # Rank 12, and a weight for each direction.
    "adalora": LAYERS * 2 * (2 * 12 * WIDTH + 12),
    # Key, value and the inner features.
    "ia3": LAYERS * (WIDTH + WIDTH + 2 * WIDTH),
    # Keys and values of 20 tokens.
    "prefix": LAYERS * 2 * 20 * WIDTH,
    # Two matrices of 2 x 32 behind each of two layers.
    "bottleneck": LAYERS * 2 * 2 * 2 * WIDTH,
}


def weights_of(model: Model) -> int:
    return sum(module.weight.numel() for _, module in linear_modules(model))


@pytest.mark.parametrize("name", EXTRA)
def test_the_products_of_an_adapter_are_counted(name: MethodName) -> None:
    base = weights_of(tiny_llama())
    model = adapt(tiny_llama(), MethodOptions(name=name), steps=10).model.eval()

    cost = inference_cost(model, mergeable=name not in {"prefix", "bottleneck"})

    assert cost.base_multiply_adds == base
    assert cost.extra_multiply_adds == EXTRA[name]
    assert cost.extra_share == EXTRA[name] / base
    assert cost.time_ratio is not None
    assert cost.time_ratio > 0


def test_after_full_tuning_there_is_nothing_more() -> None:
    cost = cost_of_full_tuning(tiny_gpt2())

    assert (cost.base_multiply_adds, cost.extra_multiply_adds) == (weights_of(tiny_gpt2()), 0)
    assert (cost.extra_share, cost.time_ratio) == (0.0, None)


def test_of_a_classifier_the_head_counts_once() -> None:
    model = adapt(tiny_roberta(), MethodOptions(name="bottleneck"), 10, "SEQ_CLS").model.eval()

    cost = inference_cost(model, mergeable=False)

    assert cost.base_multiply_adds == weights_of(tiny_roberta())
    assert cost.extra_multiply_adds == EXTRA["bottleneck"]


def test_of_a_model_that_takes_no_single_token_the_products_are_counted() -> None:
    model: Any = adapt(tiny_llama(), MethodOptions(), steps=10).model.eval()

    def refuse(_: object, __: object, named: dict[str, torch.Tensor]) -> None:
        if named["input_ids"].shape[1] < 4:
            raise ValueError("needs four tokens")

    model.get_base_model().register_forward_pre_hook(refuse, with_kwargs=True)

    cost = inference_cost(model, mergeable=True)

    assert cost.extra_multiply_adds == EXTRA["lora"]
    assert cost.time_ratio is None


def test_the_time_is_that_of_the_model_with_and_without_its_adapter() -> None:
    """A hook counts the passes: the base model's must not run the adapter."""
    model: Any = adapt(tiny_llama(), MethodOptions(name="bottleneck"), steps=10).model.eval()
    passes = {"block": 0, "adapter": 0}

    def count(what: str) -> Any:
        def hook(*_: object) -> None:
            passes[what] += 1

        return hook

    layer = model.get_submodule("base_model.model.model.layers.0.mlp.down_proj")
    layer.base_layer.register_forward_hook(count("block"))
    layer.bottleneck_down["default"].register_forward_hook(count("adapter"))

    inference_cost(model, mergeable=False)

    assert passes["block"] == 2 * passes["adapter"] > 0
    ids = torch.ones((1, 1), dtype=torch.int64)
    model(input_ids=ids)
    assert passes["block"] % 2 == 1
