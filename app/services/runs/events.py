"""A run's events as somebody follows them: what was stored, and between that how far the run is.

Nothing here waits: whoever follows looks, goes away, and looks again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import NotFound
from app.schemas.runs import ProgressEvent, Tokens
from app.services.context import ServiceContext
from app.services.runs.control import get_run
from app.states import FINAL, Status
from app.store.database import AWAY
from app.store.runs.events import Look, look
from app.store.runs.runs import target_of
from app.store.tables.runs import RunEvent

_log = logging.getLogger(__name__)
_MOST = 200
"""Events in one look."""


@dataclass(frozen=True, slots=True)
class News:
    """What one look brought."""

    events: Sequence[RunEvent] = ()
    progress: ProgressEvent | None = None
    """None when it is what it was."""
    more: bool = False
    """Whether there are more events already."""
    over: bool = False
    """Whether the run has ended and these are its last events."""


@dataclass(frozen=True, slots=True)
class Following:
    """How runs are followed."""

    look_s: float = 1.0
    """Between two looks; also how often progress is told at most."""
    keep_alive_s: float = 15.0
    """After this long without news a sign of life is given."""


class Follower:
    """One reader's place in a run's events, after the event `after_id`; for one thread at a time.

    Raises:
        NotFound: when there is no such run.
    """

    def __init__(self, context: ServiceContext, run_id: str, after_id: int) -> None:
        self._database = context.database
        self._run_id = get_run(context, run_id).id
        self._after_id = after_id
        self._told: ProgressEvent | None = None
        self._away = False

    @property
    def has_all(self) -> bool:
        """Whether the run has ended and this reader has its last event already."""
        with self._database.read() as session:
            seen = look(session, self._run_id, self._after_id, 1)
        return seen is not None and seen.run.status in FINAL and not seen.events

    def look(self) -> News:
        """Read on; while the database is away there is nothing new."""
        try:
            news = self._look()
        except AWAY as error:
            if not self._away:
                _log.warning("events of run %s wait for the database: %s", self._run_id, error)
            self._away = True
            return News()
        self._away = False
        return news

    def _look(self) -> News:
        with self._database.read() as session:
            seen = look(session, self._run_id, self._after_id, _MOST)
            if seen is None:
                raise NotFound("run", self._run_id)
            more = len(seen.events) == _MOST
            over = seen.run.status in FINAL and not more
            progress = None if more else _progress(seen)
        if seen.events:
            self._after_id = seen.events[-1].id
        changed = progress is not None and progress != self._told
        self._told = progress or self._told
        return News(seen.events, progress if changed else None, more, over)


def _progress(seen: Look) -> ProgressEvent:
    run = seen.run
    return ProgressEvent(
        status=Status(run.status),
        accepted=run.accepted,
        target=target_of(run),
        calls=run.calls,
        tokens=Tokens(prompt=run.prompt_tokens, completion=run.completion_tokens),
        cost_usd=run.cost_usd,
    )
