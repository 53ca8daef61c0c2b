"""Histograms of text lengths and scores."""

import math
from collections import Counter
from itertools import pairwise

from app.statistics.schema import LengthBin, Lengths, ScoreBin, SeedSimilarity

_EDGES = [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024]
_EDGES += [1448, 2048, 2896, 4096]
_SCORE_BINS = 10


class LengthTally:
    """Counts text lengths; there are few different lengths, so all are kept."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, text: str) -> None:
        """Measure one text in whitespace-separated words."""
        self._counts[len(text.split())] += 1

    def lengths(self) -> Lengths:
        """Return the lengths measured so far."""
        count = self._counts.total()
        words = sum(length * n for length, n in self._counts.items())
        return Lengths(
            count=count,
            mean=words / count if count else None,
            median=self._quantile(0.5),
            p95=self._quantile(0.95),
            longest=max(self._counts, default=None),
            bins=self._bins(),
        )

    def _quantile(self, share: float) -> int | None:
        """Return the smallest length that at least this share of the texts does not exceed."""
        rank = math.ceil(share * self._counts.total())
        for length in sorted(self._counts):
            rank -= self._counts[length]
            if rank <= 0:
                return length
        return None

    def _bins(self) -> list[LengthBin]:
        if not self._counts:
            return []
        longest = max(self._counts)
        borders = [edge for edge in _EDGES if edge <= longest]
        highs = [after - 1 for _, after in pairwise(borders)]
        last = next((edge - 1 for edge in _EDGES if edge > longest), None)
        return [
            LengthBin(
                low=low,
                high=high,
                count=sum(n for length, n in self._counts.items() if _within(length, low, high)),
            )
            for low, high in zip(borders, [*highs, last], strict=True)
        ]


def _within(length: int, low: int, high: int | None) -> bool:
    return length >= low and (high is None or length <= high)


def score_bins(counts: list[int]) -> list[ScoreBin]:
    """Name ten counts by their borders."""
    return [
        ScoreBin(low=place / _SCORE_BINS, high=(place + 1) / _SCORE_BINS, count=count)
        for place, count in enumerate(counts)
    ]


def score_place(score: float) -> int:
    """Return the bin of a score among ten; rounding errors can't put 0.7 into the bin of 0.6."""
    return min(_SCORE_BINS - 1, max(0, math.floor(score * _SCORE_BINS + 1e-9)))


class ScoreTally:
    """Counts scores from 0 to 1."""

    def __init__(self) -> None:
        self._counts = [0] * _SCORE_BINS
        self._sum = 0.0
        self._unknown = 0

    def add(self, score: float | None) -> None:
        """Count one score; None: unknown."""
        if score is None:
            self._unknown += 1
        else:
            self._counts[score_place(score)] += 1
            self._sum += score

    def similarity(self) -> SeedSimilarity:
        """Return the counts."""
        scored = sum(self._counts)
        return SeedSimilarity(
            scored=scored,
            unknown=self._unknown,
            mean=self._sum / scored if scored else None,
            bins=score_bins(self._counts) if scored else [],
        )
