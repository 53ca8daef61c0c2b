"""Batches of encoded rows: padded, or packed without attention between rows."""

import random
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from app.training.plain.encoding import NO_LOSS, Encoded

Pack = tuple[Encoded, ...]
"""Rows that share a sequence."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The input of one forward pass, with its targets."""

    ids: torch.Tensor
    """int64 [sequences, tokens]."""
    attention: torch.Tensor
    """int64 [sequences, tokens]: 1 for a token, 0 for padding. With packing, float32 [sequences, 1,
    tokens, tokens], added to the attention scores: 0 where the query (third axis) may see the
    key (fourth axis), else the lowest finite number."""
    positions: torch.Tensor | None
    """int64 [sequences, tokens], with packing only: the position of each token in its own row."""
    targets: torch.Tensor
    """int64 [sequences, tokens]: the token to predict at each position, or `NO_LOSS`."""

    @property
    def loss_tokens(self) -> int:
        """Return the number of tokens that count in the loss."""
        return int((self.targets != NO_LOSS).sum())

    @property
    def loss_positions(self) -> torch.Tensor:
        """Return the positions, int64 [n], at which any sequence has a token to predict."""
        return (self.targets != NO_LOSS).any(dim=0).nonzero().squeeze(1)


def pack_rows(rows: Sequence[Encoded], max_tokens: int) -> Sequence[Pack]:
    """Pack rows into sequences of at most `max_tokens`, by best fit, longest row first."""
    packs: list[list[Encoded]] = []
    # Free tokens and number of each pack, sorted, to find a fit by bisection.
    free_tokens: list[tuple[int, int]] = []
    # Short rows fit anywhere, so they come last.
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        fit = bisect_left(free_tokens, (len(row.ids), 0))
        if fit < len(free_tokens):
            free, number = free_tokens.pop(fit)
        else:
            free, number = max_tokens, len(packs)
            packs.append([])
        packs[number].append(row)
        insort(free_tokens, (free - len(row.ids), number))
    return [tuple(pack) for pack in packs]


def epoch_order(count: int, seed: int, epoch: int) -> list[int]:
    """Return the order of the sequences in an epoch; the same arguments give the same order."""
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


def sequence_order(count: int, seed: int) -> Iterator[int]:
    """Yield sequence numbers in training order, epoch after epoch, without end."""
    epoch = 0
    while True:
        yield from epoch_order(count, seed, epoch)
        epoch += 1


def make_batch(packs: Sequence[Pack], padding: int) -> Batch:
    """Make tensors of sequences, padded at the end."""
    longest = max(sum(len(row.ids) for row in pack) for pack in packs)
    ids = torch.full((len(packs), longest), padding)
    targets = torch.full((len(packs), longest), NO_LOSS)
    positions = torch.zeros((len(packs), longest), dtype=torch.long)
    owner = torch.full((len(packs), longest), -1)
    for number, pack in enumerate(packs):
        start = 0
        for index, row in enumerate(pack):
            end = start + len(row.ids)
            ids[number, start:end] = torch.tensor(row.ids)
            targets[number, start : end - 1] = torch.tensor(row.labels[1:])
            positions[number, start:end] = torch.arange(len(row.ids))
            owner[number, start:end] = index
            start = end
    if all(len(pack) == 1 for pack in packs):
        return Batch(ids, (owner >= 0).long(), None, targets)
    return Batch(ids, _blocks(owner), positions, targets)


def _blocks(owner: torch.Tensor) -> torch.Tensor:
    """Return the attention mask of packed rows: only earlier tokens of the same row are visible."""
    longest = owner.shape[1]
    earlier = torch.ones((longest, longest), dtype=torch.bool).tril()
    seen = (owner[:, :, None] == owner[:, None, :]) & earlier
    # The lowest finite number instead of minus infinity: a row of minus infinities would become
    # NaN.
    hidden = torch.finfo(torch.float32).min
    return torch.zeros(seen.shape).masked_fill(~seen, hidden)[:, None]
