"""The limits of request bodies: size, number of values, nesting; and no compression."""

import re
from collections.abc import AsyncIterator

from anyio import CapacityLimiter
from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Fault, InvalidInput, TooLarge, UnsupportedEncoding
from app.formats.json.values import depth
from app.pipeline.seed_tasks import MAX_BYTES

_MAX_BODY_BYTES = 2_000_000
_MAX_SEEDS_BYTES = MAX_BYTES + 1_000_000
"""A seed set, and the options around it."""
_WITH_SEEDS = re.compile(r"/v1/(?:seed-sets|runs|training-jobs/[^/]+/reviews/[^/]+)")
"""Paths whose body may be a seed set, or a sheet with as many answers."""
UNLIMITED = frozenset({"/v1/datasets/import"})
"""Paths whose body is streamed to disk and has a limit of its own."""
_MOST_MARKS = {b"{": 1_000_000, b"[": 1_000_000, b"\n": 2_000_000, b",": 5_000_000}
"""Most occurrences of a mark in a body: each may become a value of up to a hundred bytes."""
_MOST_NESTING = 100
"""Objects and lists in each other. Python fails at some depth, without a number."""
_PLAIN = frozenset({"", "identity"})
_JSON = re.compile(r"\s*application/(?:[\w.+-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
_LARGE_BYTES = 64 * 1024
_LARGE_AT_ONCE = 2


class _Body:
    """Counts of one body, as it arrives."""

    def __init__(self, path: str, headers: Headers) -> None:
        self._most_bytes = _MAX_SEEDS_BYTES if _WITH_SEEDS.fullmatch(path) else _MAX_BODY_BYTES
        self._marks = dict.fromkeys(_MOST_MARKS, 0)
        self._encoding = headers.get("content-encoding", "").strip().lower()
        self._is_json = _JSON.match(headers.get("content-type", "")) is not None
        self._pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Count a piece.

        Raises:
            UnsupportedEncoding: The body is compressed.
            TooLarge: The body is over a limit.
        """
        if piece and self._encoding not in _PLAIN:
            raise UnsupportedEncoding(
                f"The body has the Content-Encoding {self._encoding[:50]!r}, and only imports of "
                "data sets may be compressed. Send it without."
            )
        self.size += len(piece)
        if self.size > self._most_bytes:
            raise _too_large(f"more than {self._most_bytes:,} bytes")
        for mark, most in _MOST_MARKS.items():
            self._marks[mark] += piece.count(mark)
            if self._marks[mark] > most:
                raise _too_large(f"more than {most:,} times {mark.decode()!r}")
        if self._is_json:
            self._pieces.append(piece)

    def check_nesting(self) -> None:
        """Check the whole body, before it is parsed.

        Raises:
            InvalidInput: It is JSON, and nested too deep.
        """
        # Counted in texts too: few bodies have that many, and only those are examined closely.
        opened = self._marks[b"{"] + self._marks[b"["]
        if opened > _MOST_NESTING and depth(b"".join(self._pieces)) > _MOST_NESTING:
            fault = Fault(f"nested deeper than {_MOST_NESTING} levels")
            raise InvalidInput("The request has faults.", [fault])
        self._pieces.clear()


def _too_large(what: str) -> TooLarge:
    return TooLarge("The body is too large.", [Fault(what)])


class LimitBody:
    """Middleware that stops reading a body at the limit, without trusting its headers.

    Large bodies are worked on two at a time: parsing one keeps the whole process busy.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._large = CapacityLimiter(_LARGE_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes received."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        body = _Body(scope["path"], Headers(scope=scope))
        holder = object()
        holds = False

        async def counted() -> Message:
            nonlocal holds
            message = await receive()
            body.add(message.get("body", b""))
            # A slow client holds no place, unless its body fills much memory already.
            arrived = not message.get("more_body", False)
            large = body.size > _LARGE_BYTES and (arrived or body.size > _MAX_BODY_BYTES)
            if large and not holds:
                await self._large.acquire_on_behalf_of(holder)
                holds = True
            if arrived:
                body.check_nesting()
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            if holds:
                self._large.release_on_behalf_of(holder)


async def body_bytes(request: Request) -> bytes:
    """Return a body as bytes, for bodies that are not one JSON document."""
    chunks: AsyncIterator[bytes] = request.stream()
    return b"".join([chunk async for chunk in chunks])
