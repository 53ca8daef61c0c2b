"""A run's events over real HTTP: replayed, followed, taken up again; on both databases."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, pairwise
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from app.api.context import ApiContext, Following
from app.llm.scripted.model import reply
from app.services.runs import control
from app.settings import Price
from app.states import Status
from app.store.runs import runs as stored_runs
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.servers.api import RunningApi, running_api

STREAM = {"Accept": "text/event-stream"}
QUICK = {"poll_s": 0.05, "ping_s": 0.3}


@dataclass(frozen=True)
class Sent:
    """A server-sent event."""

    event: str
    data: Any
    id: int | None = None


@pytest.fixture
def open_api(open_bench: OpenBench) -> Callable[..., Any]:
    """Opens the API on this test's database, with the context behind it."""

    @contextmanager
    def opened(**pace: float) -> Iterator[tuple[Bench, RunningApi]]:
        price = Price(input_usd=Decimal(1), output_usd=Decimal("2.5"))
        with open_bench(reply, prices={"scripted": price}) as bench:
            following = Following(**{**QUICK, **pace})
            context = ApiContext(
                bench.context,
                send=lambda _run_id: None,
                broker_trouble=lambda: None,
                following=following,
            )
            with running_api(context) as api:
                yield bench, api

    return opened


OpenApi = Callable[..., AbstractContextManager[tuple[Bench, RunningApi]]]


def sent_events(lines: Iterator[str]) -> Iterator[Sent]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            if "data" in fields:
                number = int(fields["id"]) if "id" in fields else None
                yield Sent(fields["event"], json.loads(fields["data"]), number)
            fields = {}


@contextmanager
def following(
    api: RunningApi, run_id: str, after: int | None = None
) -> Iterator[tuple[httpx.Response, Iterator[Sent]]]:
    headers = STREAM if after is None else {**STREAM, "Last-Event-ID": str(after)}
    with api.http.stream("GET", f"/runs/{run_id}/events", headers=headers) as response:
        yield response, sent_events(response.iter_lines())


def stored(api: RunningApi, run_id: str) -> list[dict[str, Any]]:
    answer = api.http.get(f"/runs/{run_id}/events", params={"limit": 1000})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def note(bench: Bench, run_id: str, kind: str, times: int = 1) -> None:
    for n in range(times):
        with bench.context.database.write() as session:
            stored_runs.add_event(session, run_id, kind, {"n": n})
            # Between the number's draw and the commit: where others could overtake.
            time.sleep(random.random() / 30)


@MOSTLY_POSTGRESQL
def test_an_ended_run_is_replayed_to_its_last_event_and_the_stream_ends(open_api: OpenApi) -> None:
    with open_api() as (bench, api):
        run_id = bench.start(target=12)
        bench.work(run_id)
        run = api.http.get(f"/runs/{run_id}").json()
        with following(api, run_id) as (response, sent):
            assert response.headers["content-type"].startswith("text/event-stream")
            received = list(sent)
        log = stored(api, run_id)
    numbered = [one for one in received if one.id is not None]
    assert [one.data for one in numbered] == log
    assert [(one.id, one.event) for one in numbered] == [(e["id"], e["kind"]) for e in log]
    assert received[-1].data["data"]["status"] == "succeeded"
    [progress] = [one.data for one in received if one.event == "progress"]
    assert progress == {
        "status": "succeeded",
        "accepted": 12,
        "target": 12,
        "calls": run["funnel"]["asked"],
        "tokens": run["tokens"],
        "cost_usd": run["cost_usd"],
    }
    assert Decimal(progress["cost_usd"]) > 0


@MOSTLY_POSTGRESQL
def test_a_reader_gets_what_came_after_the_event_it_names_and_in_the_end_nothing(
    open_api: OpenApi,
) -> None:
    with open_api() as (bench, api):
        run_id = bench.start(target=5)
        bench.work(run_id)
        ids = [event["id"] for event in stored(api, run_id)]
        for place, after in enumerate(ids[:-1]):
            with following(api, run_id, after) as (_, sent):
                assert [one.id for one in sent if one.id] == ids[place + 1 :]
        with following(api, run_id, ids[-1]) as (response, _):
            # What makes a browser stop asking.
            assert response.status_code == 204


