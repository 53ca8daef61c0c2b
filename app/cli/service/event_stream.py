"""Events of a run as they happen, across broken connections."""

import time
from collections.abc import Iterator
from typing import TypeAlias

from httpx_sse import ServerSentEvent

from app.cli.service.client import ServiceClient
from app.cli.service.retry import Outage
from app.errors import SeedbedError, ServiceUnreachable
from app.schemas.runs import EventView, ProgressEvent
from app.states import FINAL

_PROGRESS = "progress"
_RECONNECT_S = 1.0
StreamedEvent: TypeAlias = EventView | ProgressEvent
"""A stored event, or the progress between two of them."""


def follow_events(client: ServiceClient, run_id: str) -> Iterator[StreamedEvent]:
    """Yield past events of a run, then new ones, each once, until the run has ended.

    A broken connection is resumed after the last event received (Last-Event-ID).

    Raises:
        NotFound: there is no such run.
        ServiceUnreachable: the service does not answer, or stopped answering for too long.
    """
    last_id: int | None = None
    outage = Outage(retry_s=_RECONNECT_S)
    ended = False
    while not ended:
        try:
            stream = client.event_stream(run_id, last_id)
            if stream is None:
                return
            outage.answered()
            for event in map(parse_event, filter(_has_data, stream)):
                if isinstance(event, EventView):
                    last_id = event.id
                    ended = ended or (event.kind == "status" and event.data.get("status") in FINAL)
                yield event
            if not ended:
                time.sleep(_RECONNECT_S)
        except ServiceUnreachable as failure:
            if not ended:
                outage.wait(failure)


def _has_data(event: ServerSentEvent) -> bool:
    # The stream also sends comments, and once the delay for reconnecting.
    return bool(event.data)


def parse_event(event: ServerSentEvent) -> StreamedEvent:
    """Return a server-sent event as what it describes.

    Raises:
        SeedbedError: it is neither an event of a run nor its progress.
    """
    try:
        if event.event == _PROGRESS:
            return ProgressEvent.model_validate_json(event.data)
        return EventView.model_validate_json(event.data)
    except ValueError as error:
        raise SeedbedError("The service sent an event that cannot be read.") from error
