"""Retries while the service can't be reached, such as during a restart."""

import time
from collections.abc import Callable
from typing import TypeVar

from app.errors import ServiceUnreachable

PATIENCE_S = 20.0
"""Longest time that a service may be unreachable before a command gives up on it."""
RETRY_S = 0.5
_Answer = TypeVar("_Answer")


class Outage:
    """One period without an answer from the service.

    A command that has never reached the service fails at once: `answered` starts the patience.
    """

    def __init__(self, patience_s: float = PATIENCE_S, retry_s: float = RETRY_S) -> None:
        self._patience_s = patience_s
        self._retry_s = retry_s
        self._give_up_at = float("-inf")

    def answered(self) -> None:
        """Record that the service answered."""
        self._give_up_at = float("inf")

    def wait(self, failure: ServiceUnreachable) -> None:
        """Wait before the next try.

        Raises:
            ServiceUnreachable: `failure`, when the service has been unreachable for too long.
        """
        now = time.monotonic()
        self._give_up_at = min(self._give_up_at, now + self._patience_s)
        if now > self._give_up_at:
            raise failure
        time.sleep(self._retry_s)


def retry(
    request: Callable[[], _Answer], before_retry: Callable[[], None], outage: Outage | None = None
) -> _Answer:
    """Repeat a request until the service answers.

    Args:
        request: the request; safe to repeat.
        before_retry: called after each failure; it may raise a failure that explains more.
        outage: how long to try, and how often.

    Raises:
        ServiceUnreachable: the service did not answer for too long.
    """
    outage = outage or Outage()
    outage.answered()
    while True:
        try:
            return request()
        except ServiceUnreachable as failure:
            before_retry()
            outage.wait(failure)