@MOSTLY_POSTGRESQL
def test_progress_is_sent_as_it_changes_and_only_then(open_api: OpenApi) -> None:
    with open_api() as (bench, api):
        run_id = bench.start(target=30)
        with following(api, run_id) as (_, sent):
            worker = threading.Thread(target=bench.work, args=(run_id,))
            worker.start()
            reported = [one.data for one in sent if one.event == "progress"]
            worker.join()
    assert [reported[0]["accepted"], reported[-1]["accepted"]] == [0, 30]
    assert len(reported) > 2
    assert all(one != other for one, other in pairwise(reported))
    for counted in ("accepted", "calls"):
        assert [one[counted] for one in reported] == sorted(one[counted] for one in reported)


def test_no_event_is_lost_or_sent_twice_with_three_writers_and_a_reader_that_is_cut_off(
    open_api: OpenApi,
) -> None:
    with open_api(poll_s=0.002) as (bench, api), ThreadPoolExecutor(4) as threads:
        run_id = bench.start(target=5)
        reader = threads.submit(read_in_pieces, api, run_id)
        written = [threads.submit(note, bench, run_id, kind, 30) for kind in ("a", "b", "c")]
        try:
            for one in written:
                one.result()
        finally:
            # The reader goes on until the run ends.
            control.cancel_run(bench.context, run_id)
        received = reader.result()
        assert [one.data for one in received] == stored(api, run_id)
    assert [one.id for one in received] == sorted({one.id or 0 for one in received})
    for kind in ("a", "b", "c"):
        assert [one.data["data"]["n"] for one in received if one.event == kind] == list(range(30))


def read_in_pieces(api: RunningApi, run_id: str) -> list[Sent]:
    received: list[Sent] = []
    while not received or received[-1].data["data"].get("status") != "cancelled":
        with following(api, run_id, received[-1].id if received else None) as (_, sent):
            numbered = (one for one in sent if one.id is not None)
            received += islice(numbered, 7)
    return received


