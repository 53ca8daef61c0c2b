"""The device that models run on, and its errors as anticipated failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from app.errors import MemoryTooSmall, TrainingError
from app.training.model.memory import available_bytes


@dataclass(frozen=True, slots=True)
class Device:
    """A device, the data type of weights on it, and its memory limit."""

    name: str = "cpu"
    """As in `torch.device`."""
    dtype: torch.dtype = torch.float32
    """Data type of frozen weights; trained weights are float32 in any case."""
    limit_bytes: int | None = None
    """Memory that may be used; None: all free memory."""

    @property
    def free_bytes(self) -> int:
        """Return the memory available for a model, in bytes."""
        return min(available_bytes(self.name), self.limit_bytes or 2**63)

    @property
    def in_float32(self) -> "Device":
        """Return the device with float32 weights, for a head that is trained as a whole."""
        return replace(self, dtype=torch.float32)


def default_device() -> Device:
    """Return the GPU when there is one, else the CPU."""
    if torch.cuda.is_available():
        return Device("cuda", torch.bfloat16)
    return Device()


@contextmanager
def device_errors_as_failures(what: str, then: str) -> Iterator[None]:
    """Raise anticipated failures for errors of the device.

    Args:
        what: What should have fit, as the beginning of a sentence.
        then: What is kept, or what takes less memory, as a sentence.

    Raises:
        MemoryTooSmall: the memory is full.
        TrainingError: the GPU was lost.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        text = str(error)
        first = text.splitlines()[0] if text else "none is left"
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate" in text:
            raise MemoryTooSmall(f"{what} did not fit into memory ({first}). {then}") from error
        if "CUDA" in text or "NCCL" in text:
            raise TrainingError(f"The GPU failed: {first}. {then}") from error
        raise
