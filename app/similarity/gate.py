"""The threshold test: rouge_score's F, and the smallest LCS (common subsequence) above it.

In real numbers F is 2·LCS / (m + n). In floating point it is not: 9 and 11 tokens with an LCS of 7
give 0.7000000000000001, which is "> 0.7". So nothing here simplifies rouge_score's expression.
For given lengths F grows strictly with the LCS, so one whole number, found with that very
expression, decides exactly.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Lengths = NDArray[np.signedinteger[Any]]

_TABLE_SIZE = 256


def f_measure(lcs: int, m: int, n: int) -> float:
    """Return rouge_score's F of two texts of `m` and `n` tokens, both at least 1, bit for bit."""
    if not lcs:
        return 0.0
    precision = lcs / n
    recall = lcs / m
    return 2 * precision * recall / (precision + recall)


class Gate:
    """The rule "F > threshold", or "F >= threshold" when `inclusive`.

    Raises:
        ValueError: The threshold is outside 0 to 1, or 0 and inclusive, which all would pass.
    """

    def __init__(self, threshold: float, *, inclusive: bool) -> None:
        if not 0 <= threshold <= 1 or (inclusive and threshold == 0):
            raise ValueError(f"threshold must be within 0 and 1, not {threshold!r}")
        self.threshold = threshold
        self.inclusive = inclusive
        self._prefixes: dict[int, int] = {}

    def passes(self, score: float) -> bool:
        """Return True when a score is above the threshold (or equal, if `inclusive`)."""
        return score >= self.threshold if self.inclusive else score > self.threshold

    def least_lcs(self, m: int, n: Lengths) -> Lengths:
        """Return the smallest LCS that is beyond the threshold, for each length in `n`.

        It is greater than the shorter length where no LCS is enough; a length of 0 counts as 1.
        """
        if m < _TABLE_SIZE and n.max(initial=0) < _TABLE_SIZE:
            least: Lengths = _table(self.threshold, self.inclusive)[m][n]
            return least
        return _least_lcs(self.threshold, self.inclusive, np.int64(m), np.maximum(n, 1))

    def prefix(self, m: int) -> int:
        """Return the number of tokens of a text that must include a token of every near text.

        The shortest near text is wholly contained in the text. All its `k` tokens are shared, and
        fewer never suffice, so one of any m - k + 1 tokens is shared.
        """
        if m not in self._prefixes:
            k = max(int(self.threshold * m / (2 - self.threshold)) - 1, 1)
            while k <= m and not self.passes(f_measure(k, m, k)):
                k += 1
            self._prefixes[m] = m - k + 1
        return self._prefixes[m]


def _least_lcs(threshold: float, inclusive: bool, m: Lengths | np.int64, n: Lengths) -> Lengths:
    beyond = np.greater_equal if inclusive else np.greater
    # Start one below the exact answer, because rounding changes it by at most one.
    least = np.maximum((threshold * (m + n) / 2).astype(np.int64) - 1, 1)
    for _ in range(3):
        precision = least / n
        recall = least / m
        least = least + ~beyond(2 * precision * recall / (precision + recall), threshold)
    return least


@lru_cache(maxsize=16)
def _table(threshold: float, inclusive: bool) -> Lengths:
    """Return all answers for lengths below 256."""
    lengths = np.maximum(np.arange(_TABLE_SIZE), 1)
    return _least_lcs(threshold, inclusive, lengths[:, None], lengths[None, :]).astype(np.int16)
