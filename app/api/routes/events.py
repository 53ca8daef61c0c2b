"""A run's events: as pages, or as server-sent events while they happen."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Response, status
from fastapi.responses import StreamingResponse

from app.api.context import ApiContext, Cursor, InContext, Limit
from app.api.problems import Problem
from app.schemas.runs import EventView, ProgressEvent
from app.schemas.schema import PageView
from app.services.runs import lists
from app.services.runs.events import Follower, News
from app.store.tables.runs import RunEvent

router = APIRouter(prefix="/runs", tags=["runs"], responses={404: {"model": Problem}})

EVENT_STREAM = "text/event-stream"
RETRY_MS = 2000
"""How long a client that was cut off waits before it comes again."""
STREAM_HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "Accept",
    # nginx would hold events back until its buffer is full.
    "X-Accel-Buffering": "no",
}
_ABOUT_STREAM = (
    "The stored events as a page, or, when the Accept header likes `text/event-stream` better than "
    "JSON, as they happen: each event as in the pages, with its `id`. In between, at most once a "
    "second and without an id, `progress` says how far the run is. The stream ends after the last "
    "event of a run that has ended."
)
_EXAMPLE = """retry: 2000

id: 7
event: status
data: {"id":7,"kind":"status","data":{"status":"running"},"at":"2026-01-02T03:04:05Z"}

event: progress
data: {"status":"running","accepted":3,"target":10,"calls":8,\
"tokens":{"prompt":900,"completion":120},"cost_usd":null}

"""
_RESPONSES: dict[int | str, dict[str, Any]] = {
    status.HTTP_200_OK: {
        "description": _ABOUT_STREAM,
        "content": {EVENT_STREAM: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    status.HTTP_204_NO_CONTENT: {
        "description": "Of a stream: the run has ended and `Last-Event-ID` was its last event, so "
        "that browsers stop asking."
    },
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the headers of a request say."""

    stream: bool
    last_event_id: int | None


def wanted_by(
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
    last_event_id: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID",
            ge=0,
            lt=2**63,
            description="Of a stream: begin after this event; browsers send it by themselves.",
        ),
    ] = None,
) -> Wanted:
    """Read what the headers say: the dependency of each route that has events."""
    return Wanted(asks_for_stream(accept), last_event_id)


@router.get("/{run_id}/events", response_model=PageView[EventView], responses=_RESPONSES)
def get_events(
    context: InContext,
    run_id: str,
    response: Response,
    wanted: Annotated[Wanted, Depends(wanted_by)],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> PageView[EventView] | Response:
    """List what happened to it, or follow it as server-sent events."""
    if wanted.stream:
        return _stream(context, run_id, wanted.last_event_id)
    response.headers["Vary"] = "Accept"
    page = lists.list_parts(context.service, RunEvent, run_id, cursor=cursor, limit=limit)
    items = [EventView.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


def asks_for_stream(accept: str | None) -> bool:
    """Whether an Accept header likes an event stream better than JSON; of equals, JSON it is."""
    weights = dict(map(_weighed, (accept or "").lower().split(",")))
    return _weight_of(EVENT_STREAM, weights) > _weight_of("application/json", weights)


def _weighed(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in media_range.split(";"))
    quality = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
    try:
        return name, float(quality)
    except ValueError:
        return name, 0.0


def _weight_of(media_type: str, weights: Mapping[str, float]) -> float:
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    return next((weights[name] for name in ranges if name in weights), 0.0)


def _stream(context: ApiContext, run_id: str, last_event_id: int | None) -> Response:
    follower = Follower(context.service, run_id, last_event_id or 0)
    if last_event_id is not None and follower.has_all:
        return Response(status_code=status.HTTP_204_NO_CONTENT, headers=STREAM_HEADERS)
    return StreamingResponse(
        _followed(context, follower), media_type=EVENT_STREAM, headers=STREAM_HEADERS
    )


async def _followed(context: ApiContext, follower: Follower) -> AsyncIterator[str]:
    """Hand on what happens until the run has ended; between two looks nothing is held."""
    pace = context.following
    yield f"retry: {RETRY_MS}\n\n"
    told_at = time.monotonic()
    while True:
        news = await to_thread.run_sync(follower.look, limiter=context.looks)
        if text := "".join(_written(news)):
            yield text
            told_at = time.monotonic()
        if news.over:
            return
        if news.more:
            continue
        if time.monotonic() - told_at >= pace.keep_alive_s:
            yield ": nothing new\n\n"
            told_at = time.monotonic()
        await asyncio.sleep(pace.look_s)


def _written(news: News) -> Iterator[str]:
    # The run's last event is the last that is said of it.
    if news.progress is not None and news.over:
        yield _progress(news.progress)
    for event in news.events:
        yield event_text(EventView.model_validate(event))
    if news.progress is not None and not news.over:
        yield _progress(news.progress)


def event_text(event: EventView) -> str:
    """Write an event as a stream has it."""
    return f"id: {event.id}\nevent: {event.kind}\ndata: {event.model_dump_json()}\n\n"


def _progress(progress: ProgressEvent) -> str:
    return f"event: progress\ndata: {progress.model_dump_json()}\n\n"
