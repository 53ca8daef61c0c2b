"""The limits of request bodies: size, number of values, nesting; and the way of large ones."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Fault, InvalidInput, TooLarge, UnsupportedEncoding
from app.formats.json.values import depth
from app.pipeline.seed_tasks import MAX_BYTES

_MAX_BODY_BYTES = 2_000_000
_MAX_SEEDS_BYTES = MAX_BYTES + 1_000_000
"""A seed set, and the options around it."""
_WITH_SEEDS = re.compile(r"/v1/(?:seed-sets|runs|training-jobs/[^/]+/reviews/[^/]+)")
"""Paths whose body may be a seed set, or a sheet with as many answers."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""No other is answered by a process of its own, which could last as long as a stream."""
UNLIMITED = frozenset({"/v1/datasets/import"})
"""Paths whose body is streamed to disk and has a limit of its own."""
_MOST_MARKS = {b"{": 1_000_000, b"[": 1_000_000, b"\n": 2_000_000, b",": 5_000_000}
"""Most occurrences of a mark in a body: each may become a value of up to a hundred bytes."""
_MOST_NESTING = 100
"""Objects and lists in each other. Python fails at some depth, without a number."""
_PLAIN = frozenset({"", "identity"})
_JSON = re.compile(r"\s*application/(?:[\w.+-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
_LARGE_BYTES = 64 * 1024
"""Smaller ones are parsed in this process, which takes some milliseconds."""
AnswerLarge = Callable[[Request], Awaitable[Response]]


class _Body:
    """Counts of one body, as it arrives.

    Args:
        scope: of the request.
        most_kept: bytes of a body that is kept whole, and so can be examined for its nesting.
    """

    def __init__(self, scope: Scope, most_kept: int) -> None:
        headers = Headers(scope=scope)
        self._most_bytes = _MAX_BODY_BYTES
        if scope["method"] not in _WITH_BODY:
            self._most_bytes = _LARGE_BYTES
        elif _WITH_SEEDS.fullmatch(scope["path"]):
            self._most_bytes = _MAX_SEEDS_BYTES
        self._most_kept = most_kept
        self._marks = dict.fromkeys(_MOST_MARKS, 0)
        self._encoding = headers.get("content-encoding", "").strip().lower()
        self._is_json = _JSON.match(headers.get("content-type", "")) is not None
        self._pieces: list[bytes] = []
        self.size = 0

    @property
    def is_kept(self) -> bool:
        """True as long as the body is not too large to be examined here."""
        return self.size <= self._most_kept

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
        if self._is_json and self.is_kept:
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

    Args:
        app: the application behind it.
        answer_large: answers requests with a large body in place of the application, because
            parsing one keeps the whole process busy; None: the application does.
    """

    def __init__(self, app: ASGIApp, answer_large: AnswerLarge | None = None) -> None:
        self._app = app
        self._answer_large = answer_large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes received."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED:
            await self._app(scope, receive, send)
            return
        is_own = self._answer_large is None
        body = _Body(scope, _MAX_SEEDS_BYTES if is_own else _LARGE_BYTES)

        async def counted() -> Message:
            message = await receive()
            body.add(message.get("body", b""))
            if body.is_kept and not message.get("more_body", False):
                body.check_nesting()
            return message

        if self._answer_large is None:
            await self._app(scope, counted, send)
            return
        begun: list[Message] = []
        while body.size <= _LARGE_BYTES and (not begun or begun[-1].get("more_body", False)):
            begun.append(await counted())
        whole = _again(begun, counted)
        if body.size <= _LARGE_BYTES:
            await self._app(scope, whole, send)
            return
        try:
            answer = await self._answer_large(Request(scope, whole))
        except ClientDisconnect:
            return
        await answer(scope, receive, send)


def _again(begun: Sequence[Message], receive: Receive) -> Receive:
    """Return what receives these messages first."""
    left = list(reversed(begun))

    async def from_the_start() -> Message:
        return left.pop() if left else await receive()

    return from_the_start


async def body_bytes(request: Request) -> bytes:
    """Return a body as bytes, for bodies that are not one JSON document."""
    chunks: AsyncIterator[bytes] = request.stream()
    return b"".join([chunk async for chunk in chunks])
