"""Encoded rows to tensors: padded side by side, or packed without one seeing the other."""

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
    """What a model is given at a time, and what it should have said."""

    ids: torch.Tensor
    """Sequences by places."""
    attention: torch.Tensor
    """1 for a token and 0 for padding, or of packed rows sequences by 1 by places by places: 0
    where the second place is seen from the first, and minus infinity where not."""
    places: torch.Tensor | None
    """Of packed rows: each token's place in its own row."""
    targets: torch.Tensor
    """For each place the token that should follow, or `NO_LOSS`."""

    @property
    def under_loss(self) -> int:
        """How many tokens are to be foretold."""
        return int((self.targets != NO_LOSS).sum())

    @property
    def kept_places(self) -> torch.Tensor:
        """The places at which some sequence has a token to foretell."""
        return (self.targets != NO_LOSS).any(dim=0).nonzero().squeeze(1)


def packs_of(rows: Sequence[Encoded], most_tokens: int) -> Sequence[Pack]:
    """Put rows together, none beyond `most_tokens`, each where it leaves the least room unused."""
    packs: list[list[Encoded]] = []
    # What each pack has room for, and which it is; in order, so that a fit is found at once.
    rooms: list[tuple[int, int]] = []
    # The longest first: what is short fits anywhere.
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        fit = bisect_left(rooms, (len(row.ids), 0))
        if fit < len(rooms):
            room, number = rooms.pop(fit)
        else:
            room, number = most_tokens, len(packs)
            packs.append([])
        packs[number].append(row)
        insort(rooms, (room - len(row.ids), number))
    return [tuple(pack) for pack in packs]


def order_of_epoch(count: int, seed: int, epoch: int) -> list[int]:
    """The order in which an epoch sees its sequences; the same for the same numbers."""
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


def endless(count: int, seed: int) -> Iterator[int]:
    """The numbers of the sequences in the order of tuning, epoch after epoch."""
    epoch = 0
    while True:
        yield from order_of_epoch(count, seed, epoch)
        epoch += 1


def batch_of(packs: Sequence[Pack], padding: int) -> Batch:
    """Make tensors of sequences; shorter ones are padded at their end."""
    longest = max(sum(len(row.ids) for row in pack) for pack in packs)
    ids = torch.full((len(packs), longest), padding)
    targets = torch.full((len(packs), longest), NO_LOSS)
    places = torch.zeros((len(packs), longest), dtype=torch.long)
    owner = torch.full((len(packs), longest), -1)
    for number, pack in enumerate(packs):
        start = 0
        for which, row in enumerate(pack):
            end = start + len(row.ids)
            ids[number, start:end] = torch.tensor(row.ids)
            targets[number, start : end - 1] = torch.tensor(row.labels[1:])
            places[number, start:end] = torch.arange(len(row.ids))
            owner[number, start:end] = which
            start = end
    if all(len(pack) == 1 for pack in packs):
        return Batch(ids, (owner >= 0).long(), None, targets)
    return Batch(ids, _blocks(owner), places, targets)


def _blocks(owner: torch.Tensor) -> torch.Tensor:
    """Who is seen from where: earlier places of the same row, and nothing else."""
    longest = owner.shape[1]
    earlier = torch.ones((longest, longest), dtype=torch.bool).tril()
    seen = (owner[:, :, None] == owner[:, None, :]) & earlier
    # The lowest number instead of infinity: a place that saw nothing at all would be no number.
    hidden = torch.finfo(torch.float32).min
    return torch.zeros(seen.shape).masked_fill(~seen, hidden)[:, None]
