"""Where outcomes of model calls arrive: filled by an event loop, emptied by one other thread."""

import threading
from collections import deque
from dataclasses import dataclass

from app.errors import ProviderError
from app.pipeline.types import Completion


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one submitted call ended."""

    key: int
    answer: Completion | ProviderError
    """Never `Throttled`: such a call is asked again until something else comes out."""
    latency_s: float
    """Of the call that was answered, without the waiting before it."""


class Inbox:
    """Counts what is expected, so that nobody waits for what cannot come."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._outcomes: deque[Outcome] = deque()
        self._defect: Exception | None = None
        self._expected = 0
        self._wanted = 1

    def expect(self) -> None:
        """Count a call that was submitted."""
        with self._news:
            self._expected += 1

    def put(self, news: Outcome | Exception) -> None:
        """Deliver an outcome, or a provider's defect."""
        with self._news:
            self._expected -= 1
            if isinstance(news, Outcome):
                self._outcomes.append(news)
            else:
                self._defect = news
            if self._enough():
                self._news.notify_all()

    def forget(self, count: int) -> None:
        """Count calls that will have no outcome."""
        with self._news:
            self._expected -= count

    def collect(self, timeout_s: float, most: int) -> list[Outcome]:
        """Return outcomes when `most` are there, when no more can come, or when the time is over.

        In the order the answers came; empty if there were none. A provider's defect (an exception
        that is no `ProviderError`) is raised here.
        """
        with self._news:
            self._wanted = most
            self._news.wait_for(self._enough, timeout_s)
            if self._defect is not None:
                defect, self._defect = self._defect, None
                raise defect
            count = min(most, len(self._outcomes))
            return [self._outcomes.popleft() for _ in range(count)]

    def _enough(self) -> bool:
        ready = len(self._outcomes)
        return (
            ready >= self._wanted or self._defect is not None or (ready > 0 and not self._expected)
        )
