"""4-bit quantization of base models for QLoRA (nf4, double quantization; QLoRA, section 3)."""

import importlib
import importlib.util

import torch
from transformers import BitsAndBytesConfig

from app.errors import ConfigurationError
from app.training.plain.library_types import Model, ModelConfig


def quantization_config(device: str, compute_dtype: torch.dtype) -> ModelConfig:
    """Return the transformers configuration that loads a model in 4 bits.

    Raises:
        ConfigurationError: bitsandbytes is not installed, or does not work on this device.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigurationError(
            "The method qlora needs bitsandbytes, which is not installed: "
            "pip install 'seedbed[qlora]'. The method lora works without it."
        )
    try:
        # An optional package that may fail on import.
        kernels = importlib.import_module("bitsandbytes.functional")
        quantized, state = kernels.quantize_4bit(
            torch.ones(64, 64, device=device), quant_type="nf4"
        )
        kernels.dequantize_4bit(quantized, state)
    except (RuntimeError, AssertionError, AttributeError, ValueError, ImportError) as error:
        raise ConfigurationError(
            f"The installed bitsandbytes cannot quantize to 4 bits on this device ({device}): "
            f"{error}. The method lora works everywhere."
        ) from error
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
    )


def keep_weights_unpacked(model: Model) -> None:
    """Turn off the repacking of 4-bit weights, so that every processor and mode computes the same.

    bitsandbytes repacks 4-bit weights for inference on processors with AVX512-BF16. That fails for
    layers whose width is no multiple of 64. Where it works, it computes in another precision than
    training did, so results would differ from machine to machine.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
