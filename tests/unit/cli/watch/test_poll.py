"""Polling until the end, and hints meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

from app.cli.runs.watch import watch_run
from app.cli.service.find_service import Service
from app.cli.watch.poll import QueuedHint, poll
from app.errors import ServiceUnreachable
from app.schemas.runs import RunView
from tests.unit.cli.answers import MET, run_json
from tests.unit.cli.drawing import a_run
from tests.unit.cli.stand_in import Answer, StandIn


@dataclass(frozen=True)
class Thing:
    number: int
    at_rest: bool = False


def looks(*things: Thing | Exception) -> Callable[[], Thing]:
    left = iter(things)

    def look() -> Thing:
        thing = next(left)
        if isinstance(thing, Exception):
            raise thing
        return thing

    return look


def test_a_thing_is_looked_at_until_it_rests(connected: Service) -> None:
    look = looks(Thing(1), Thing(2, at_rest=True))
    assert [each.number for each in poll(connected, Thing(0), look)] == [0, 1, 2]


def test_a_thing_at_rest_is_not_looked_at(connected: Service) -> None:
    assert [*poll(connected, Thing(0, at_rest=True), looks())] == [Thing(0, at_rest=True)]


def test_a_service_that_is_away_for_a_moment_is_waited_for(connected: Service) -> None:
    look = looks(ServiceUnreachable("away"), Thing(1, at_rest=True))
    assert [each.number for each in poll(connected, Thing(0), look)] == [0, 1]


class Shown:
    """A display that keeps what it shows."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __enter__(self) -> "Shown":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, view: object) -> None:
        self.lines.append(getattr(view, "line", ""))


def test_a_run_is_watched_across_a_broken_connection(service: StandIn, connected: Service) -> None:
    broken = Answer(b"{", content_length=1000)
    service.will("GET /v1/runs/r1", broken, broken, run_json(**MET))
    shown = Shown()
    last: RunView = watch_run(connected, a_run(), shown)
    assert last.target_met
    assert [line.split()[0] for line in shown.lines] == ["running", "succeeded:"]


def test_what_is_queued_for_long_gets_a_hint_once() -> None:
    now = 100.0
    hint = QueuedHint("training", after_s=20, clock=lambda: now)
    now = 119.9
    assert hint.lines("queued") == []
    now = 120.0
    assert hint.lines("running") == []
    (line,) = hint.lines("queued")
    assert "all workers of the queue `training` are busy, or none runs" in line
    assert hint.lines("queued") == []
