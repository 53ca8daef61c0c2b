"""Layers of an adapter: found by name, switched off alone, and on again."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import T5Config, T5ForConditionalGeneration

from app.training.model.methods import adapt
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodName, MethodOptions
from app.training.use.adapter_layers import adapter_layers, switched_off
from tests.unit.training.tiny_models import tiny_gpt2, tiny_llama

pytestmark = pytest.mark.torch

IDS = torch.tensor([[5, 6, 7, 8]])


def tuned(make: Callable[[], Any], name: MethodName) -> Model:
    """Return a model with an adapter that changes its output."""
    model = adapt(make(), MethodOptions(name=name, targets="all linear"), steps=10).model
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.add_(0.3 * torch.randn_like(weights))
    return model.eval()


def logits(model: Model) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=IDS).logits
    return found


@pytest.mark.parametrize("name", ["lora", "dora", "adalora", "ia3"])
@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_a_layer_that_is_off_is_the_base_models(make: Callable[[], Any], name: MethodName) -> None:
    base, model = logits(make().eval()), tuned(make, name)
    whole, layers = logits(model), adapter_layers(model)
    with switched_off(layers["0"]):
        without_first = logits(model)
        with switched_off(layers["1"]):
            assert torch.equal(logits(model), base)
    assert not torch.equal(without_first, whole)
    assert not torch.equal(without_first, base)
    assert torch.equal(logits(model), whole)


def test_a_layer_that_learnt_nothing_changes_nothing() -> None:
    model = tuned(tiny_llama, "lora")
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "layers.0." in name and "lora_B" in name:
                weights.zero_()
    whole = logits(model)
    with switched_off(adapter_layers(model)["0"]):
        assert torch.equal(logits(model), whole)


def test_two_stacks_are_told_apart() -> None:
    t5 = T5ForConditionalGeneration(
        T5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2)
    )
    layers = adapter_layers(get_peft_model(t5, LoraConfig(target_modules=["q", "wi"], r=2)))
    assert list(layers) == [
        "encoder.block 0", "encoder.block 1", "decoder.block 0", "decoder.block 1",
    ]  # fmt: skip
    # Self-attention and feed-forward; a decoder has cross-attention, too.
    assert [len(modules) for modules in layers.values()] == [2, 2, 3, 3]


def test_a_module_outside_of_all_layers_is_named_by_its_path() -> None:
    config = LoraConfig(target_modules=["q_proj", "lm_head"], r=2)
    assert list(adapter_layers(get_peft_model(tiny_llama(), config))) == ["0", "1", "lm_head"]


@pytest.mark.parametrize("name", ["prefix", "full"])
def test_a_method_without_adapted_modules_has_no_layers(name: MethodName) -> None:
    assert adapter_layers(adapt(tiny_llama(), MethodOptions(name=name), steps=10).model) == {}
