"""The most frequent of any number of items, in bounded memory."""

import heapq
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)


class FrequentItems(Generic[KeyT]):
    """Counts keys; exact for up to `capacity` different keys.

    Beyond that the rarest half is dropped, and every count is lowered by the highest count among
    them (the frequent-items algorithm of Misra and Gries). No key with more than `undercounted_by`
    occurrences is lost, and no count is too low by more than that.
    """

    def __init__(self, capacity: int) -> None:
        self.undercounted_by = 0
        self._capacity = capacity
        self._counts: dict[KeyT, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, key: KeyT) -> None:
        """Count one occurrence of a key."""
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._counts) > self._capacity:
            self._forget()

    def items(self) -> Iterator[tuple[KeyT, int]]:
        """Iterate over keys and counts, in order of first occurrence."""
        return iter(self._counts.items())

    def top(self, n: int) -> list[tuple[KeyT, int]]:
        """Return the `n` most frequent keys, most frequent first; ties in order of occurrence."""
        return heapq.nlargest(n, self._counts.items(), key=lambda item: item[1])

    def _forget(self) -> None:
        lowered = sorted(self._counts.values())[self._capacity // 2]
        self._counts = {key: n - lowered for key, n in self._counts.items() if n > lowered}
        self.undercounted_by += lowered
