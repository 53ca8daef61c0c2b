"""The queue of finished model calls: filled by an event loop, emptied by one other thread."""

import threading
from collections import deque
from dataclasses import dataclass

from app.errors import ProviderError
from app.pipeline.types import Completion


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one submitted call."""

    key: int
    answer: Completion | ProviderError
    """Never `Throttled`: such a call is retried until it has another result."""
    latency_s: float
    """Seconds from sending the call to its answer, without the time in the queue."""


class OutcomeQueue:
    """A queue that counts the calls in flight, so that a reader does not wait for nothing."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._outcomes: deque[Outcome] = deque()
        self._defect: Exception | None = None
        self._expected = 0
        self._wanted = 1

    def expect(self) -> None:
        """Count a submitted call."""
        with self._changed:
            self._expected += 1

    def put(self, result: Outcome | Exception) -> None:
        """Add an outcome, or an unexpected exception of the provider."""
        with self._changed:
            self._expected -= 1
            if isinstance(result, Outcome):
                self._outcomes.append(result)
            else:
                self._defect = result
            if self._enough():
                self._changed.notify_all()

    def forget(self, count: int) -> None:
        """Remove calls from the count that will have no outcome."""
        with self._changed:
            self._expected -= count

    def collect(
        self, timeout_s: float, limit: int, *, wait_for: int | None = None
    ) -> list[Outcome]:
        """Wait for outcomes, for the last call in flight, or for the timeout.

        Args:
            timeout_s: the longest wait, in seconds.
            limit: the most outcomes to take.
            wait_for: the number of outcomes to wait for; None: `limit`.

        Returns:
            At most `limit` outcomes in the order of their answers; empty after a timeout.

        Raises:
            Exception: An unexpected exception of the provider other than a `ProviderError`.
        """
        with self._changed:
            self._wanted = limit if wait_for is None else wait_for
            self._changed.wait_for(self._enough, timeout_s)
            if self._defect is not None:
                defect, self._defect = self._defect, None
                raise defect
            count = min(limit, len(self._outcomes))
            return [self._outcomes.popleft() for _ in range(count)]

    def _enough(self) -> bool:
        ready = len(self._outcomes)
        return (
            ready >= self._wanted or self._defect is not None or (ready > 0 and not self._expected)
        )
