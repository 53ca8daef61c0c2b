"""What each method puts on a model, how many parameters that is, and what is refused."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from app.errors import InvalidInput
from app.training.model.methods import adapt, adapter_ranks
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodName, MethodOptions
from tests.unit.training.tiny_models import (
    LAYERS,
    WIDTH,
    tiny_gpt2,
    tiny_llama,
    tiny_roberta,
    tiny_tokenizer,
)

pytestmark = pytest.mark.torch

IDS = torch.arange(6, 40)[None]


def logits(model: Model) -> torch.Tensor:
    with torch.no_grad():
        reported: torch.Tensor = model.eval()(input_ids=IDS).logits
    return reported


def expected_parameters(model: Model, targets: Sequence[str], rank: int) -> int:
    """Return the size of a LoRA adapter: r (inputs + outputs) for each matrix."""
    return sum(
        rank * sum(module.weight.shape)
        for name, module in model.named_modules()
        if hasattr(module, "weight")
        and any(name == one or name.endswith(f".{one}") for one in targets)
    )


@pytest.mark.parametrize("name", ["lora", "rslora"])
@pytest.mark.parametrize("rank", [1, 4, 8])
def test_an_adapter_has_two_r_d_parameters_for_each_square_matrix(
    name: MethodName, rank: int
) -> None:
    adapted = adapt(tiny_llama(), MethodOptions(name=name, rank=rank), steps=10)

    matrices = 2 * LAYERS
    assert len(adapted.targets) == matrices
    assert adapted.parameters.tuned == matrices * 2 * rank * WIDTH
    assert adapted.parameters.tuned == expected_parameters(tiny_llama(), ("q_proj", "v_proj"), rank)


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_on_all_linear_matrices_it_has_r_times_both_sides_of_each(make: Any) -> None:
    adapted = adapt(make(), MethodOptions(targets="all linear"), steps=10)

    assert adapted.parameters.tuned == expected_parameters(make(), adapted.targets, 8)
    assert not any("lm_head" in target for target in adapted.targets)


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
@pytest.mark.parametrize("name", ["lora", "rslora", "dora", "adalora", "ia3", "bottleneck"])
def test_at_the_start_the_output_is_the_base_models_exactly(name: MethodName, make: Any) -> None:
    before = logits(make())

    after = logits(adapt(make(), MethodOptions(name=name), steps=10).model)

    if name == "dora":
        # It takes each direction apart into length and direction, and puts it together again.
        assert torch.allclose(before, after, atol=1e-5)
    else:
        assert torch.equal(before, after)


def test_full_tuning_tunes_everything_and_a_prefix_two_vectors_a_layer_for_each_token() -> None:
    full = adapt(tiny_llama(), MethodOptions(name="full"), steps=10)
    prefix = adapt(tiny_llama(), MethodOptions(name="prefix", virtual_tokens=5), steps=10)

    assert full.parameters.share == 1.0
    assert prefix.parameters.tuned == 5 * LAYERS * 2 * WIDTH


def test_ia3_learns_a_factor_for_each_key_value_and_inner_feature() -> None:
    adapted = adapt(tiny_llama(), MethodOptions(name="ia3"), steps=10)

    assert adapted.parameters.tuned == LAYERS * (WIDTH + WIDTH + 2 * WIDTH)


def test_of_an_encoder_query_and_value_are_adapted() -> None:
    adapted = adapt(tiny_roberta(), MethodOptions(), steps=10, task="SEQ_CLS")

    lasts = {target.rsplit(".", 1)[-1] for target in adapted.targets}
    assert lasts - {"query", "value"} <= {"classifier"}
    assert {"query", "value"} <= lasts


def test_unknown_targets_are_refused_with_the_names_there_are() -> None:
    with pytest.raises(InvalidInput, match="down_proj, gate_proj") as caught:
        adapt(tiny_llama(), MethodOptions(targets=("q_proj", "wq", "proj")), steps=10)

    assert [str(fault) for fault in caught.value.faults] == [
        "method.targets: the model has no 'wq'",
        "method.targets: the model has no 'proj'",
    ]


def test_named_targets_are_adapted_and_no_others() -> None:
    only = "model.layers.1.self_attn.q_proj"

    adapted = adapt(tiny_llama(), MethodOptions(targets=(only,)), steps=10)

    assert adapted.targets == (only,)
    assert adapter_ranks(adapted.model) == {only: 8}


def test_adalora_with_too_few_steps_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        adapt(tiny_llama(), MethodOptions(name="adalora"), steps=1)

    assert caught.value.faults[0].field == "schedule.steps"


def test_the_tiny_tokenizer_gives_back_what_it_read() -> None:
    tokenizer = tiny_tokenizer()

    assert tokenizer.decode(tokenizer("Grüße, 世界!")["input_ids"]) == "Grüße, 世界!"
