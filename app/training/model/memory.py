"""How much memory tuning takes, told before anything is loaded."""

import gc
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from app.training.plain.library_types import ModelConfig
from app.training.plain.options import TrainingOptions

_GIB = 2**30
_FOUR_BITS_BYTES = 0.53
"""Of a weight, with its share of the scales."""
_PROCESS = 600 * 2**20
"""What python with torch and transformers takes by itself."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes by what takes them; a guide that errs on the high side, no measurement."""

    parameters: int
    """How many the base model has."""
    weights: int
    optimizer: int
    """Gradients, and the two moments of Adam, of what is tuned."""
    activations: int
    """What one micro-batch of the longest rows leaves for the way back."""

    @property
    def total(self) -> int:
        """Bytes for everything."""
        return self.weights + self.optimizer + self.activations + _PROCESS

    def __str__(self) -> str:
        """Say it for a person."""
        return (
            f"{self.total / _GIB:.1f} GiB ({self.parameters / 1e6:,.0f} million parameters: "
            f"weights {self.weights / _GIB:.1f}, gradients and optimizer "
            f"{self.optimizer / _GIB:.1f}, activations {self.activations / _GIB:.1f})"
        )


def recomputes(options: TrainingOptions, device: str) -> bool:
    """Whether inner values are computed twice instead of kept.

    Left to us, it is so of QLoRA on a GPU, as its memory is what 4 bits are for.
    """
    if options.schedule.recompute is not None:
        return options.schedule.recompute
    return options.method.name == "qlora" and device.startswith("cuda")


def bytes_in_four_bits(config: ModelConfig, parameters: int, weight_bytes: int) -> int:
    """What a model takes whose inner matrices are held in 4 bits, and its embeddings are not."""
    config = config.get_text_config()
    tables = 1 if getattr(config, "tie_word_embeddings", False) else 2
    whole: int = min(parameters, tables * config.vocab_size * config.hidden_size)
    return round((parameters - whole) * _FOUR_BITS_BYTES + whole * weight_bytes)


def estimate(
    config: ModelConfig,
    parameters: int,
    options: TrainingOptions,
    weight_bytes: int,
    *,
    recomputed: bool = False,
) -> MemoryEstimate:
    """Estimate from a model's description.

    Args:
        config: The description.
        parameters: How many it has.
        options: How it is to be tuned.
        weight_bytes: Of one weight when loaded.
        recomputed: Whether inner values are computed twice instead of kept.
    """
    config = config.get_text_config()
    method = options.method
    if method.name == "full":
        tuned = parameters
    else:
        # Of the methods here none adapts more than all linear layers, by its rank on either side.
        widest = max(config.hidden_size, getattr(config, "intermediate_size", None) or 0)
        rank = max(method.effective_rank, method.initial_rank)
        tuned = min(parameters, config.num_hidden_layers * 7 * 2 * rank * widest)
    weights = parameters * weight_bytes
    if method.name == "qlora":
        # What is not held in 4 bits is made 32 bits wide for tuning.
        weights = bytes_in_four_bits(config, parameters, 4)
    schedule, data = options.schedule, options.data
    tokens = min(schedule.micro_batch, schedule.batch) * data.max_tokens
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    per_layer = 10 * config.hidden_size + 4 * inner
    layers = config.num_hidden_layers * per_layer
    if recomputed:
        # What goes into each layer is kept, and all of one layer at a time.
        layers = config.num_hidden_layers * config.hidden_size + per_layer
    a_token = layers + 3 * config.vocab_size
    return MemoryEstimate(parameters, weights, tuned * 12, tokens * a_token * 4)


def available_bytes(device: str) -> int:
    """The memory that is free for us on a device, as `torch.device` names it."""
    give_back(device)
    if device.startswith("cuda"):
        free: int = torch.cuda.mem_get_info()[0]
        return free
    return min(_free_of_machine(), left_in_container())


def give_back(device: str) -> None:
    """Free what nobody uses any more, for the next model and for other processes."""
    # A model that is done with may be held by itself alone, in a circle.
    gc.collect()
    if device.startswith("cuda"):
        # torch keeps what was freed, and to all others it is taken.
        torch.cuda.empty_cache()


def _free_of_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts = dict(line.split(":", 1) for line in lines)
    return int(facts["MemAvailable"].split()[0]) * 1024


def left_in_container(folder: Path = Path("/sys/fs/cgroup")) -> int:
    """What a container's limit leaves, in bytes; very much where there is none."""
    try:
        most, used, told = (
            (folder / f"memory.{name}").read_text(encoding="ascii")
            for name in ("max", "current", "stat")
        )
    except OSError:
        return 2**63
    if not most.strip().isdigit():
        return 2**63
    facts = dict(line.split() for line in told.splitlines())
    # Files that were read count as used until the room is wanted; so model files would.
    return max(0, int(most) - int(used) + int(facts.get("inactive_file", 0)))