def test_an_event_comes_to_light_only_after_those_with_lower_numbers(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench, ThreadPoolExecutor(1) as other:
        run_id = bench.start(target=5)
        with bench.context.database.write() as session:
            stored_runs.add_event(session, run_id, "first", {})
            second = other.submit(note, bench, run_id, "second")
            time.sleep(0.3)
            assert not second.done()
        second.result()
        with bench.context.database.read() as session:
            kinds = session.scalars(text("SELECT kind FROM run_events ORDER BY id")).all()
    assert kinds == ["status", "first", "second"]


def test_writers_that_added_rows_of_a_run_do_not_wait_for_each_other_in_a_circle(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply) as bench, ThreadPoolExecutor(2) as writers:
        run_id = bench.start(target=5)
        if bench.context.database.engine.dialect.name == "sqlite":
            pytest.skip("SQLite lets one write at a time")
        both_added = threading.Barrier(2)
        row = text("INSERT INTO work_items (run_id, stage, priority, ordinal, subject, state)"
                   " VALUES (:run_id, 'generate', 3, 0, '{}', 'open')")  # fmt: skip

        def add_a_row_then_an_event() -> None:
            with bench.context.database.write() as session:
                session.execute(row, {"run_id": run_id})
                both_added.wait(10)
                stored_runs.add_event(session, run_id, "added", {})

        for one in [writers.submit(add_a_row_then_an_event) for _ in range(2)]:
            one.result()


@MOSTLY_POSTGRESQL
def test_the_stream_of_a_paused_run_stays_open_and_gives_signs_of_life(open_api: OpenApi) -> None:
    with open_api() as (bench, api):
        run_id = bench.start(target=5)
        control.pause_run(bench.context, run_id)
        with api.http.stream("GET", f"/runs/{run_id}/events", headers=STREAM) as response:
            lines = response.iter_lines()
            assert next(lines) == "retry: 2000"
            signs = 0
            while signs < 3:
                signs += next(lines).startswith(":")
            control.resume_run(bench.context, run_id)
            bench.work(run_id)
            statuses = [e.data["data"]["status"] for e in sent_events(lines) if e.event == "status"]
    assert statuses == ["queued", "running", "succeeded"]


@MOSTLY_POSTGRESQL
def test_a_failed_run_that_is_resumed_is_followed_again_from_where_it_failed(
    open_api: OpenApi,
) -> None:
    with open_api() as (bench, api):
        run_id = bench.start(target=5)
        with bench.context.database.write() as session:
            assert stored_runs.move(session, run_id, Status.RUNNING)
            assert stored_runs.move(session, run_id, Status.FAILED)
        with following(api, run_id) as (_, sent):
            failed = list(sent)[-1]
        control.resume_run(bench.context, run_id)
        control.cancel_run(bench.context, run_id)
        with following(api, run_id, failed.id) as (_, sent):
            statuses = [one.data["data"]["status"] for one in sent if one.event == "status"]
    assert failed.data["data"]["status"] == "failed"
    assert statuses == ["queued", "cancelling", "cancelled"]


@MOSTLY_POSTGRESQL
def test_a_hundred_followers_leave_the_service_answering(open_api: OpenApi) -> None:
    with open_api(poll_s=1.0) as (bench, api), ExitStack() as streams:
        run_id = bench.start(target=5)
        opened = [streams.enter_context(following(api, run_id)) for _ in range(100)]
        assert {next(sent).event for _, sent in opened} == {"status"}
        assert api.busy_with >= 100
        # A follower that kept a thread would leave none for these.
        for _ in range(20):
            assert api.http.get("/health").status_code == 200
        assert api.busy_with >= 100


def test_followers_of_a_database_that_hangs_leave_the_service_answering(open_api: OpenApi) -> None:
    with open_api() as (bench, api), ExitStack() as streams:
        database = bench.context.database
        if database.engine.dialect.name == "sqlite":
            pytest.skip("SQLite never lets a reader wait")
        run_id = bench.start(target=5)
        for _ in range(60):
            streams.enter_context(following(api, run_id))
        with database.write() as session:
            session.execute(text("LOCK TABLE run_events IN ACCESS EXCLUSIVE MODE"))
            time.sleep(0.5)
            # Answered while the table is still locked.
            assert api.http.get("/health").status_code == 200
            assert api.http.get(f"/runs/{run_id}").status_code == 200


def test_a_stream_outlives_a_database_that_goes_away_and_comes_back(open_api: OpenApi) -> None:
    with open_api() as (bench, api), following_started(bench, api) as (run_id, sent):
        address = bench.context.database.engine.url
        if address.get_backend_name() == "sqlite":
            pytest.skip("SQLite does not go away")
        elsewhere = create_engine(address.set(database="postgres"), isolation_level="AUTOCOMMIT")
        may_connect = f'ALTER DATABASE "{address.database}" ALLOW_CONNECTIONS'
        cut_off = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        with elsewhere.connect() as connection:
            connection.execute(text(f"{may_connect} false"))
            connection.execute(text(cut_off), {"name": address.database})
            time.sleep(0.3)
            connection.execute(text(f"{may_connect} true"))
        elsewhere.dispose()
        note(bench, run_id, "back")
        assert next(one for one in sent if one.id).event == "back"


@contextmanager
def following_started(bench: Bench, api: RunningApi) -> Iterator[tuple[str, Iterator[Sent]]]:
    run_id = bench.start(target=5)
    with following(api, run_id) as (_, sent):
        assert next(sent).event == "status"
        yield run_id, sent


@MOSTLY_POSTGRESQL
def test_a_follower_that_goes_away_leaves_nothing_behind(open_api: OpenApi) -> None:
    with open_api(ping_s=60.0, poll_s=0.5) as (bench, api):
        with ExitStack() as streams:
            opened = [streams.enter_context(following_started(bench, api)) for _ in range(10)]
            assert api.busy_with == len(opened)
        until = time.monotonic() + 20
        while api.busy_with and time.monotonic() < until:
            time.sleep(0.02)
        assert api.busy_with == 0


@MOSTLY_POSTGRESQL
def test_what_cannot_be_followed_is_a_problem_detail(open_api: OpenApi) -> None:
    with open_api() as (bench, api):
        run_id = bench.start(target=5)
        with following(api, "run_none") as (unknown, _):
            assert unknown.status_code == 404
        for wrong in ("abc", "-1", str(2**63)):
            headers = {**STREAM, "Last-Event-ID": wrong}
            answer = api.http.get(f"/runs/{run_id}/events", headers=headers)
            assert answer.status_code == 422
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["faults"][0]["field"] == "Last-Event-ID"


@MOSTLY_POSTGRESQL
def test_both_forms_are_in_the_openapi_document(open_api: OpenApi) -> None:
    with open_api() as (_, api):
        document = api.http.get("../openapi.json").json()
    answer = document["paths"]["/v1/runs/{run_id}/events"]["get"]["responses"]
    assert set(answer["200"]["content"]) == {"application/json", "text/event-stream"}
    assert "$ref" in answer["200"]["content"]["application/json"]["schema"]
    assert "204" in answer
