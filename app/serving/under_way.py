"""What a thread of the pool makes piece by piece, and another may end meanwhile."""

import threading
from collections.abc import Generator
from typing import Generic, Self, TypeVar

_Part = TypeVar("_Part")


class UnderWay(Generic[_Part]):
    """A generator that may be closed while a thread waits for its next part: it ends after that."""

    def __init__(self, parts: Generator[_Part, None, None]) -> None:
        self._parts = parts
        self._waiting = threading.Lock()
        self._is_closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Part:
        with self._waiting:
            try:
                return next(self._parts)
            finally:
                if self._is_closed:
                    self._parts.close()

    def close(self) -> None:
        """End it: at once, or by the thread that waits for its next part."""
        self._is_closed = True
        if self._waiting.acquire(blocking=False):
            try:
                self._parts.close()
            finally:
                self._waiting.release()
