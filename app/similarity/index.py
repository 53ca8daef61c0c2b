"""The near-duplicate index: rouge_score's decisions, about ten thousand times faster.

A query has three steps. The postings give the few per cent of entries that can be near. A bound
from one half of their signatures leaves one in thousands; the lengths and the other half leave
fewer. For these the LCS (longest common subsequence) is computed. No step can lose an entry above
the threshold. When the postings would give too many entries, all signatures are scanned instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import LCSseq

from app.similarity.entries import Entries, Positions
from app.similarity.gate import Gate, f_measure
from app.similarity.postings import Postings
from app.similarity.tokenizers import TOKENIZERS, TokenizerName, fold
from app.similarity.vocabulary import Sketch, Vocabulary

# Reading a signature at random takes this many times as long as in a scan of all.
_PICKED_PER_SCANNED = 4
# Thresholds that `most_similar` tries one after the other until there are enough entries.
_STAGES = tuple(Gate(tenths / 10, inclusive=True) for tenths in range(7, 0, -1))


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of the index with its score."""

    sequence: int
    """0 for the first text inserted, 1 for the second, and so on."""
    score: float
    """rouge_score's ROUGE-L F, bit for bit; 1.0 for equal texts without any token."""


class SimilarityIndex:
    """Finds the near-duplicates of a text among those inserted before.

    Every text gets an answer, whatever is in it; texts without any token (empty, only punctuation,
    or of a script the tokenizer doesn't know) are near-duplicates if their folded texts are equal.
    Not for several threads at once.

    Args:
        tokenizer: ``unicode``, or ``rouge`` for rouge_score's own. A pool must keep to one.
        threshold: A score above it makes a near-duplicate; from 0 to 1.
        inclusive: A score equal to the threshold makes a near-duplicate, too.

    Raises:
        ValueError: The threshold is outside 0 to 1, or 0 and inclusive.
    """

    def __init__(
        self,
        *,
        tokenizer: TokenizerName = "unicode",
        threshold: float = 0.7,
        inclusive: bool = False,
    ) -> None:
        self.tokenizer = tokenizer
        self.gate = Gate(threshold, inclusive=inclusive)
        self._tokenize = TOKENIZERS[tokenizer]
        self._vocabulary = Vocabulary()
        self._entries = Entries()
        self._postings = Postings(self.gate)
        self._tokenless: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def insert(self, text: str) -> int:
        """Add a text, near-duplicate or not, and return its sequence number."""
        sequence, sketch = len(self), self._vocabulary.learn(self._tokenize(text))
        if not sketch.ids:
            self._tokenless.setdefault(fold(text), []).append(sequence)
        self._postings.add(sketch.ids, sequence)
        self._entries.append(sketch)
        return sequence

    def extend(self, texts: Iterable[str]) -> None:
        """Add texts in order."""
        for text in texts:
            self.insert(text)

    def nearest(self, text: str) -> Neighbour | None:
        """Return the nearest entry beyond the threshold, the earliest of equally near ones.

        None means that the text is no near-duplicate.
        """
        return self.nearest_since(text, 0)

    def near(self, text: str) -> list[Neighbour]:
        """Return every entry beyond the threshold, in order."""
        tokens = self._tokenize(text)
        if not tokens:
            equal = self._tokenless.get(fold(text), []) if self.gate.passes(1.0) else []
            return [Neighbour(sequence, 1.0) for sequence in equal]
        sketch = self._vocabulary.sketch(tokens)
        return self._verify(sketch, self.gate, self._candidates(sketch, 0))

    def nearest_since(self, text: str, since: int) -> Neighbour | None:
        """Return `nearest` among the entries with sequence number `since` or later.

        After a check without a lock, only entries added since must be checked under the lock.
        """
        sketch = self._vocabulary.sketch(self._tokenize(text))
        if not sketch.ids:
            equal = self._tokenless.get(fold(text), []) if self.gate.passes(1.0) else []
            return next((Neighbour(each, 1.0) for each in equal if each >= since), None)
        near = self._verify(sketch, self.gate, self._candidates(sketch, since))
        # `max` returns the first of equal ones, and they are in order.
        return max(near, key=lambda each: each.score, default=None)

    def most_similar(self, text: str, k: int, floor: float = 0.0) -> list[Neighbour]:
        """Return the `k` nearest entries, nearest first, the earlier of equally near ones first.

        Entries that share no token are never among them, nor those with a score below `floor`.
        A low floor is slow: give the highest one that is useful.

        Raises:
            ValueError: The floor is outside 0 to 1.
        """
        last = Gate(floor, inclusive=floor > 0)
        tokens = self._tokenize(text)
        if not tokens:
            equal = self._tokenless.get(fold(text), [])
            return [Neighbour(sequence, 1.0) for sequence in equal[: max(k, 0)]]
        sketch = self._vocabulary.sketch(tokens)
        similar: list[Neighbour] = []
        for gate in [*(each for each in _STAGES if each.threshold > floor), last]:
            similar = self._verify(sketch, gate, self._entries.scan(sketch, gate))
            if len(similar) >= k:
                break
        return sorted(similar, key=lambda each: (-each.score, each.sequence))[: max(k, 0)]

    def _candidates(self, sketch: Sketch, since: int) -> Positions:
        """Return all entries from `since` on that may be near, in order, each once."""
        limit = (len(self) - since) // _PICKED_PER_SCANNED
        found = self._postings.find(sketch.ids, limit)
        if found is None:
            return self._entries.scan(sketch, self.gate, since)
        found = self._entries.pick(sketch, self.gate, found)
        return np.array(sorted({each for each in found.tolist() if each >= since}), np.intp)

    def _verify(self, sketch: Sketch, gate: Gate, candidates: Positions) -> list[Neighbour]:
        """Return those candidates that are beyond the threshold, in their order."""
        near = []
        for sequence, least, ids in self._entries.narrow(sketch, gate, candidates):
            lcs = LCSseq.similarity(sketch.ids, ids, score_cutoff=least)
            score = f_measure(lcs, len(sketch.ids), len(ids))
            if gate.passes(score):
                near.append(Neighbour(sequence, score))
        return near
