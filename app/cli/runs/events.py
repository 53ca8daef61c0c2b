"""Events of a run: the past ones, or also new ones as they happen."""

import json
import time

from rich.text import Text

from app.cli.output import Output, clean
from app.cli.service.answers import Event
from app.cli.service.client import ServiceClient
from app.cli.service.event_stream import PROGRESS, follow_events
from app.cli.watch.display import LINE_EVERY_S


def list_events(client: ServiceClient, run_id: str, output: Output) -> None:
    """Show the past events."""
    events = list(client.events(run_id))
    output.result([event.model_dump(mode="json") for event in events])
    output.show(*[Text(event_line(event)) for event in events])


def show_new_events(client: ServiceClient, run_id: str, output: Output) -> None:
    """Show past events, then new ones until the run has ended."""
    next_progress_at = float("-inf")
    for event in follow_events(client, run_id):
        output.result(event.model_dump(mode="json", exclude_none=True))
        if event.kind != PROGRESS:
            output.show(Text(event_line(event)))
        elif not output.as_json and time.monotonic() >= next_progress_at:
            output.message(event_line(event))
            next_progress_at = time.monotonic() + LINE_EVERY_S


def event_line(event: Event) -> str:
    """Return an event in one line: time, kind and the values that are set."""
    when = f"{event.at:%Y-%m-%d %H:%M:%S}" if event.at else ""
    given = {name: value for name, value in event.data.items() if value is not None}
    values = " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in given.items()
    )
    return clean(f"{when:19}  {event.kind:10}  {values}").replace("\n", " ").rstrip()
