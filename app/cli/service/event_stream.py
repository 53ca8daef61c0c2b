"""Events of a run as they happen, across broken connections."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeAlias

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
            lines = client.event_lines(run_id, last_id)
            if lines is None:
                return
            outage.answered()
            for event in sent_events(lines):
                if isinstance(event, EventView):
                    last_id = event.id
                    ended = ended or (event.kind == "status" and event.data["status"] in FINAL)
                yield event
            if not ended:
                time.sleep(_RECONNECT_S)
        except ServiceUnreachable as failure:
            if not ended:
                outage.wait(failure)


def sent_events(lines: Iterable[str]) -> Iterator[StreamedEvent]:
    """Parse server-sent events; an event that is cut off at the end is left out.

    Raises:
        SeedbedError: what was sent is not the event of a run.
    """
    kind, data = "", ""
    for line in lines:
        name, _, value = line.partition(":")
        # Comments and ids are skipped: the data holds the id, too.
        if name == "event":
            kind = value.strip()
        elif name == "data":
            data = value
        elif not line and data:
            yield _event(kind, data)
            kind, data = "", ""


def _event(kind: str, data: str) -> StreamedEvent:
    try:
        if kind == _PROGRESS:
            return ProgressEvent.model_validate_json(data)
        return EventView.model_validate_json(data)
    except ValueError as error:
        raise SeedbedError("The service sent an event that cannot be read.") from error
