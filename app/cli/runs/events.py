"""`seedbed events`: what happened to a run, and what happens."""

import json
import time

from rich.text import Text

from app.cli.output import Output, clean
from app.cli.service.answers import Event
from app.cli.service.client import ServiceClient
from app.cli.service.event_stream import PROGRESS, follow_events

_PROGRESS_EVERY_S = 5.0


def list_events(client: ServiceClient, run_id: str, output: Output) -> None:
    """Show what has happened."""
    events = list(client.events(run_id))
    output.result([event.model_dump(mode="json") for event in events])
    output.show(*[Text(event_line(event)) for event in events])


def show_as_they_come(client: ServiceClient, run_id: str, output: Output) -> None:
    """Show what has happened and what happens, until the run has ended."""
    next_progress_at = float("-inf")
    for event in follow_events(client, run_id):
        output.result(event.model_dump(mode="json", exclude_none=True))
        if event.kind != PROGRESS:
            output.show(Text(event_line(event)))
        elif not output.as_json and time.monotonic() >= next_progress_at:
            output.say(event_line(event))
            next_progress_at = time.monotonic() + _PROGRESS_EVERY_S


def event_line(event: Event) -> str:
    """An event in one line; of its data what there is."""
    when = f"{event.at:%Y-%m-%d %H:%M:%S}" if event.at else ""
    said = {name: value for name, value in event.data.items() if value is not None}
    values = " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in said.items()
    )
    return clean(f"{when:19}  {event.kind:10}  {values}").replace("\n", " ").rstrip()
