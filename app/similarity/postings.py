"""The prefix index: entries that share a rare word with a text, and so can be near it.

Put the tokens of every text in one order. If two texts share at least k of their tokens, the first
token they share is among the first m - k + 1 of the one with m tokens, and likewise of the other.
The fewest tokens a text of m can share with one that is beyond the threshold is known, so it is
enough to post each entry under the first few of its tokens, and to look up the first few of a
query's. The order is newest id first: words that were met late are rare, and a word that is in no
entry is newer than all, so the order never changes.
"""

from array import array

import numpy as np

from app.similarity.entries import Positions
from app.similarity.gate import Gate


class Postings:
    """For each token the entries that have it among their first, for one gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._entries_of: list[array[int]] = []

    def add(self, ids: list[int], sequence: int) -> None:
        """Post an entry; all of its ids are known."""
        missing = max(ids, default=-1) + 1 - len(self._entries_of)
        self._entries_of.extend(array("I") for _ in range(missing))
        for token in self._prefix(ids):
            self._entries_of[token].append(sequence)

    def find(self, ids: list[int], limit: int) -> Positions | None:
        """Return all entries that can be near, some repeatedly, or None for more than `limit`."""
        found = [self._entries_of[token] for token in self._prefix(ids)]
        if sum(map(len, found)) > limit:
            return None
        return np.frombuffer(b"".join(found), np.uint32).astype(np.intp)

    def _prefix(self, ids: list[int]) -> set[int]:
        """Return the distinct known ids among the first of a text."""
        known = sorted((each for each in ids if each >= 0), reverse=True)
        unknown = len(ids) - len(known)
        return set(known[: max(self._gate.prefix(len(ids)) - unknown, 0)])
