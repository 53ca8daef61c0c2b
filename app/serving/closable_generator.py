"""A generator that one thread iterates and another may close."""

import threading
from collections.abc import Generator
from typing import Generic, Self, TypeVar

_Item = TypeVar("_Item")


class ClosableGenerator(Generic[_Item]):
    """Wraps a generator; a thread that waits for the next item delays its closing."""

    def __init__(self, items: Generator[_Item, None, None]) -> None:
        self._items = items
        self._lock = threading.Lock()
        self._is_closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _Item:
        with self._lock:
            try:
                return next(self._items)
            finally:
                if self._is_closed:
                    self._items.close()

    def close(self) -> None:
        """Close the generator: at once, or by the thread that waits for its next item."""
        self._is_closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._items.close()
            finally:
                self._lock.release()
