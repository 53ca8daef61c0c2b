"""Bottleneck adapters: their places in each family, their size, their file read without peft."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

from app.errors import InvalidInput
from app.training.model.bottleneck import output_width
from app.training.model.memory import estimate_memory
from app.training.model.methods import adapt
from app.training.model.targets import target_modules
from app.training.plain.library_types import Model
from app.training.plain.option_groups import Activation, MethodOptions, Placement
from app.training.plain.options import TrainingOptions
from tests.unit.training.tiny_models import (
    LAYERS,
    WIDTH,
    tiny_gpt2,
    tiny_llama,
    tiny_roberta,
)

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[4]
IDS = torch.arange(6, 30)[None]
SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
DECODERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3",
            "granite", "stablelm", "smollm3", "olmo2", "cohere",
        ),
        ("self_attn.o_proj", "mlp.down_proj"),
    ),
    **dict.fromkeys(("gpt2", "gpt_bigcode"), ("attn.c_proj", "mlp.c_proj")),
    "gpt_neox": ("attention.dense", "mlp.dense_4h_to_h"),
    **dict.fromkeys(("falcon", "bloom"), ("self_attention.dense", "mlp.dense_4h_to_h")),
    "opt": ("self_attn.out_proj", "fc2"),
    "phi": ("self_attn.dense", "mlp.fc2"),
    "gptj": ("attn.out_proj", "mlp.fc_out"),
    "starcoder2": ("self_attn.o_proj", "mlp.c_proj"),
}  # fmt: skip
ENCODERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("bert", "roberta", "electra", "deberta-v2", "camembert"),
        ("attention.output.dense", "output.dense"),
    ),
    "mpnet": ("attention.attn.o", "output.dense"),
    "distilbert": ("attention.out_lin", "ffn.lin2"),
    "modernbert": ("attn.Wo", "mlp.Wo"),
}
MORE = {
    "opt": {"ffn_dim": 32, "word_embed_proj_dim": 16},
    "gptj": {"rotary_dim": 4},
    "electra": {"embedding_size": 16},
    "distilbert": {"hidden_dim": 32},
    "modernbert": {"cls_token_id": 2, "sep_token_id": 1},
    "mixtral": {"num_local_experts": 2},
    "qwen2_moe": {"num_experts": 2, "moe_intermediate_size": 8},
    "bart": {"d_model": 16, "decoder_layers": 2, "decoder_attention_heads": 2},
}


def empty(kind: str, loader: Any = AutoModelForCausalLM) -> Model:
    """Return a model without weights."""
    with torch.device("meta"):
        return loader.from_config(AutoConfig.for_model(kind, **{**SIZES, **MORE.get(kind, {})}))


def logits(model: Model) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=IDS).logits
    return found


def randomized(model: Model) -> Model:
    """Give every tuned weight a random value."""
    torch.manual_seed(5)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.normal_(std=0.1)
    return model


@pytest.mark.parametrize(
    ("ends", "loader"),
    [(DECODERS, AutoModelForCausalLM), (ENCODERS, AutoModelForSequenceClassification)],
)
def test_the_ends_of_both_layers_of_each_block_are_found(
    ends: dict[str, tuple[str, ...]], loader: Any
) -> None:
    for kind, (attention, feed_forward) in ends.items():
        model = empty(kind, loader)
        both = target_modules(model, MethodOptions(name="bottleneck"))
        one = target_modules(model, MethodOptions(name="bottleneck", placement="pfeiffer"))
        assert len(both) == 2 * SIZES["num_hidden_layers"], kind
        assert len(one) == SIZES["num_hidden_layers"], kind
        assert all(name.endswith(f".{feed_forward}") for name in one), kind
        assert all(name.endswith(f".{attention}") for name in set(both) - set(one)), kind
        # Each gives what is added to the residual stream.
        assert {output_width(model.get_submodule(name)) for name in both} == {16}, kind


@pytest.mark.parametrize("kind", ["mamba", "mixtral", "qwen2_moe"])
def test_models_without_one_of_each_are_refused_by_their_type(kind: str) -> None:
    with pytest.raises(InvalidInput, match=f"layers of {kind!r} models") as caught:
        target_modules(empty(kind), MethodOptions(name="bottleneck"))
    assert caught.value.faults[0].field == "method.targets"
    assert "set the targets to the modules whose output" in caught.value.faults[0].message


@pytest.mark.parametrize(("placement", "layers"), [("houlsby", 2), ("pfeiffer", 1)])
@pytest.mark.parametrize("reduction_factor", [1, 4, 1024])
def test_an_adapter_has_two_matrices_and_two_biases(
    placement: Placement, layers: int, reduction_factor: int
) -> None:
    method = MethodOptions(
        name="bottleneck", placement=placement, reduction_factor=reduction_factor
    )

    adapted = adapt(tiny_llama(), method, steps=10)

    inner = max(1, WIDTH // reduction_factor)
    expected = LAYERS * layers * (2 * WIDTH * inner + inner + WIDTH)
    assert adapted.parameters.tuned == expected
    options = TrainingOptions(method=method)
    estimate = estimate_memory(tiny_llama().config, 10**6, options, 4)
    assert 0.9 * estimate.optimizer < 12 * expected * 2 / layers


def test_named_modules_are_followed_by_an_adapter_and_no_others() -> None:
    method = MethodOptions(name="bottleneck", targets=("layers.1.self_attn.v_proj",))

    assert adapt(tiny_llama(), method, steps=10).targets == ("model.layers.1.self_attn.v_proj",)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh"])
def test_the_output_is_the_formulas(activation: Activation) -> None:
    method = MethodOptions(name="bottleneck", activation=activation, reduction_factor=4)
    layer = (
        randomized(adapt(tiny_llama(), method, steps=10).model)
        .eval()
        .get_submodule("base_model.model.model.layers.0.mlp.down_proj")
    )
    inputs = torch.randn(3, 2 * WIDTH)
    functions: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "relu": nn.ReLU(), "gelu": nn.GELU(), "silu": nn.SiLU(), "tanh": nn.Tanh(),
    }  # fmt: skip

    block = layer.base_layer(inputs)
    down, up = layer.bottleneck_down["default"], layer.bottleneck_up["default"]
    expected = block + up(functions[activation](down(block)))

    assert torch.equal(layer(inputs), expected)
    layer.enable_adapters(enabled=False)
    assert torch.equal(layer(inputs), block)


def test_beside_a_model_in_16_bits_the_adapter_is_in_32() -> None:
    base = tiny_llama().to(torch.bfloat16)
    before = logits(base)

    model = adapt(base, MethodOptions(name="bottleneck"), steps=10).model

    assert {w.dtype for w in model.parameters() if w.requires_grad} == {torch.float32}
    assert torch.equal(logits(model), before)


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2, tiny_roberta])
def test_the_code_of_the_docs_reads_an_adapter_without_peft(make: Any, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in text.split("```python\n")[1:]]
    [code] = [block for block in blocks if "def with_bottlenecks" in block]
    task = "SEQ_CLS" if make is tiny_roberta else "CAUSAL_LM"
    method = MethodOptions(name="bottleneck", reduction_factor=4, activation="gelu")
    model = randomized(adapt(make(), method, 10, task).model)
    model.save_pretrained(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the documentation's own code

    plain = names["with_bottlenecks"](make(), tmp_path)

    assert not torch.equal(logits(plain), logits(make()))
    assert torch.equal(logits(plain), logits(model))
    assert torch.equal(logits(PeftModel.from_pretrained(make(), tmp_path)), logits(model))
    config = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["peft_type"] == "BOTTLENECK"
    assert (config["reduction_factor"], config["activation"]) == (4, "gelu")
