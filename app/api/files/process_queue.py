"""A queue for processes: a few at the same time, some more that wait, and no more than those."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from app.errors import Busy
from app.services.context import ImportProcessLimits

Result = TypeVar("Result")

_RETRY_AFTER_S = 30


class ProcessQueue:
    """Runs work, such as an import, in threads that no other request uses.

    Args:
        limits: how many at the same time, and how many wait.
        what: the work, in the message when there is no place.
    """

    def __init__(self, limits: ImportProcessLimits, what: str = "imports") -> None:
        self._threads = CapacityLimiter(limits.at_once)
        self._most = limits.at_once + limits.waiting
        self._what = what
        self._inside = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place in the queue, from before the upload on.

        Raises:
            Busy: there is none.
        """
        if self._inside >= self._most:
            raise Busy(
                f"{self._inside} {self._what} are under way or wait"
                " (SEEDBED_IMPORT_CONCURRENCY, SEEDBED_IMPORT_QUEUE); try again later.",
                _RETRY_AFTER_S,
            )
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def run(self, work: Callable[[Callable[[], bool]], Result]) -> Result:
        """Run work when it is its turn; when its request is given up, it is asked to stop."""
        stopped = threading.Event()
        try:
            return await to_thread.run_sync(
                work, stopped.is_set, limiter=self._threads, abandon_on_cancel=True
            )
        finally:
            stopped.set()
