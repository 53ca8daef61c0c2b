"""The figures of the service for monitoring: read from the database, never by waiting for it."""

import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.store.counting import totals
from app.store.database import Database
from app.store.gauges import Gauges, gauges

_log = logging.getLogger(__name__)
_MAX_AGE_S = 5.0
_STATEMENT_TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one moment."""

    counters: Mapping[tuple[str, tuple[str, ...]], int]
    """Values in their stored unit, by name and label values."""
    gauges: Gauges
    read_at: float
    """By this process's monotonic clock."""


class FiguresReader:
    """Reads figures, at most every 5 seconds and one reading at a time, in a thread of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._reading: Future[None] | None = None
        self.latest: Figures | None = None
        """The last figures that were read; None: none yet."""
        self.is_database_up = False
        """True when the last reading succeeded."""

    def refresh(self) -> Future[None]:
        """Read new figures if the last ones are old; done, with or without success, at the end."""
        with self._lock:
            if self._reading is not None and not self._reading.done():
                return self._reading
            reading = Future[None]()
            if self.is_database_up and self.age_s() < _MAX_AGE_S:
                reading.set_result(None)
                return reading
            self._reading = reading
        # A daemon: the process can end while the database does not answer.
        threading.Thread(target=self._read, args=(reading,), name="figures", daemon=True).start()
        return reading

    def age_s(self) -> float:
        """Return the age of the last figures in seconds; 0 when there are none."""
        return 0.0 if self.latest is None else time.monotonic() - self.latest.read_at

    def _read(self, reading: Future[None]) -> None:
        try:
            began_at = time.monotonic()
            with self._database.read() as session:
                _limit_time(session)
                self.latest = Figures(totals(session), gauges(session), began_at)
            self.is_database_up = True
        except SQLAlchemyError as error:
            self.is_database_up = False
            _log.warning("the figures cannot be read: %s", error)
        finally:
            reading.set_result(None)


def _limit_time(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL statement_timeout = {_STATEMENT_TIMEOUT_MS}"))
