"""How large a body may be, whoever reads it."""

from collections.abc import AsyncIterator

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Fault, InvalidInput
from app.pipeline.seed_tasks import MAX_BYTES

_MOST_BYTES = MAX_BYTES + 1_000_000
"""A seed set and some room for the options around it."""


def too_large() -> InvalidInput:
    """Say that a body is over the limit."""
    fault = Fault(f"more than {MAX_BYTES // 1_000_000} MB")
    return InvalidInput("The body is too large.", [fault])


UNLIMITED = frozenset({"/v1/datasets/import"})
"""Here a body goes to the disk as it comes, and may be of any size."""


class LimitBody:
    """Stops reading a body at the limit, whatever its headers say."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is received."""
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > _MOST_BYTES:
                raise too_large()
            return message

        limited = scope["type"] == "http" and scope["path"] not in UNLIMITED
        await self._app(scope, counted if limited else receive, send)


async def body_bytes(request: Request) -> bytes:
    """Read a body that is no single JSON document."""
    chunks: AsyncIterator[bytes] = request.stream()
    return b"".join([chunk async for chunk in chunks])
