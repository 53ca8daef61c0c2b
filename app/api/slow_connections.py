"""Connections that time out: nobody holds one by sending headers or a body drop by drop."""

import asyncio
from dataclasses import dataclass

import h11

from app.api.malformed_requests import StrictProtocol

_LEAST_BYTES = 1024
"""A body that brings fewer in the time of `body_s` is too slow; any other may take for ever."""


@dataclass(frozen=True, slots=True)
class SlowLimits:
    """The time that a client has."""

    headers_s: float = 15.0
    """Seconds for all headers of a request, from the connection or from their first byte."""
    body_s: float = 60.0
    """Seconds in which a body must bring at least 1 KiB."""


class TimedProtocol(StrictProtocol):
    """A connection with one timer: for the headers, or for the body."""

    limits = SlowLimits()
    _timer: asyncio.TimerHandle | None = None
    _timed: object = None
    _received = 0

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - as in the parent
        """Begin with a connection."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Handle what came, and see what is awaited now."""
        self._received += len(data)
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End with a connection."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        awaited = self.conn.their_state
        if awaited not in (h11.IDLE, h11.SEND_BODY):
            self._stop()
        elif self._timed is not awaited:
            self._start(awaited)

    def _start(self, awaited: object) -> None:
        self._stop()
        self._timed, self._received = awaited, 0
        wait_s = self.limits.headers_s if awaited is h11.IDLE else self.limits.body_s
        self._timer = self.loop.call_later(wait_s, self._end_if_slow)

    def _stop(self) -> None:
        self._timed = None
        if self._timer is not None:
            self._timer.cancel()

    def _end_if_slow(self) -> None:
        moves = self._received >= _LEAST_BYTES or self.flow.read_paused
        if self._timed is h11.SEND_BODY and moves:
            self._start(h11.SEND_BODY)
        else:
            self.transport.close()


def protocol_with(limits: SlowLimits) -> type[TimedProtocol]:
    """Return the class of connections with these limits, for uvicorn."""
    return type("LimitedProtocol", (TimedProtocol,), {"limits": limits})
