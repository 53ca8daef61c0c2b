"""Access to the metrics: decided like every other, but never by waiting for the database.

While the database does not answer, a scraper whose key was accepted lately is still let in:
else the metrics that show the trouble would be refused.
"""

import hashlib
import time
from collections.abc import Callable

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection

from app.errors import ConfigurationError
from app.services.access.api_keys import Caller
from app.store.database import AWAY

METRICS = "/metrics"
_PATIENCE_S = 2.0
_REMEMBERED_S = 900.0
_MAX_REMEMBERED = 100


class Scrapers:
    """Those who read the metrics; their checks use a thread of their own.

    Args:
        check: returns the caller, None when no key is needed; raises when it is not allowed.
    """

    def __init__(self, check: Callable[[HTTPConnection], Caller | None]) -> None:
        self._check = check
        self._thread = CapacityLimiter(2)
        self._let_in: dict[bytes, float] = {}

    async def check(self, connection: HTTPConnection) -> Caller | None:
        """Check a request.

        Returns:
            The caller; None when no key is needed, or while the database does not answer.

        Raises:
            Unauthenticated, Forbidden: it is not allowed.
            ConfigurationError: the database does not answer, and this scraper is not known.
        """
        scraper = _name_of(connection)
        with anyio.move_on_after(_PATIENCE_S):
            try:
                caller = await to_thread.run_sync(
                    self._check, connection, limiter=self._thread, abandon_on_cancel=True
                )
            except AWAY:
                pass
            else:
                if caller is not None:
                    self._remember(scraper)
                return caller
        if time.monotonic() - self._let_in.get(scraper, -_REMEMBERED_S) >= _REMEMBERED_S:
            raise ConfigurationError(
                "The database does not answer, so it can't be checked who may read the metrics."
            )
        return None

    def _remember(self, scraper: bytes) -> None:
        if scraper not in self._let_in and len(self._let_in) >= _MAX_REMEMBERED:
            del self._let_in[min(self._let_in, key=self._let_in.__getitem__)]
        self._let_in[scraper] = time.monotonic()


def _name_of(connection: HTTPConnection) -> bytes:
    """Return a hash of all that a decision about a request depends on, so without the secret."""
    client = "" if connection.client is None else connection.client.host
    headers = sorted(
        (name, value)
        for name, value in connection.headers.items()
        if name not in {"x-request-id", "x-prometheus-scrape-timeout-seconds"}
    )
    return hashlib.sha256(repr((client, headers)).encode()).digest()
