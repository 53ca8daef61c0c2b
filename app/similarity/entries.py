"""The entries of the index in arrays, and the bounds that leave few to verify."""

from array import array
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.similarity.gate import Gate
from app.similarity.vocabulary import Sketch

Positions = NDArray[np.intp]
"""Sequence numbers."""

_SCALE = 256
# As many entries at a time as keep the scan's intermediate results in the processor's cache.
_CHUNK = 32_768


class Suspect(NamedTuple):
    """An entry that may be above the threshold according to its signature."""

    sequence: int
    least_lcs: int
    """It is above the threshold if its LCS with the query is at least this."""
    ids: list[int]
    """Its tokens."""


class Entries:
    """Token ids and signatures of all entries; an entry without tokens has the length 0.

    A text may have up to 16 million tokens.
    """

    def __init__(self) -> None:
        self._tokens = array("I")
        # End of the tokens of each entry; those of the first begin at 0.
        self._ends = array("Q", [0])
        # These three grow together. An `array` can't grow while anything holds a view of it, such
        # as the traceback of an interrupted scan, so they are numpy's and are copied to grow.
        self._first_halves = np.empty(1024, np.uint64)
        self._second_halves = np.empty(1024, np.uint64)
        self._lengths = np.empty(1024, np.int32)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, sketch: Sketch) -> None:
        """Add an entry."""
        sequence = len(self)
        if sequence == len(self._lengths):
            self._first_halves = _grown(self._first_halves)
            self._second_halves = _grown(self._second_halves)
            self._lengths = _grown(self._lengths)
        self._first_halves[sequence], self._second_halves[sequence] = sketch.halves
        self._lengths[sequence] = len(sketch.ids)
        self._tokens.fromlist(sketch.ids)
        self._ends.append(len(self._tokens))

    def ids(self, sequence: int) -> list[int]:
        """Return the token ids of one entry."""
        return self._tokens[self._ends[sequence] : self._ends[sequence + 1]].tolist()

    def scan(self, sketch: Sketch, gate: Gate, start: int = 0) -> Positions:
        """Return all entries from `start` on that pass the bound of the first half, in order."""
        chunks = [np.empty(0, np.intp)]
        for first in range(start, len(self), _CHUNK):
            found = self._passing(sketch, gate, slice(first, min(first + _CHUNK, len(self))))
            found += first
            chunks.append(found)
        return np.concatenate(chunks) if len(chunks) > 2 else chunks[-1]

    def pick(self, sketch: Sketch, gate: Gate, positions: Positions) -> Positions:
        """Return those of these entries that pass the bound of the first half."""
        picked: Positions = positions[self._passing(sketch, gate, positions)]
        return picked

    def _passing(self, sketch: Sketch, gate: Gate, where: slice | Positions) -> Positions:
        """Return the places within `where` of the entries that pass the bound of the first half.

        The LCS must be at least threshold * (m + n) / 2, and is at most the shared bits plus the
        slack. Both sides times the scale and rounded down are whole numbers, so the error of the
        floating-point gate, far below one, can't hide an entry.
        """
        per_token = int(gate.threshold * _SCALE / 2)
        surplus = np.multiply(
            np.bitwise_count(self._first_halves[where] & np.uint64(sketch.halves[0])),
            _SCALE,
            dtype=np.int32,
        )
        surplus -= self._lengths[where] * np.int32(per_token)
        least = per_token * len(sketch.ids) - _SCALE * sketch.slack[0]
        places: Positions = (surplus >= least).nonzero()[0]
        return places

    def narrow(self, sketch: Sketch, gate: Gate, positions: Positions) -> list[Suspect]:
        """Return those of these entries that also pass the bounds of lengths and second half."""
        if not len(positions):
            return []
        bits, slack = np.uint64(sketch.halves[1]), np.int64(sketch.slack[1])
        lengths = self._lengths[positions]
        least = gate.least_lcs(len(sketch.ids), lengths)
        shared = np.bitwise_count(self._second_halves[positions] & bits)
        keep = (np.minimum(shared + slack, lengths) >= least).nonzero()[0]
        pairs = zip(positions[keep].tolist(), least[keep].tolist(), strict=True)
        return [Suspect(sequence, cutoff, self.ids(sequence)) for sequence, cutoff in pairs]


def _grown(column: NDArray[Any]) -> NDArray[Any]:
    # An eighth more at a time: a number is copied nine times, and little memory lies idle.
    larger = np.empty(len(column) * 9 // 8, column.dtype)
    larger[: len(column)] = column
    return larger
