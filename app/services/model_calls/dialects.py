"""Refusals of endpoints, shared by all workers through the database and kept for later runs."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.llm.dialects.dialect import Dialect, Lesson, lessons_as_json, lessons_from_json
from app.llm.parallel.calls import Endpoint
from app.store.work import endpoint_dialects
from app.store.work.endpoint_dialects import Known

_AGAIN_S = 1.0
"""Time between two looks at what other workers have learnt."""


def _times(lessons: Sequence[Lesson]) -> Mapping[Lesson, float]:
    return {one: one.learned_at for one in lessons}


def _as_stored(lessons: Sequence[Lesson]) -> list[dict[str, Any]]:
    """Return lessons as JSON, each with its age."""
    shown = lessons_as_json(lessons)
    return [
        {**json, "learned_at": one.learned_at} for json, one in zip(shown, lessons, strict=True)
    ]


class SharedDialects:
    """One worker's exchange with the others about some endpoints and one model."""

    def __init__(self, endpoints: Sequence[Endpoint], model: str) -> None:
        # By name, as their rows are locked.
        self._endpoints = sorted(endpoints, key=lambda endpoint: endpoint.name)
        self._model = model
        self._exchanged: Mapping[str, Dialect] = {}
        self._next_at = 0.0

    @property
    def now(self) -> Mapping[str, Dialect]:
        """The knowledge of this process, by endpoint."""
        return {one.name: one.dialects.of(self._model).now for one in self._endpoints}

    @property
    def is_due(self) -> bool:
        """Return True when this process learnt something, or others may have."""
        return self.now != self._exchanged or time.monotonic() >= self._next_at

    def add(self, lessons: Mapping[str, Iterable[Lesson]]) -> None:
        """Add what was learnt elsewhere than from refusals, by endpoint."""
        for one in self._endpoints:
            if one.name in lessons:
                one.dialects.of(self._model).add(lessons[one.name])

    def exchange(self, session: Session) -> Mapping[str, Dialect]:
        """Take over what others have learnt, and keep for them what was learnt here.

        Safe to repeat.

        Returns:
            What is known, by endpoint.
        """
        names = [one.name for one in self._endpoints]
        stored = endpoint_dialects.known(session, names, self._model)
        for one in self._endpoints:
            shared, kept = one.dialects.of(self._model), stored.get(one.name)
            is_here = kept is not None and kept.address_sha256 == one.dialects.address_sha256
            theirs = lessons_from_json(kept.lessons) if kept is not None and is_here else ()
            shared.merge(Dialect(theirs))
            if _times(shared.now.lessons) != _times(theirs):
                new = Known(one.dialects.address_sha256, _as_stored(shared.now.lessons))
                endpoint_dialects.keep(session, one.name, self._model, new)
        self._exchanged = self.now
        self._next_at = time.monotonic() + _AGAIN_S
        return self._exchanged
