"""Polling the service for the state of a run, a job or a data set until it ends."""

import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from app.cli.service.find_service import Service
from app.cli.service.retry import Outage, retry

_FIRST_POLL_S = 0.05
_POLL_S = 0.5
_QUEUED_LONG_S = 20.0


class Watched(Protocol):
    """Something with a state: a run, a job, a data set."""

    @property
    def at_rest(self) -> bool:
        """True when the state will not change unless a person acts."""


_Thing = TypeVar("_Thing", bound=Watched)


def poll(service: Service, thing: _Thing, look: Callable[[], _Thing]) -> Iterator[_Thing]:
    """Yield `thing`, then what `look` returns again and again, until it is at rest.

    Raises:
        StackError: a process of the stack that this command started died for good.
        ServiceUnreachable: the service stopped answering for too long.
    """
    pause_s = _FIRST_POLL_S
    yield thing
    while not thing.at_rest:
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _POLL_S)
        service.check()
        # When a process died for good, that explains more than a service without an answer.
        thing = retry(look, before_retry=service.check, outage=Outage(service.patience_s))
        yield thing


class QueuedHint:
    """A hint, given once, about why something is queued for long."""

    def __init__(
        self,
        queue: str,
        after_s: float = _QUEUED_LONG_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._due_at = clock() + after_s

    def lines(self, status: str) -> list[str]:
        """Return the lines to print now."""
        if status != "queued" or self._clock() < self._due_at:
            return []
        self._due_at = float("inf")
        hint = (
            f"Still queued: all workers of the queue `{self._queue}` are busy, or none runs. The "
            "worker of `seedbed up` does one thing at a time; `seedbed jobs list` shows whether it "
            "is training."
        )
        return [hint]
