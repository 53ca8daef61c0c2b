"""LoRA adapters as GGUF files, which llama.cpp can switch on and off per request."""

import json
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors import safe_open

from app.atomic_files import out_of_space_told
from app.errors import Fault, InvalidInput
from app.training.plain.library_types import ModelConfig

_ARCHITECTURES = {"llama": gguf.MODEL_ARCH.LLAMA}
"""By the model type of transformers; other families need other matrix layouts, not tested here."""
_INTERLEAVED = ("q_proj", "k_proj")
"""Matrices whose rows llama.cpp stores in another order."""


def write_gguf_adapter(folder: Path, config: ModelConfig, target: Path) -> None:
    """Write a saved LoRA or rsLoRA adapter for llama.cpp, atomically.

    Args:
        folder: Folder with ``adapter_config.json`` and ``adapter_model.safetensors``.
        config: Configuration of the base model.
        target: File to write.

    Raises:
        InvalidInput: the family of the base model or the method of the adapter is not supported.
        OutOfSpace: the disk is full.
    """
    adapter_config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    _check(adapter_config, config)
    rank, alpha = adapter_config["r"], adapter_config["lora_alpha"]
    # llama.cpp scales by alpha / rank, never by alpha / sqrt(rank).
    scaled = alpha * rank**0.5 if adapter_config.get("use_rslora") else alpha
    beside = target.with_name(f".{target.name}.part")
    with out_of_space_told(target):
        try:
            writer = gguf.GGUFWriter(beside, config.model_type)
            writer.add_type(gguf.GGUFType.ADAPTER)
            writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
            writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(scaled))
            for name, matrix in _matrices(folder, config):
                writer.add_tensor(name, matrix)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            beside.replace(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _check(adapter_config: dict[str, object], config: ModelConfig) -> None:
    faults = []
    if config.model_type not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        faults.append(Fault(f"the base model is of the family {config.model_type!r}, not {known}"))
    if adapter_config.get("peft_type") != "LORA" or adapter_config.get("use_dora"):
        faults.append(Fault("only lora, rslora and qlora adapters can be converted"))
    if faults:
        raise InvalidInput("This adapter cannot be converted for llama.cpp.", faults)


def _matrices(folder: Path, config: ModelConfig) -> Iterator[tuple[str, np.ndarray]]:
    names = gguf.get_tensor_name_map(_ARCHITECTURES[config.model_type], config.num_hidden_layers)
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as held:
        for name in held.keys():  # noqa: SIM118 - it is no mapping
            module, _, part = name.removeprefix("base_model.model.").rpartition(".lora_")
            known = names.get_name(f"{module}.weight", try_suffixes=(".weight",))
            matrix = held.get_tensor(name).to(torch.float32)
            letter = part[0].lower()
            if letter == "b" and module.endswith(_INTERLEAVED):
                heads = config.num_attention_heads
                if module.endswith("k_proj"):
                    heads = config.num_key_value_heads
                matrix = _interleaved(matrix, heads)
            yield f"{known}.lora_{letter}", matrix.contiguous().numpy()


def _interleaved(matrix: torch.Tensor, heads: int) -> torch.Tensor:
    """Interleave the two halves of each head, as llama.cpp rotates neighbouring rows."""
    rows, rank = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2).reshape(rows, rank)
