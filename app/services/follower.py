"""Reading a log of events while it grows: the events of a run or of a training job.

Nothing here waits: a reader calls `Follower.poll`, sleeps, and calls it again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.schemas.runs import EventView, ProgressEvent
from app.store.database import AWAY, Database

_log = logging.getLogger(__name__)
_MAX_EVENTS = 200
"""Events in one poll."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of what is followed and its new events, both read in one statement."""

    events: Sequence[EventView]
    ended: bool
    """True when its status is final."""
    progress: ProgressEvent | None = None
    """Sent when it differs from the previous one; None: it has none."""


ReadEvents = Callable[[Session, int, int], Snapshot]
"""Reads up to a number of events (third argument) after an event id (second argument)."""


@dataclass(frozen=True, slots=True)
class Update:
    """The result of one poll."""

    events: Sequence[EventView | ProgressEvent] = field(default=())
    """In the order in which they are to be sent."""
    more: bool = False
    """True when there are more events already."""
    ended: bool = False
    """True when these are the last events."""


class Follower:
    """The position of one reader in a log of events; not thread-safe.

    Args:
        database: Where the log is.
        name: What is followed, for log messages, such as ``run run_1a2b``.
        read: Reads its events.
        after_id: Id of the last event that the reader has; 0: none.
    """

    def __init__(self, database: Database, name: str, read: ReadEvents, after_id: int) -> None:
        self._database = database
        self._name = name
        self._read = read
        self._after_id = after_id
        self._progress: ProgressEvent | None = None
        self._away = False

    @property
    def has_all(self) -> bool:
        """Return True when the reader has the last event of something that has ended."""
        with self._database.read() as session:
            found = self._read(session, self._after_id, 1)
        return found.ended and not found.events

    def poll(self) -> Update:
        """Read the new events; nothing while the database is away.

        Raises:
            NotFound: What is followed was deleted.
        """
        try:
            with self._database.read() as session:
                found = self._read(session, self._after_id, _MAX_EVENTS)
        except AWAY as error:
            if not self._away:
                _log.warning("events of %s wait for the database: %s", self._name, error)
            self._away = True
            return Update()
        self._away = False
        return self._update(found)

    def _update(self, found: Snapshot) -> Update:
        if found.events:
            self._after_id = found.events[-1].id
        if len(found.events) == _MAX_EVENTS:
            return Update(found.events, more=True)
        if found.progress is None or found.progress == self._progress:
            return Update(found.events, ended=found.ended)
        self._progress = found.progress
        # The last event of a run says how it ended, so it comes last.
        events: list[EventView | ProgressEvent] = [*found.events]
        events.insert(0 if found.ended else len(events), found.progress)
        return Update(events, ended=found.ended)
