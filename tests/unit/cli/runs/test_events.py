"""`seedbed events`, against a stand-in for the service."""

import json
from dataclasses import replace

import pytest
from httpx_sse import ServerSentEvent
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from app.cli.service.event_stream import parse_event
from app.errors import SeedbedError
from tests.unit.cli.stand_in import Answer, StandIn

LOG = [
    {"id": 3, "kind": "status", "data": {"status": "queued"}, "at": "2026-01-02T03:04:05Z"},
    {
        "id": 5,
        "kind": "odd",
        "data": {"text": "a\u2028b\x85c \x1b[2J"},
        "at": "2026-01-02T03:04:06Z",
    },
    {
        "id": 9,
        "kind": "status",
        "data": {"status": "failed", "reason": "dry", "message": None},
        "at": "2026-01-02T03:04:07Z",
    },
]
PROGRESS = (
    'event: progress\ndata: {"status":"running","accepted":3,"target":10,"calls":4,'
    '"tokens":{"prompt":1,"completion":2},"cost_usd":null}\n\n'
)
GET = "GET /v1/runs/r1/events"


def events(service: StandIn, *arguments: str) -> Result:
    return CliRunner().invoke(
        app, ["events", "r1", *arguments], env={"SEEDBED_API_URL": service.url, "COLUMNS": "200"}
    )


def stream(*parts: object) -> Answer:
    written = ["retry: 2000\n\n"]
    for part in parts:
        sent = f"id: {part['id']}\nevent: {part['kind']}\ndata: " if isinstance(part, dict) else ""
        written.append(f"{sent}{json.dumps(part, ensure_ascii=False)}\n\n" if sent else str(part))
    return Answer("".join(written).encode(), content_type="text/event-stream")


def cut_off(answer: Answer) -> Answer:
    return replace(answer, content_length=10_000)


def test_what_has_happened_is_listed_page_by_page(service: StandIn) -> None:
    pages = [{"items": LOG[:2], "next_cursor": "x"}, {"items": LOG[2:], "next_cursor": None}]
    service.will(GET, *pages)
    listed = events(service)
    assert listed.exit_code == ExitCode.OK
    first, _, last = listed.stdout.rstrip().split("\n")
    assert first == "2026-01-02 03:04:05  status      status=queued"
    assert last == "2026-01-02 03:04:07  status      status=failed reason=dry"
    assert "\x1b" not in listed.stdout
    service.will(GET, *pages)
    assert json.loads(events(service, "--json").stdout) == LOG


def test_a_followed_run_is_a_line_each_until_it_has_ended(service: StandIn) -> None:
    service.will(GET, stream(LOG[0], ": nothing new\n\n", PROGRESS, *LOG[1:]))
    followed = events(service, "--follow", "--json")
    assert followed.exit_code == ExitCode.OK
    reported = [json.loads(line) for line in followed.stdout.split("\n") if line]
    assert [one["kind"] for one in reported] == ["status", "progress", "odd", "status"]
    assert [one for one in reported if "id" in one] == LOG
    [asked] = service.asked
    assert asked.headers["accept"] == "text/event-stream"
    assert "last-event-id" not in asked.headers


def test_a_person_sees_events_as_results_and_progress_as_it_passes(service: StandIn) -> None:
    service.will(GET, stream(LOG[0], PROGRESS, LOG[2]))
    followed = events(service, "--follow")
    assert len(followed.stdout.splitlines()) == 2
    assert "accepted=3 target=10" in followed.stderr


def test_after_a_break_it_goes_on_behind_the_last_event_it_saw(service: StandIn) -> None:
    half = Answer(stream(LOG[1]).body, content_type="text/event-stream")
    assert isinstance(half.body, bytes)
    torn = replace(half, body=half.body[:-5], content_length=10_000)
    service.will(GET, cut_off(stream(LOG[0])), torn, stream(*LOG[1:]))
    followed = events(service, "--follow", "--json")
    assert [json.loads(line)["id"] for line in followed.stdout.split("\n") if line] == [3, 5, 9]
    assert [asked.headers.get("last-event-id") for asked in service.asked] == [None, "3", "3"]


def test_a_stream_that_ends_before_the_run_has_is_asked_for_again(service: StandIn) -> None:
    service.will(GET, stream(*LOG[:2]), Answer(b"", status=204))
    followed = events(service, "--follow", "--json")
    assert followed.exit_code == ExitCode.OK
    assert [asked.headers.get("last-event-id") for asked in service.asked] == [None, "5"]


def test_an_unknown_run_is_reported_in_one_line(service: StandIn) -> None:
    service.will(GET, {"detail": "no"}, status=404)
    followed = events(service, "--follow", "--json")
    assert followed.exit_code == ExitCode.NOT_FOUND
    [line] = followed.stdout.splitlines()
    assert "'r1'" in json.loads(line)["error"]["message"]


def test_a_service_that_is_not_there_is_reported_at_once(service: StandIn) -> None:
    service.will(GET, cut_off(Answer(b"", content_type="text/event-stream")))
    nobody = CliRunner().invoke(app, ["events", "r1", "-f", "--api", "127.0.0.1:9"])
    assert nobody.exit_code == ExitCode.SERVICE_FAILED
    assert "No service answers" in nobody.stderr


def test_a_service_that_knows_no_streams_is_reported(service: StandIn) -> None:
    service.will(GET, {"items": LOG, "next_cursor": None})
    followed = events(service, "--follow")
    assert followed.exit_code == ExitCode.SERVICE_FAILED
    assert "not a Seedbed service" in followed.stderr


@pytest.mark.parametrize("data", ["{", "[]", '{"id":"x"}', "3"])
def test_an_event_of_another_shape_is_not_taken_for_one(data: str) -> None:
    with pytest.raises(SeedbedError, match="cannot be read"):
        parse_event(ServerSentEvent(event="status", data=data))
