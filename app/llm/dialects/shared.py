"""The dialects of one endpoint, by model, as all calls of a process share and extend them."""

import hashlib
import threading
import time
from collections.abc import Iterable
from dataclasses import replace

from app.llm.dialects.dialect import NOTHING_LEARNT, Dialect, Lesson


class SharedDialect:
    """The dialect of one endpoint and model; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dialect = NOTHING_LEARNT
        self._stored = NOTHING_LEARNT
        """As it was stored when it was last merged."""

    @property
    def now(self) -> Dialect:
        """The dialect as known now."""
        return self._dialect

    def add(self, lessons: Iterable[Lesson]) -> None:
        """Add what a call, or another worker, has learnt."""
        now = time.time()
        stamped = [one if one.learned_at else replace(one, learned_at=now) for one in lessons]
        with self._lock:
            self._dialect = self._dialect.with_lessons(stamped)

    def forget(self, lessons: Iterable[Lesson]) -> None:
        """Forget lessons that are to be learnt again, if they still hold."""
        with self._lock:
            self._dialect = self._dialect.without(lessons)

    def merge(self, stored: Dialect) -> None:
        """Merge the dialect as it is stored: what was added or forgotten there, and here.

        What was forgotten on one side since the last merge stays forgotten.
        """
        with self._lock:
            here = set(self._stored.lessons) - set(self._dialect.lessons)
            there = set(self._stored.lessons) - set(stored.lessons)
            known = self._dialect.without(there).with_lessons(stored.without(here).lessons)
            times = {one: one.learned_at for one in stored.lessons}
            lessons = [
                replace(one, learned_at=max(one.learned_at, times.get(one, 0.0)))
                for one in known.lessons
            ]
            self._dialect, self._stored = Dialect(tuple(lessons)), stored


class DialectMemory:
    """The dialects of one endpoint.

    Args:
        address: Of the endpoint; what was learnt at another address does not count.
    """

    def __init__(self, address: str = "") -> None:
        self.address_sha256 = hashlib.sha256(address.encode()).hexdigest()
        self._lock = threading.Lock()
        self._by_model: dict[str, SharedDialect] = {}

    def of(self, model: str) -> SharedDialect:
        """Return the dialect of a model."""
        with self._lock:
            return self._by_model.setdefault(model, SharedDialect())
