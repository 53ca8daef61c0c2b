"""The dialects of one endpoint, by model, as all calls of a process share and extend them."""

import hashlib
import threading
from collections.abc import Iterable

from app.llm.dialects.dialect import NOTHING_LEARNT, Dialect, Lesson


class SharedDialect:
    """The dialect of one endpoint and model; thread-safe, and only ever extended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dialect = NOTHING_LEARNT

    @property
    def now(self) -> Dialect:
        """The dialect as known now."""
        return self._dialect

    def add(self, lessons: Iterable[Lesson]) -> None:
        """Add what a call, or another worker, has learnt."""
        with self._lock:
            self._dialect = self._dialect.with_lessons(lessons)


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
