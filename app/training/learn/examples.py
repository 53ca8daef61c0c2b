"""Training examples as the loop sees them: sequences, micro-batches and their loss.

The loop is the same for answers and for labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from app.training.plain.library_types import Model


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Sequences for one forward and backward pass."""

    loss_tokens: int
    """Number of tokens, or labels, that count in the loss."""
    summed_loss: Callable[[Model], torch.Tensor]
    """Returns the sum of their cross entropies in nats, a float32 scalar. Sums weight micro-batches
    of unequal size correctly."""


@dataclass(frozen=True, slots=True)
class TrainingExamples:
    """All training sequences."""

    sequences: Sequence[object]
    """Values whose `repr` identifies the rows in the fingerprint of a checkpoint."""
    lengths: Sequence[int]
    """Tokens of each sequence."""
    make_micro_batch: Callable[[Sequence[int], int], MicroBatch]
    """Makes a micro-batch of the sequences with these numbers, padded with this token."""

    def __len__(self) -> int:
        return len(self.sequences)
