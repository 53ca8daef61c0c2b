"""Request ids: taken from the header X-Request-ID or made, sent back, and written to the log."""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.logging_setup import set_log_fields
from app.without_keys import without_keys

HEADER = "X-Request-ID"
_STATE = "request_id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def request_id_of(connection: HTTPConnection) -> str | None:
    """Return the id of a request; None outside `RequestIds`."""
    found: str | None = connection.scope.get("state", {}).get(_STATE)
    return found


class RequestIds:
    """Middleware that gives each request an id; a well-formed one of the client is kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given(scope) or secrets.token_hex(16)
        scope.setdefault("state", {})[_STATE] = request_id
        # For the whole task: the server logs the access, and an error, after this function.
        set_log_fields(request_id=request_id)

        async def with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, with_header)


def _given(scope: Scope) -> str | None:
    given = Headers(scope=scope).getlist(HEADER)
    if len(given) != 1 or not _WELL_FORMED.fullmatch(given[0]):
        return None
    # It is logged, so a key in the wrong header must not become one.
    return given[0] if without_keys(given[0]) == given[0] else None
