"""The commonest of any number of texts, in bounded memory."""

import heapq
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)


class FrequentItems(Generic[KeyT]):
    """Counts what it is shown; exact while no more than `capacity` different keys come.

    Beyond that the rarest half is forgotten, and every count is lowered by what the commonest of
    them had (the frequent-items algorithm of Misra and Gries): no key that came more than
    `undercounted_by` times is lost, and no count is too low by more.
    """

    def __init__(self, capacity: int) -> None:
        self.undercounted_by = 0
        self._capacity = capacity
        self._counts: dict[KeyT, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, key: KeyT) -> None:
        """Count it once more."""
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._counts) > self._capacity:
            self._forget()

    def items(self) -> Iterator[tuple[KeyT, int]]:
        """Go through what is known, in the order in which it came."""
        return iter(self._counts.items())

    def top(self, n: int) -> list[tuple[KeyT, int]]:
        """Return the `n` commonest, the commonest first; equal ones in the order they came."""
        return heapq.nlargest(n, self._counts.items(), key=lambda item: item[1])

    def _forget(self) -> None:
        lowered = sorted(self._counts.values())[self._capacity // 2]
        self._counts = {key: n - lowered for key, n in self._counts.items() if n > lowered}
        self.undercounted_by += lowered
