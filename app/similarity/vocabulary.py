"""Token ids, and the signature of a text: 128 bits that bound its LCS with other texts.

Each token of a text sets one bit in each of two 64-bit halves; the second occurrence of a word sets
other bits than the first. Two texts can share no more tokens than their signatures share bits, plus
the tokens whose bit another token of the same text had already set (the slack).
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

UNKNOWN = -1
"""The id of a token that is in no entry; it never equals an entry's token."""

_HALF = (1 << 64) - 1
_MARKS = tuple(1 << low | 1 << 64 + high for high in range(64) for low in range(64))


def _mark(token: int, occurrence: int) -> int:
    # Fibonacci hashing: the golden ratio of 2^64 spreads neighbouring ids; its top bits are good.
    spread = (token + 1) * 0x9E3779B97F4A7C15 + occurrence * 0xD1B54A32D192ED03
    return _MARKS[(spread & _HALF) >> 52]


class Sketch(NamedTuple):
    """The token ids and the signature of a text."""

    ids: list[int]
    """In the order of the text; UNKNOWN where no entry has the token."""
    halves: tuple[int, int]
    """The signature of the known tokens, as two 64-bit numbers."""
    slack: tuple[int, int]
    """Known tokens that set no bit of their own, in each half."""


class Vocabulary:
    """The ids of all tokens in the index, 0, 1, 2 and so on in order of appearance."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._marks: list[int] = []

    def sketch(self, tokens: Sequence[str]) -> Sketch:
        """Return the sketch of a text to look up; unknown tokens are not remembered."""
        lookup = self._ids.get
        ids = [lookup(token, UNKNOWN) for token in tokens]
        return self._sketch(ids, [each for each in ids if each >= 0])

    def learn(self, tokens: Sequence[str]) -> Sketch:
        """Return the sketch of a text to insert; new tokens get ids."""
        numbers = self._ids
        for token in tokens:
            if token not in numbers:
                self._marks.append(_mark(len(numbers), 0))
                numbers[token] = len(numbers)
        ids = [numbers[token] for token in tokens]
        return self._sketch(ids, ids)

    def _sketch(self, ids: list[int], known: list[int]) -> Sketch:
        marks = self._marks
        signature = 0
        for token in known:
            signature |= marks[token]
        if len(set(known)) < len(known):
            signature |= _repetitions(known)
        first, second = signature & _HALF, signature >> 64
        slack = (len(known) - first.bit_count(), len(known) - second.bit_count())
        return Sketch(ids, (first, second), slack)


def _repetitions(ids: list[int]) -> int:
    """Return the bits of the second and later occurrences."""
    bits = 0
    for token, count in Counter(ids).items():
        # More would only fill the signature; a token without a bit is slack.
        for occurrence in range(1, min(count, 64)):
            bits |= _mark(token, occurrence)
    return bits
