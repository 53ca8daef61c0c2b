"""An adapter as a GGUF file: the same products, by llama.cpp's names and in its order of rows."""

from pathlib import Path

import gguf
import pytest
import torch

from app.errors import InvalidInput
from app.training.plain.library_types import Model
from app.training.plain.option_groups import MethodName
from app.training.publish.gguf_adapter import write_gguf_adapter
from tests.unit.training.tiny_models import LAYERS, WIDTH, tiny_gpt2, tiny_llama
from tests.unit.training.tiny_training import options_for, tuned

pytestmark = pytest.mark.torch


def saved(name: MethodName, folder: Path, model: Model) -> Model:
    adapted, _ = tuned(options_for(name, steps=2), folder / "checkpoints", model=model)
    adapted.model.save_pretrained(folder / "adapter")
    return adapted.model


def change(held: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    return held[f"{name}.weight.lora_b"] @ held[f"{name}.weight.lora_a"]


@pytest.mark.parametrize("name", ["lora", "rslora"])
def test_its_products_are_the_adapters(name: MethodName, tmp_path: Path) -> None:
    model = saved(name, tmp_path, tiny_llama())

    write_gguf_adapter(tmp_path / "adapter", tiny_llama().config, tmp_path / "adapter.gguf")

    read = gguf.GGUFReader(tmp_path / "adapter.gguf")
    held = {one.name: torch.tensor(one.data.copy()) for one in read.tensors}
    alpha = float(read.fields["adapter.lora.alpha"].contents())
    layer = model.base_model.model.model.layers[1]
    ours = layer.self_attn.v_proj.get_delta_weight("default").detach()
    assert len(held) == 2 * 7 * LAYERS
    assert torch.allclose(change(held, "blk.1.attn_v") * alpha / 8, ours, atol=1e-6)
    # Of query and key each head's two halves are in turn.
    turned = layer.self_attn.q_proj.get_delta_weight("default").detach()
    turned = turned.reshape(4, 2, WIDTH // 8, WIDTH).swapaxes(1, 2).reshape(WIDTH, WIDTH)
    assert torch.allclose(change(held, "blk.1.attn_q") * alpha / 8, turned, atol=1e-6)


def test_another_family_is_refused(tmp_path: Path) -> None:
    saved("lora", tmp_path, tiny_gpt2())

    with pytest.raises(InvalidInput) as caught:
        write_gguf_adapter(tmp_path / "adapter", tiny_gpt2().config, tmp_path / "adapter.gguf")

    assert "family 'gpt2', not llama" in str(caught.value.faults[0])


def test_another_method_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    saved("dora", tmp_path, tiny_llama())

    with pytest.raises(InvalidInput, match="cannot be converted for llama"):
        write_gguf_adapter(tmp_path / "adapter", tiny_llama().config, tmp_path / "adapter.gguf")

    assert not list(tmp_path.glob("*.gguf*"))
