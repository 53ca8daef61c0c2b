"""Events of a run: the past ones, or also new ones as they happen."""

import json
import time
from collections.abc import Mapping

from rich.text import Text

from app.cli.output import Output, clean
from app.cli.service.client import ServiceClient
from app.cli.service.event_stream import follow_events
from app.cli.watch.display import LINE_EVERY_S
from app.schemas.runs import EventView


def list_events(client: ServiceClient, run_id: str, output: Output) -> None:
    """Show the past events."""
    events = list(client.events(run_id))
    output.result([event.model_dump(mode="json") for event in events])
    output.show(*[Text(event_line(event)) for event in events])


def show_new_events(client: ServiceClient, run_id: str, output: Output) -> None:
    """Show past events, then new ones until the run has ended."""
    next_progress_at = float("-inf")
    for event in follow_events(client, run_id):
        if isinstance(event, EventView):
            output.result(event.model_dump(mode="json"))
            output.show(Text(event_line(event)))
            continue
        progress = event.model_dump(mode="json")
        output.result({"kind": "progress", "data": progress})
        if not output.as_json and time.monotonic() >= next_progress_at:
            output.message(_line("", "progress", progress))
            next_progress_at = time.monotonic() + LINE_EVERY_S


def event_line(event: EventView) -> str:
    """Return an event in one line: time, kind and the values that are set."""
    return _line(f"{event.at:%Y-%m-%d %H:%M:%S}", event.kind, event.data)


def _line(when: str, kind: str, data: Mapping[str, object]) -> str:
    given = {name: value for name, value in data.items() if value is not None}
    values = " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in given.items()
    )
    return clean(f"{when:19}  {kind:10}  {values}").replace("\n", " ").rstrip()
