"""Train and test splits without near-duplicates across them.

Rows whose instructions are near are one group, and so are rows that are near a row of the group.
A whole group goes to one side. Two passes: in the first the texts are read in order, in the memory
of the similarity index and one number a row; then every position has its side.
"""

import hashlib
from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from app.curation.digests import DigestTable, digest
from app.curation.options import SplitOptions
from app.dataset_row import SplitName
from app.similarity import SimilarityIndex, TokenizerName
from app.similarity.tokenizers import TOKENIZERS, fold


class Groups:
    """Groups near-duplicate texts, in the order given."""

    def __init__(self, *, threshold: float = 0.7, tokenizer: TokenizerName = "unicode") -> None:
        self._index = SimilarityIndex(tokenizer=tokenizer, threshold=threshold)
        self._tokenize = TOKENIZERS[tokenizer]
        # The position of each text in the index; equal ones are in it once.
        self._positions = array("Q")
        self._equal = DigestTable()
        self._leaders = array("Q")

    def __len__(self) -> int:
        return len(self._leaders)

    def add(self, text: str) -> None:
        """Add the next text."""
        position = len(self._leaders)
        self._leaders.append(position)
        # Equal texts have equal neighbours, and there may be very many of them.
        key = digest(self._tokenize(text) or ["", fold(text)])
        before = self._equal[key]
        if before:
            self._join(before - 1, position)
            return
        self._equal[key] = position + 1
        for near in self._index.near(text):
            self._join(self._positions[near.sequence], position)
        self._index.insert(text)
        self._positions.append(position)

    def extend(self, texts: Iterable[str]) -> None:
        """Add texts in order."""
        for text in texts:
            self.add(text)

    def leader(self, position: int) -> int:
        """Return the first position of the group that a position is in."""
        leaders = self._leaders
        while leaders[position] != position:
            # Path halving: later searches are shorter.
            leaders[position] = leaders[leaders[position]]
            position = leaders[position]
        return position

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self.leader(one), self.leader(other)))
        self._leaders[second] = first


class Split:
    """The split of every row, by position."""

    def __init__(self, groups: Groups, options: SplitOptions) -> None:
        leaders = np.fromiter(map(groups.leader, range(len(groups))), np.int64, len(groups))
        each, group_of, sizes = np.unique(leaders, return_inverse=True, return_counts=True)
        self._is_test = _chosen(each, sizes, options)[group_of]

    def __len__(self) -> int:
        return len(self._is_test)

    def side(self, position: int) -> SplitName:
        """Return the split of the row at a position."""
        return "test" if self._is_test[position] else "train"

    @property
    def test_rows(self) -> int:
        """Number of rows in the test split."""
        return int(self._is_test.sum())


def split(instructions: Iterable[str], options: SplitOptions) -> Split:
    """Read the instructions of a data set in order and split its rows.

    The same texts in the same order with the same seed give the same split.
    """
    groups = Groups(threshold=options.threshold)
    groups.extend(instructions)
    return Split(groups, options)


def _chosen(
    leaders: NDArray[np.int64], sizes: NDArray[np.int64], options: SplitOptions
) -> NDArray[np.bool_]:
    """Choose groups for the test split.

    In an order by seed, as long as they do not go over the wanted share; one more where that comes
    nearer to the share than to leave it out.
    """
    drawn = np.fromiter((_drawn(options.seed, each) for each in leaders), np.uint64, len(leaders))
    chosen = np.zeros(len(leaders), np.bool_)
    left = round(options.test_share * int(sizes.sum()))
    nearest = None
    for group in np.argsort(drawn, kind="stable"):
        if sizes[group] <= left:
            chosen[group] = True
            left -= int(sizes[group])
        elif nearest is None or sizes[group] < sizes[nearest]:
            nearest = group
    if nearest is not None and sizes[nearest] - left < left:
        chosen[nearest] = True
    return chosen


def _drawn(seed: int, leader: int) -> int:
    hashed = hashlib.blake2b(f"{seed}/{leader}".encode(), digest_size=8)
    return int.from_bytes(hashed.digest(), "little")
