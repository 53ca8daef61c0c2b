"""The events of a run: a page, or a stream that ends with the run."""

import re

import pytest

from tests.unit.api.conftest import Service

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def address(grown_service: Service) -> str:
    (run,) = grown_service.http.get("/v1/runs").json()["items"]
    return f"/v1/runs/{run['id']}/events"


def test_a_page_lists_the_events_and_differs_by_the_accept_header(
    grown_service: Service, address: str
) -> None:
    answer = grown_service.http.get(address)
    assert answer.headers["Vary"] == "Accept"
    first, *_, last = answer.json()["items"]
    assert (first["kind"], first["data"]["status"]) == ("status", "queued")
    assert last["data"]["status"] == "succeeded"
    assert len(grown_service.http.get(address, params={"limit": 1}).json()["items"]) == 1


def test_a_stream_sends_every_event_and_ends_with_the_run(
    grown_service: Service, address: str
) -> None:
    events = grown_service.http.get(address).json()["items"]
    answer = grown_service.http.get(address, headers=STREAM)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert (answer.headers["Vary"], answer.headers["Cache-Control"]) == ("Accept", "no-store")
    assert answer.text.startswith("retry: 2000\n\n")
    assert "\r" not in answer.text
    ids = [int(found) for found in re.findall(r"^id: (\d+)$", answer.text, re.MULTILINE)]
    assert ids == [event["id"] for event in events]
    named = re.findall(r"^event: (\w+)$", answer.text, re.MULTILINE)
    assert [name for name in named if name != "progress"] == [event["kind"] for event in events]
    assert "progress" in named


def test_a_stream_continues_after_the_last_event_that_the_client_has(
    grown_service: Service, address: str
) -> None:
    events = grown_service.http.get(address).json()["items"]
    first, last = events[0]["id"], events[-1]["id"]
    rest = grown_service.http.get(address, headers={**STREAM, "Last-Event-ID": str(first)})
    assert f"id: {first}\n" not in rest.text
    assert f"id: {last}\n" in rest.text
    done = grown_service.http.get(address, headers={**STREAM, "Last-Event-ID": str(last)})
    assert (done.status_code, done.headers["Vary"]) == (204, "Accept")


def test_an_unknown_run_has_no_stream(grown_service: Service) -> None:
    assert grown_service.http.get("/v1/runs/none/events", headers=STREAM).status_code == 404
    jobs = grown_service.http.get("/v1/training-jobs/none/events", headers=STREAM)
    assert jobs.status_code == 404
