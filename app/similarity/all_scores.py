"""The scores of a text with every text of a pool, for the profiles that store them.

The near-duplicate index never computes most of them; this computes all, so it is slower: some
milliseconds for a text at 50,000.
"""

from array import array
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from app.similarity.tokenizers import TOKENIZERS, TokenizerName, fold

Scores: TypeAlias = NDArray[np.float64]
"""ROUGE-L F of a text with each text of the pool, in the order of insertion."""

_Numbers: TypeAlias = "str | array[int]"
"""The tokens of a text, each as one number."""
_UNKNOWN = 0
_CODE_POINTS = 0x110000


class AllScores:
    """Scores a text with every text inserted before, by rouge_score's ROUGE-L F, bit for bit.

    Texts without any token score 1.0 with an equal text, and 0.0 otherwise.
    """

    def __init__(self, tokenizer: TokenizerName) -> None:
        self._tokenize = TOKENIZERS[tokenizer]
        self._numbers: dict[str, int] = {}
        self._texts: list[_Numbers] = []
        self._lengths = array("q")
        self._tokenless: dict[str, list[int]] = {}

    def insert(self, text: str) -> None:
        """Add a text."""
        tokens = self._tokenize(text)
        if not tokens:
            self._tokenless.setdefault(fold(text), []).append(len(self._texts))
        # From 1 on: 0 is every token that no text has.
        numbers = [self._numbers.setdefault(each, len(self._numbers) + 1) for each in tokens]
        self._texts.append(_sequence(numbers))
        self._lengths.append(len(numbers))

    def of(self, text: str) -> Scores:
        """Return the score of a text with each inserted one, in order."""
        tokens = self._tokenize(text)
        scores = np.zeros(len(self._texts))
        if not tokens:
            scores[self._tokenless.get(fold(text), [])] = 1.0
            return scores
        query = _sequence([self._numbers.get(each, _UNKNOWN) for each in tokens])
        lcs = process.cdist([query], self._texts, scorer=LCSseq.similarity, dtype=np.int32)[0]
        (shared,) = lcs.nonzero()
        # As in `gate.f_measure`.
        precision = lcs[shared] / np.frombuffer(self._lengths, np.int64)[shared]
        recall = lcs[shared] / len(tokens)
        scores[shared] = 2 * precision * recall / (precision + recall)
        return scores


def highest(scores: Scores, k: int) -> list[int]:
    """Return the places of the `k` highest scores, highest first, earlier of equal ones first."""
    places = np.arange(len(scores))
    if 0 < k < len(scores):
        # All that equal the k-th, too, so that the earliest of them are chosen.
        places = places[scores >= np.partition(scores, -k)[-k]]
    order: list[int] = places[np.argsort(-scores[places], kind="stable")][:k].tolist()
    return order


def _sequence(numbers: Sequence[int]) -> _Numbers:
    # A text is compared three times as fast as numbers are; both are compared by value.
    if max(numbers, default=0) < _CODE_POINTS:
        return "".join(map(chr, numbers))
    return array("Q", numbers)
