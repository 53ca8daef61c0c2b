"""QLoRA's base model: held in 4 bits (nf4, doubly quantized), where bitsandbytes can."""

import importlib
import importlib.util

import torch
from transformers import BitsAndBytesConfig

from app.errors import ConfigurationError
from app.training.plain.library_types import Model, ModelConfig


def four_bits(device: str, computed_in: torch.dtype) -> ModelConfig:
    """What transformers must be told to load a model in 4 bits.

    Raises:
        ConfigurationError: when bitsandbytes is not installed, or cannot compute on this device.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigurationError(
            "The method qlora needs bitsandbytes, which is not installed: "
            "pip install 'seedbed[qlora]'. The method lora needs nothing more."
        )
    try:
        # An optional package, and one that may fail while it is imported.
        kernels = importlib.import_module("bitsandbytes.functional")
        held, state = kernels.quantize_4bit(torch.ones(64, 64, device=device), quant_type="nf4")
        kernels.dequantize_4bit(held, state)
    except (RuntimeError, AssertionError, AttributeError, ValueError, ImportError) as error:
        raise ConfigurationError(
            f"The installed bitsandbytes cannot hold a model in 4 bits on this device ({device}): "
            f"{error}. The method lora runs everywhere."
        ) from error
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computed_in,
    )


def keep_weights_unpacked(model: Model) -> None:
    """Compute with 4-bit weights the same way on every processor and in every mode.

    bitsandbytes repacks 4-bit weights for inference on processors with AVX512-BF16. That fails
    for layers whose width is no multiple of 64. Where it works it computes in another precision
    than training did, so a model and its measurement would differ from machine to machine.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
