"""The size limit of request bodies."""

from collections.abc import AsyncIterator

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Fault, TooLarge
from app.pipeline.seed_tasks import MAX_BYTES

_MAX_BODY_BYTES = MAX_BYTES + 1_000_000
"""A seed set, and the options around it."""


def too_large() -> TooLarge:
    """Return the error for a body over the limit."""
    fault = Fault(f"more than {MAX_BYTES // 1_000_000} MB")
    return TooLarge("The body is too large.", [fault])


UNLIMITED = frozenset({"/v1/datasets/import"})
"""Paths whose body is streamed to disk and has a limit of its own."""


class LimitBody:
    """Middleware that stops reading a body at the limit, without trusting its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes received."""
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > _MAX_BODY_BYTES:
                raise too_large()
            return message

        limited = scope["type"] == "http" and scope["path"] not in UNLIMITED
        await self._app(scope, counted if limited else receive, send)


async def body_bytes(request: Request) -> bytes:
    """Return a body as bytes, for bodies that are not one JSON document."""
    chunks: AsyncIterator[bytes] = request.stream()
    return b"".join([chunk async for chunk in chunks])
