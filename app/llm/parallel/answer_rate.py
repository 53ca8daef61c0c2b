"""The rate of answers over the last seconds, which says how much of a concurrency limit is used."""

import math

SECONDS = 4
"""The rate is the largest number of answers in one of the last seconds, as many as this."""


class AnswerRate:
    """The most answers of one second, over the last seconds."""

    def __init__(self) -> None:
        self._counts = [0] * SECONDS
        self._second = 0
        self._began_s = math.inf

    def count(self, now_s: float) -> None:
        """Count an answer."""
        self._began_s = min(self._began_s, now_s)
        self._forget(now_s)
        self._counts[self._second % SECONDS] += 1

    def most(self, now_s: float) -> float:
        """Return the number; infinity before a whole second is known."""
        self._forget(now_s)
        return max(self._counts) if now_s - self._began_s > 1 else math.inf

    def _forget(self, now_s: float) -> None:
        second = math.floor(now_s)
        for gone in range(max(self._second + 1, second - SECONDS + 1), second + 1):
            self._counts[gone % SECONDS] = 0
        self._second = max(self._second, second)
