"""The dependencies that routes share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from anyio import CapacityLimiter
from fastapi import Depends, Header, Query, Request

from app.services.context import ServiceContext
from app.store.pages import MAX_LIMIT

_FOLLOWER_THREADS = 4
_READINESS_THREADS = 2


@dataclass(frozen=True, slots=True)
class Following:
    """Intervals at which event streams are updated."""

    poll_s: float = 1.0
    """Seconds between two reads of the events; also the least between two progress events."""
    ping_s: float = 15.0
    """Seconds between two comments that keep an idle connection open."""


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The services that the application was built with."""

    service: ServiceContext
    send: Callable[[str], None]
    """Notifies a worker of a run; if it fails, the sweeper does it later."""
    broker_trouble: Callable[[], str | None]
    """Returns the error of the broker; None when it answers."""
    send_dataset: Callable[[str], None] = lambda _: None
    """Notifies a worker of a data set; left out: the sweeper does."""
    send_training_job: Callable[[str], None] = lambda _: None
    """Notifies a worker of a training job; left out: the sweeper does."""
    following: Following = field(default_factory=Following)
    follower_threads: CapacityLimiter = field(
        default_factory=lambda: CapacityLimiter(_FOLLOWER_THREADS)
    )
    """The threads that read for all event streams; the other threads stay free for other requests,
    even when there are many streams or the database is slow."""
    readiness_threads: CapacityLimiter = field(
        default_factory=lambda: CapacityLimiter(_READINESS_THREADS)
    )
    """The threads that check readiness, which waits for no other request."""


async def _context(request: Request) -> ApiContext:
    # Asynchronous, as otherwise each request would wait for a thread to do this.
    context: ApiContext = request.app.state.context
    return context


LOCATION_OF_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "headers": {
            "Location": {"schema": {"type": "string"}, "description": "Address to poll or follow."}
        }
    }
}
"""The documentation of a route that starts work, and answers with the address of it."""
InContext = Annotated[ApiContext, Depends(_context)]
Cursor = Annotated[
    str | None, Query(description="Start of the page: the `next_cursor` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items in the page.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Makes the request safe to repeat: the same key with the same request answers "
        "with what the first one started; with another request it is a conflict (409).",
    ),
]
