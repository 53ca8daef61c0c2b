"""Deduplication: exact duplicates and near-duplicates of earlier rows.

Held against each row: all rows before it (equal in every text), the given data sets, and, if
wanted, the rows that stayed (by ROUGE-L of the instructions, decided as `rouge_score` decides).
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.curation.digests import DigestTable, digest, question_texts
from app.curation.filter import Dropped
from app.curation.options import NearnessOptions
from app.dataset_row import DatasetRow
from app.similarity import SimilarityIndex

NEARNESS_REASONS = ("exact_repeat", "near_duplicate")


@dataclass(frozen=True, slots=True)
class Repeat:
    """An earlier row that a row duplicates."""

    reason: Literal["exact_repeat", "near_duplicate"]
    dataset: str | None
    """The data set of the earlier row; None: this one."""
    position: int
    """Position of the earlier row in its data set."""
    score: float
    """ROUGE-L F of the instructions; 1.0 for equal rows."""

    @property
    def dropped(self) -> Dropped:
        """Return the duplicate as the result of a filter."""
        place = self.dataset or "this data set"
        return Dropped(self.reason, f"{self.score:.3f} to row {self.position} of {place}")


class Nearness:
    """Finds duplicates row by row, in about 250 bytes for each kept row.

    First name the other data sets to compare with, then check each row in order.
    """

    def __init__(self, options: NearnessOptions) -> None:
        self._options = options
        self._seen = DigestTable()
        self._known = self._empty_index()
        self._datasets: list[str] = []
        # Position of the first instruction of each data set in the index.
        self._starts: list[int] = []
        self._own = self._empty_index()
        self._positions = array("Q")

    def keep_away_from(self, dataset: str, instructions: Iterable[str]) -> None:
        """Add the instructions of another data set, in the order of its rows."""
        self._datasets.append(dataset)
        self._starts.append(len(self._known))
        self._known.extend(instructions)

    def check(self, row: DatasetRow) -> Repeat | None:
        """Return the earlier row that a row duplicates.

        Returns:
            None when there is none: the row is kept, and later rows are compared with it.
        """
        return self._exact(row) or self._near_known(row) or self._near_own(row)

    def _empty_index(self) -> SimilarityIndex:
        return SimilarityIndex(tokenizer=self._options.tokenizer, threshold=self._options.threshold)

    def _exact(self, row: DatasetRow) -> Repeat | None:
        if not self._options.exact_repeats:
            return None
        key = digest([*question_texts(row.record), row.record.output])
        # The position plus 1, because 0 means that there is none.
        before = self._seen[key]
        if before:
            return Repeat("exact_repeat", None, before - 1, 1.0)
        self._seen[key] = row.position + 1
        return None

    def _near_known(self, row: DatasetRow) -> Repeat | None:
        near = self._known.nearest(row.record.instruction) if len(self._known) else None
        if near is None:
            return None
        which = bisect_right(self._starts, near.sequence) - 1
        position = near.sequence - self._starts[which]
        return Repeat("near_duplicate", self._datasets[which], position, near.score)

    def _near_own(self, row: DatasetRow) -> Repeat | None:
        if not self._options.within:
            return None
        near = self._own.nearest(row.record.instruction)
        if near is not None:
            return Repeat("near_duplicate", None, self._positions[near.sequence], near.score)
        self._own.insert(row.record.instruction)
        self._positions.append(row.position)
        return None
