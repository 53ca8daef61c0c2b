"""A memory that is full and a GPU that is gone, told as what they are wherever a model computes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from app.errors import MemoryTooSmall, TrainingTrouble


@contextmanager
def device_troubles_told(what: str, then: str) -> Iterator[None]:
    """Make anticipated failures of what a device could not do.

    Args:
        what: What was to fit, as the beginning of a sentence.
        then: What is kept, or what takes less, as a sentence of its own.

    Raises:
        MemoryTooSmall: when the memory was full.
        TrainingTrouble: when the GPU is lost.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        text = str(error)
        first = text.splitlines()[0] if text else "none is left"
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate" in text:
            raise MemoryTooSmall(f"{what} did not fit into the memory ({first}). {then}") from error
        if "CUDA" in text or "NCCL" in text:
            raise TrainingTrouble(f"The GPU failed: {first}. {then}") from error
        raise
