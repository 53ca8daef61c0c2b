"""How much memory tuning takes, told before anything is loaded."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from app.training.libraries import ModelConfig
from app.training.options import TrainingOptions

_GIB = 2**30
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


def estimate(
    config: ModelConfig, parameters: int, options: TrainingOptions, weight_bytes: int
) -> MemoryEstimate:
    """Estimate from a model's description; `weight_bytes` are those of one weight when loaded."""
    method = options.method
    if method.name == "full":
        tuned = parameters
    else:
        # Of the methods here none adapts more than all linear layers, by its rank on either side.
        widest = max(config.hidden_size, getattr(config, "intermediate_size", None) or 0)
        rank = max(method.effective_rank, method.initial_rank)
        tuned = min(parameters, config.num_hidden_layers * 7 * 2 * rank * widest)
    weights = parameters // 2 if method.name == "qlora" else parameters * weight_bytes
    schedule, data = options.schedule, options.data
    tokens = min(schedule.micro_batch, schedule.batch) * data.max_tokens
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    per_layer = 10 * config.hidden_size + 4 * inner
    a_token = config.num_hidden_layers * per_layer + 3 * config.vocab_size
    return MemoryEstimate(parameters, weights, tuned * 12, tokens * a_token * 4)


def available_bytes(device: str) -> int:
    """The memory that is free for us on a device, as `torch.device` names it."""
    if device.startswith("cuda"):
        free: int = torch.cuda.mem_get_info()[0]
        return free
    return min(_free_of_machine(), _left_in_container())


def _free_of_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts = dict(line.split(":", 1) for line in lines)
    return int(facts["MemAvailable"].split()[0]) * 1024


def _left_in_container(folder: Path = Path("/sys/fs/cgroup")) -> int:
    try:
        most = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
    except OSError:
        return 2**63
    return max(0, int(most) - used) if most.isdigit() else 2**63
