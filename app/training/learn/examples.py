"""What is to be learnt: sequences, how some are put before a model, and the loss over them.

The loop sees no more of them than this, whatever they are: texts with answers, or with labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from app.training.plain.library_types import Model


@dataclass(frozen=True, slots=True)
class Portion:
    """Sequences that a model is given at a time."""

    under_loss: int
    """How many tokens, or labels, are to be foretold."""
    summed_loss: Callable[[Model], torch.Tensor]
    """The cross entropies in nats, summed over those: sums let portions of unequal size weigh by
    what is in them."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Everything that is to be learnt, sequence by sequence."""

    sequences: Sequence[object]
    """Values whose `repr` tells other rows apart."""
    lengths: Sequence[int]
    """Tokens of each."""
    portion: Callable[[Sequence[int], int], Portion]
    """Puts the sequences at these places together, padded by this token."""

    def __len__(self) -> int:
        return len(self.sequences)
