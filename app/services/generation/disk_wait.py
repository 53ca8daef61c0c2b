"""The wait of a run for space on the disk of the database, as its pump sees it."""

import logging
import time

from app.states import WaitKind
from app.store.runs.waiting import Wait

_log = logging.getLogger(__name__)


class DiskWait:
    """The disk as one pump knows it; for one thread.

    A disk that is nearly full keeps the pump from sending calls, while their replies can still be
    recorded. On one that is full, nothing can be recorded; the run shows the wait afterwards.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self.shortage: str | None = None
        """Why no more calls are sent; None: there is space."""
        self._recorded: str | None = None
        self._refusal: str | None = None
        self._since = 0.0

    @property
    def is_full(self) -> bool:
        """Return True while the last write was refused."""
        return self._refusal is not None

    @property
    def has_news(self) -> bool:
        """Return True when the run does not show the wait yet, or shows one that is over."""
        return self.is_full or self.shortage != self._recorded

    def look(self, shortage: str | None) -> None:
        """Learn how much space is left."""
        if shortage is not None and self.shortage is None:
            _log.warning("run %s waits: %s", self._run_id, shortage)
        self.shortage = shortage

    def refused(self, refusal: str) -> None:
        """Learn that a write was refused for lack of space."""
        if self._refusal is None:
            _log.warning("run %s waits: %s", self._run_id, refusal)
            self._since = time.monotonic()
        self._refusal = refusal

    def wait(self) -> Wait | None:
        """Return the wait to record with the run; None when there is none."""
        if self._refusal is not None:
            return Wait(WaitKind.DISK, self._refusal, time.monotonic() - self._since)
        return None if self.shortage is None else Wait(WaitKind.DISK, self.shortage)

    def recorded(self) -> None:
        """Confirm the commit of a transaction that recorded the wait."""
        # What was just written shows that the disk is not full any more: the next turn ends it.
        self._recorded = self._refusal or self.shortage
        self._refusal = None
