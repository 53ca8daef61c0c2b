"""Estimates of the memory that training takes, before anything is loaded."""

import gc
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from app.training.plain.library_types import ModelConfig
from app.training.plain.options import TrainingOptions

_GIB = 2**30
_FOUR_BITS_BYTES = 0.53
"""Bytes per 4-bit weight, including its share of the quantization constants."""
_PROCESS = 600 * 2**20
"""Bytes of a Python process with torch and transformers."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Estimated memory in bytes, by use; it errs on the high side."""

    parameters: int
    """Parameters of the base model."""
    weights: int
    optimizer: int
    """Gradients and both Adam moments of the trained weights."""
    activations: int
    """Activations kept for the backward pass of one micro-batch of the longest rows."""

    @property
    def total(self) -> int:
        """Return the sum, including the process itself."""
        return self.weights + self.optimizer + self.activations + _PROCESS

    def __str__(self) -> str:
        """Return the estimate in words."""
        return (
            f"{self.total / _GIB:.1f} GiB ({self.parameters / 1e6:,.0f} million parameters: "
            f"weights {self.weights / _GIB:.1f}, gradients and optimizer "
            f"{self.optimizer / _GIB:.1f}, activations {self.activations / _GIB:.1f})"
        )


def uses_gradient_checkpointing(options: TrainingOptions, device: str) -> bool:
    """Return True when activations are recomputed instead of kept.

    The default is True only for QLoRA on a GPU, where memory is the reason for 4 bits.
    """
    if options.schedule.recompute is not None:
        return options.schedule.recompute
    return options.method.name == "qlora" and device.startswith("cuda")


def quantized_bytes(config: ModelConfig, parameters: int, weight_bytes: int) -> int:
    """Return the size of a model with linear layers in 4 bits and embeddings in full."""
    config = config.get_text_config()
    tables = 1 if getattr(config, "tie_word_embeddings", False) else 2
    whole: int = min(parameters, tables * config.vocab_size * config.hidden_size)
    return round((parameters - whole) * _FOUR_BITS_BYTES + whole * weight_bytes)


def estimate_memory(
    config: ModelConfig,
    parameters: int,
    options: TrainingOptions,
    weight_bytes: int,
    *,
    gradient_checkpointing: bool = False,
) -> MemoryEstimate:
    """Estimate the memory from the configuration of a model.

    Args:
        config: Configuration of the model.
        parameters: Number of its parameters.
        options: Training options.
        weight_bytes: Bytes per weight when loaded.
        gradient_checkpointing: True when activations are recomputed instead of kept.
    """
    config = config.get_text_config()
    method = options.method
    if method.name == "full":
        tuned = parameters
    elif method.name == "bottleneck":
        # Two matrices behind each of the two layers of a block.
        inner_width = config.hidden_size / method.reduction_factor
        tuned = round(config.num_hidden_layers * 4 * config.hidden_size * inner_width)
    else:
        # No method adapts more than all linear layers, with two matrices of its rank each.
        widest = max(config.hidden_size, getattr(config, "intermediate_size", None) or 0)
        rank = max(method.effective_rank, method.initial_rank)
        tuned = min(parameters, config.num_hidden_layers * 7 * 2 * rank * widest)
    weights = parameters * weight_bytes
    if method.name == "qlora":
        # Weights outside the 4-bit layers are converted to float32 for training.
        weights = quantized_bytes(config, parameters, 4)
    schedule, data = options.schedule, options.data
    tokens = min(schedule.micro_batch, schedule.batch) * data.max_tokens
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    per_layer = 10 * config.hidden_size + 4 * inner
    layers = config.num_hidden_layers * per_layer
    if gradient_checkpointing:
        # Only the input of each layer is kept, and all activations of one layer at a time.
        layers = config.num_hidden_layers * config.hidden_size + per_layer
    per_token = layers + 3 * config.vocab_size
    return MemoryEstimate(parameters, weights, tuned * 12, tokens * per_token * 4)


def available_bytes(device: str) -> int:
    """Return the free memory of a device in bytes; the device is named as in `torch.device`."""
    free_unused_memory(device)
    if device.startswith("cuda"):
        free: int = torch.cuda.mem_get_info()[0]
        return free
    return min(_free_of_machine(), container_free_bytes())


def free_unused_memory(device: str) -> None:
    """Free memory that is no longer used, for the next model and for other processes."""
    # A discarded model may be held by a reference cycle.
    gc.collect()
    if device.startswith("cuda"):
        # torch caches freed memory, which looks used to other processes.
        torch.cuda.empty_cache()


def _free_of_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts = dict(line.split(":", 1) for line in lines)
    return int(facts["MemAvailable"].split()[0]) * 1024


def container_free_bytes(folder: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the memory left under the limit of the container, in bytes; 2**63 without a limit."""
    try:
        limit, used, statistics = (
            (folder / f"memory.{name}").read_text(encoding="ascii")
            for name in ("max", "current", "stat")
        )
    except OSError:
        return 2**63
    if not limit.strip().isdigit():
        return 2**63
    facts = dict(line.split() for line in statistics.splitlines())
    # Page cache counts as used, but is released on demand; model files would fill it.
    return max(0, int(limit) - int(used) + int(facts.get("inactive_file", 0)))
