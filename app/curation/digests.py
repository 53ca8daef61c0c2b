"""A map from digests to numbers in 29 to 43 bytes per entry, for millions of rows.

A dict takes 130. Two texts with equal digests of 128 bits are taken
for equal: among a thousand million texts that happens by chance once in 10^20 times.
"""

import hashlib
from array import array
from collections.abc import Iterable

from app.dataset_row import Record

_LEAST_SLOTS = 1021
_MOST_FILLED = 0.7
_WORD = (1 << 64) - 1


def digest(texts: Iterable[str]) -> int:
    """Return a 128-bit digest of a sequence of texts."""
    hashed = hashlib.blake2b(digest_size=16)
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        # With their lengths, so that "ab", "c" is not "a", "bc".
        hashed.update(len(encoded).to_bytes(8, "little") + encoded)
    return int.from_bytes(hashed.digest(), "little")


def question_texts(record: Record) -> list[str]:
    """Return the request of a record with its history."""
    turns = [text for each in record.history for text in (each.user, each.assistant)]
    return [record.instruction, record.input, record.system, *turns]


class DigestTable:
    """A map from digests to numbers; a digest without a number has 0."""

    def __init__(self) -> None:
        self._count = 0
        self._allot(_LEAST_SLOTS)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, key: int) -> int:
        """Return the number of a digest."""
        return self._numbers[self._slot(*_halves(key))]

    def __setitem__(self, key: int, number: int) -> None:
        """Set the number of a digest, a signed 32-bit integer."""
        low, high = _halves(key)
        slot = self._slot(low, high)
        if not self._lows[slot]:
            self._count += 1
            self._lows[slot], self._highs[slot] = low, high
        self._numbers[slot] = number
        if self._count > _MOST_FILLED * len(self._lows):
            self._grow()

    def _allot(self, slots: int) -> None:
        # Where the low half is 0, nothing is.
        self._lows = array("Q", bytes(8 * slots))
        self._highs = array("Q", bytes(8 * slots))
        self._numbers = array("i", bytes(4 * slots))

    def _slot(self, low: int, high: int) -> int:
        """Return the slot of a digest, or the slot to put it into."""
        lows, highs = self._lows, self._highs
        slots = len(lows)
        slot = high % slots
        while lows[slot] and (lows[slot] != low or highs[slot] != high):
            slot = (slot + 1) % slots
        return slot

    def _grow(self) -> None:
        lows, highs, numbers = self._lows, self._highs, self._numbers
        self._allot(len(lows) * 3 // 2)
        for low, high, number in zip(lows, highs, numbers, strict=True):
            if low:
                slot = self._slot(low, high)
                self._lows[slot], self._highs[slot], self._numbers[slot] = low, high, number


def _halves(key: int) -> tuple[int, int]:
    return key & _WORD or 1, key >> 64
