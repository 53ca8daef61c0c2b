"""A run's events as they happen, through every break of the connection."""

import json
import time
from collections.abc import Iterable, Iterator

from app.cli.service.answers import ENDED, Event
from app.cli.service.client import ServiceClient
from app.cli.service.connection import ServiceAway
from app.errors import SeedbedError

PROGRESS = "progress"
_PATIENCE_S = 20.0
"""How long the service may not answer, such as while it is restarted."""
_RETRY_S = 1.0


def follow_events(client: ServiceClient, run_id: str) -> Iterator[Event]:
    """What has happened to a run and what happens, each event once, until the run has ended.

    Raises:
        NotFound: when there is no such run.
        ServiceAway: the service does not answer, or stopped to and did not come back.
    """
    last_id: int | None = None
    away_since = float("-inf")
    over = False
    while not over:
        try:
            lines = client.event_lines(run_id, last_id)
            if lines is None:
                return
            away_since = float("inf")
            for event in sent_events(lines):
                last_id = event.id or last_id
                over = event.data.get("status") in ENDED if event.kind == "status" else over
                yield event
        except ServiceAway:
            away_since = min(away_since, time.monotonic())
            if time.monotonic() - away_since > _PATIENCE_S:
                raise
        if not over:
            time.sleep(_RETRY_S)


def sent_events(lines: Iterable[str]) -> Iterator[Event]:
    """Read server-sent events; one that was cut off at the end is left out.

    Raises:
        SeedbedError: what is sent are no events of a run.
    """
    kind, data = "", ""
    for line in lines:
        name, _, value = line.partition(":")
        # Comments need no reading, nor an id: it is in the data too.
        if name == "event":
            kind = value.strip()
        elif name == "data":
            data = value
        elif not line and data:
            yield _event(kind, data)
            kind, data = "", ""


def _event(kind: str, data: str) -> Event:
    try:
        read = json.loads(data)
        return Event.model_validate({"kind": kind, "data": read} if kind == PROGRESS else read)
    except ValueError as error:
        raise SeedbedError("The service sent an event that cannot be read.") from error
