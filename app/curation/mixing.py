"""Rows of several sources in one data set: how many of each, which, and in which order.

Nothing is loaded to decide: the number of rows of each source is enough, and the same numbers,
options and seed take the same rows in the same order.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

from app.curation.options import MixOptions, SourceOptions

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Source:
    """A source of rows."""

    rows: int
    """Number of rows it has."""
    options: SourceOptions = field(default_factory=SourceOptions)


@dataclass(frozen=True, slots=True)
class Mix:
    """The number of rows from each source, and how they are chosen and ordered."""

    sources: tuple[Source, ...]
    options: MixOptions
    counts: tuple[int, ...]
    """Number of rows taken from each source, in the order of the sources."""

    def taken(self, source: int) -> Iterator[bool]:
        """Yield for each row of a source, in order, True if it is taken."""
        wanted, left = self.counts[source], self.sources[source].rows
        chance = random.Random(f"{self.options.seed}/{source}/taken")
        while left:
            # Each choice of this number of rows is equally likely (Knuth's algorithm S).
            take = chance.random() * left < wanted
            wanted -= take
            left -= 1
            yield take

    def order(self) -> Iterator[int]:
        """Yield the number of the source of each row of the mix, in order."""
        if self.options.order == "one_after_another":
            for source, count in enumerate(self.counts):
                yield from (source for _ in range(count))
            return
        chance = random.Random(f"{self.options.seed}/order")
        left = list(self.counts)
        for remaining in range(sum(left), 0, -1):
            # Each interleaving is equally likely.
            at = int(chance.random() * remaining)
            source = 0
            while at >= left[source]:
                at -= left[source]
                source += 1
            left[source] -= 1
            yield source

    def rows(self, streams: Sequence[Iterable[Row]]) -> Iterator[tuple[int, Row]]:
        """Yield the rows of the mix, each with the number of its source, as the streams come."""
        chosen = [
            (row for row, take in zip(stream, self.taken(source), strict=True) if take)
            for source, stream in enumerate(streams)
        ]
        for source in self.order():
            yield source, next(chosen[source])


def plan_mix(sources: Sequence[Source], options: MixOptions) -> Mix:
    """Decide how many rows each source gives.

    One without a weight gives all it may. Those with weights keep to them, to the row: where one
    has too few rows for the wanted total, the others give fewer, too. An empty one weighs nothing.
    """
    available = [_available(source) for source in sources]
    counts = list(available)
    weighted = {
        number: Fraction(source.options.weight)
        for number, source in enumerate(sources)
        if source.options.weight is not None and available[number]
    }
    if weighted:
        whole = sum(weighted.values())
        most = min(int(available[n] * whole / weight) for n, weight in weighted.items())
        total = most if options.total is None else min(options.total, most)
        shares = {n: total * weight / whole for n, weight in weighted.items()}
        for number, count in _rounded(shares, total).items():
            counts[number] = min(count, available[number])
    return Mix(tuple(sources), options, tuple(counts))


def _available(source: Source) -> int:
    limit = source.options.limit
    return source.rows if limit is None else min(source.rows, limit)


def _rounded(shares: dict[int, Fraction], total: int) -> dict[int, int]:
    """Round shares so that they sum to the total (largest remainder method)."""
    counts = {number: int(share) for number, share in shares.items()}
    cut_off = sorted(shares, key=lambda number: (counts[number] - shares[number], number))
    for number in cut_off[: total - sum(counts.values())]:
        counts[number] += 1
    return counts
