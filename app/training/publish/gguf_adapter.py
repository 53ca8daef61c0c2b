"""A LoRA adapter as a GGUF file, which llama.cpp switches on and off by the request."""

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
"""By transformers' name of the family; others lay their matrices out in ways not tried here."""
_TURNED = ("q_proj", "k_proj")
"""Matrices whose rows llama.cpp keeps in another order."""


def write_gguf_adapter(folder: Path, config: ModelConfig, target: Path) -> None:
    """Write a saved LoRA or rsLoRA adapter for llama.cpp; the file appears when it is whole.

    Args:
        folder: With ``adapter_config.json`` and ``adapter_model.safetensors``.
        config: The base model's.
        target: The file to write.

    Raises:
        InvalidInput: when the base model is of a family that is not known, or the adapter is of a
            method that llama.cpp does not have.
        OutOfSpace: when the disk is full.
    """
    told = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    _check(told, config)
    rank, alpha = told["r"], told["lora_alpha"]
    # llama.cpp scales by alpha / rank and knows no root.
    scaled = alpha * rank**0.5 if told.get("use_rslora") else alpha
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


def _check(told: dict[str, object], config: ModelConfig) -> None:
    faults = []
    if config.model_type not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        faults.append(Fault(f"the base model is of the family {config.model_type!r}, not {known}"))
    if told.get("peft_type") != "LORA" or told.get("use_dora"):
        faults.append(Fault("only lora, rslora and qlora can be written so"))
    if faults:
        raise InvalidInput("This adapter cannot be written for llama.cpp.", faults)


def _matrices(folder: Path, config: ModelConfig) -> Iterator[tuple[str, np.ndarray]]:
    names = gguf.get_tensor_name_map(_ARCHITECTURES[config.model_type], config.num_hidden_layers)
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as held:
        for name in held.keys():  # noqa: SIM118 - it is no mapping
            module, _, part = name.removeprefix("base_model.model.").rpartition(".lora_")
            known = names.get_name(f"{module}.weight", try_suffixes=(".weight",))
            matrix = held.get_tensor(name).to(torch.float32)
            letter = part[0].lower()
            if letter == "b" and module.endswith(_TURNED):
                heads = config.num_attention_heads
                if module.endswith("k_proj"):
                    heads = config.num_key_value_heads
                matrix = _turned(matrix, heads)
            yield f"{known}.lora_{letter}", matrix.contiguous().numpy()


def _turned(matrix: torch.Tensor, heads: int) -> torch.Tensor:
    """Put the rows of each head's two halves in turn, as llama.cpp rotates neighbours."""
    rows, rank = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2).reshape(rows, rank)
