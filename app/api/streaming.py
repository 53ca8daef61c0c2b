"""Server-sent events: one address answers with a JSON page or, when the client asks, a stream.

The page and the stream are two routes. `EventStreamRoute` takes a request whose Accept header names
`text/event-stream` and not JSON, as browsers and SSE clients send it; every other request goes on
to the route of the page.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Header, Response, status
from fastapi.routing import APIRoute
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from app.api.context import ApiContext
from app.schemas.runs import EventView, ProgressEvent
from app.services.follower import Follower

_EVENT_STREAM = "text/event-stream"
_RETRY_MS = 2000
"""Wait of a client before it connects again after a broken connection."""
# One address has two forms, so caches must keep them apart.
PAGE_HEADERS = {"Vary": "Accept"}
_HEADERS: Mapping[str, str] = {**PAGE_HEADERS, "Cache-Control": "no-store"}
_LINE_END = "\n"

LastEventId = Annotated[
    int | None,
    Header(
        alias="Last-Event-ID",
        ge=0,
        lt=2**63,
        description="Stream only: start after this event. Browsers send it when they reconnect.",
    ),
]

_ABOUT = (
    "Stored events, oldest first: as a page, or, when the Accept header is `text/event-stream`, as "
    "a stream that sends each event when it happens, with its `id`. A run's stream also sends "
    "`progress` events without an id, at most once a second. The stream ends after the last event "
    "of a run or training job that has ended."
)
_EXAMPLE = """retry: 2000

id: 7
event: status
data: {"id":7,"kind":"status","data":{"status":"running"},"at":"2026-01-02T03:04:05Z"}

event: progress
data: {"status":"running","accepted":3,"target":10,"calls":8,\
"tokens":{"prompt":900,"completion":120},"cost_usd":null}

"""
STREAM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status.HTTP_200_OK: {
        "description": _ABOUT,
        "content": {_EVENT_STREAM: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    status.HTTP_204_NO_CONTENT: {
        "description": "Stream only: it has ended and `Last-Event-ID` is its last event; browsers "
        "stop reconnecting."
    },
}
"""The documentation of a route that has a stream beside its page."""


class EventStreamRoute(APIRoute):
    """A route for requests that ask for an event stream."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path and the method as usual, and the Accept header."""
        match, child_scope = super().matches(scope)
        accept = Headers(scope=scope).get("accept", "").lower()
        if _EVENT_STREAM not in accept or "application/json" in accept:
            return Match.NONE, {}
        return match, child_scope


def event_stream(context: ApiContext, follower: Follower, last_event_id: int | None) -> Response:
    """Answer with a stream of events, or 204 when the client has them all.

    While it waits, a stream holds neither a thread nor a database connection. It ends when the
    client disconnects. At shutdown it is cut off without its final chunk, so a client can tell that
    it has to connect again.
    """
    if last_event_id is not None and follower.has_all:
        return Response(status_code=status.HTTP_204_NO_CONTENT, headers=_HEADERS)
    return EventSourceResponse(
        _events(context, follower),
        headers=_HEADERS,
        ping=context.following.ping_s,
        ping_message_factory=lambda: ServerSentEvent(comment="keep-alive", sep=_LINE_END),
    )


async def _events(context: ApiContext, follower: Follower) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(retry=_RETRY_MS, sep=_LINE_END)
    while True:
        update = await to_thread.run_sync(follower.poll, limiter=context.follower_threads)
        for event in update.events:
            yield _sent(event)
        if update.ended:
            return
        if not update.more:
            await asyncio.sleep(context.following.poll_s)


def _sent(event: EventView | ProgressEvent) -> ServerSentEvent:
    data = event.model_dump_json()
    if isinstance(event, ProgressEvent):
        return ServerSentEvent(data, event="progress", sep=_LINE_END)
    return ServerSentEvent(data, event=event.kind, id=str(event.id), sep=_LINE_END)
