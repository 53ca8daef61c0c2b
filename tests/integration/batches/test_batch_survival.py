"""Batches when something is away, dies, or is called off: nothing lost, nothing paid twice."""

import asyncio
import zlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from app.api.application import build_api
from app.api.context import ApiContext
from app.llm.scripted.batch import BatchPlan
from app.llm.scripted.batches import BatchScript, Fault, Route
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedReply
from app.pipeline.budget import Caps
from app.pipeline.options import RunOptions
from app.services.generation.advance_run import advance_run
from app.services.runs import control
from app.services.runs.control import stop_batches
from app.services.runs.extend import Extension, extend_run
from app.services.runs.run_request import RunRequest
from app.store.runs.slots import Slot
from tests.bench import SEEDS, Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.batches.batch_runs import (
    ON_ONE_DATABASE,
    PRICES,
    always,
    batches_of,
    check_books,
    first,
    is_out,
    look,
    paid,
    problem,
    settle,
)
from tests.owners import OWN_USER

pytestmark = [pytest.mark.crash, MOSTLY_POSTGRESQL]

RUN: dict[str, Any] = {"target": 12, "random_seed": 4, "lookahead": 16}
KEY = "sk-very-secret-key"


# The provider's side fails.

FAULTS = {
    "500, done all the same": Fault(problem(500, "away"), done=True),
    "cut off after it was done": Fault(ScriptedReply(raw=b'{"id": "x"}', cut_off=True), done=True),
    "429": Fault(problem(429, "slow down")),
    "a web page": Fault(ScriptedReply(raw=b"<html>soon</html>", content_type="text/html")),
}
REST = ("500, done all the same", "429", "a web page")


@pytest.mark.parametrize(
    "name", ["cut off after it was done", *(pytest.param(n, marks=pytest.mark.slow) for n in REST)]
)
@ON_ONE_DATABASE
def test_any_call_of_the_batch_api_may_fail_and_nothing_is_paid_twice(
    open_bench: OpenBench, name: str
) -> None:
    fault = FAULTS[name]
    failed: set[Route] = set()

    def script(route: Route, n: int) -> Fault | None:
        if n > 1 and zlib.crc32(f"{route} {n}".encode()) % 3:
            return None
        failed.add(route)
        return fault

    batches = BatchScript(fault=script)
    with open_bench(
        reply, batches=batches, batch_poll_s=0.02, outage_patience_s=60.0, prices=PRICES
    ) as bench:
        ordinary = bench.start(**RUN)
        bench.work(ordinary)
        before = paid(bench)
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        assert bench.alpaca(run_id) == bench.alpaca(ordinary)
        assert (bench.server.counts.batches, bench.server.counts.batch_lines) == (2, 24)
        assert failed == {"list", "upload", "create", "status", "content"}
        check_books(bench, run_id, before)


def test_answers_that_break_off_are_read_again_from_the_first_and_recorded_once(
    open_bench: OpenBench,
) -> None:
    def script(route: Route, n: int) -> Fault | None:
        cut = Fault(ScriptedReply(cut_off=True), done=True)
        return cut if route == "content" and n <= 2 else None

    options = {"target": 140, "lookahead": 40, "tasks_per_request": 20}
    with open_bench(
        reply, batches=BatchScript(fault=script), outage_patience_s=60.0, prices=PRICES
    ) as bench:
        ordinary = bench.start(**options)
        bench.work(ordinary)
        before = paid(bench)
        run_id = bench.start(**options, batch="later_stages")
        seen: list[int] = []

        def note() -> bool:
            seen.append(bench.view(run_id).stages["classify"].done)
            return False

        assert settle(bench, run_id, until=note).status == "succeeded"
        # Some of it was recorded before the rest could be read.
        assert 0 < min(filter(None, seen)) < 140
        assert bench.alpaca(run_id) == bench.alpaca(ordinary)
        assert bench.server.counts.batch_lines == 280
        check_books(bench, run_id, before)


@ON_ONE_DATABASE
def test_an_endpoint_without_a_batch_api_pauses_the_run_and_a_person_does_without(
    open_bench: OpenBench,
) -> None:
    missing = Fault(problem(404, "Not Found"))
    with open_bench(reply, batches=BatchScript(fault=lambda *_: missing), prices=PRICES) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        for _ in range(2):
            run = settle(bench, run_id)
            assert (run.status, run.end_reason) == ("paused", "provider")
            assert "has no batch API" in (run.message or "")
            assert f"`seedbed stop-batches {run_id}`" in (run.message or "")
            control.resume_run(bench.context, run_id)
        settle(bench, run_id)
        answer = ask(bench, "POST", f"/v1/runs/{run_id}/batches/stop")
        assert (answer.status_code, answer.json()["status"]) == (202, "paused")
        control.resume_run(bench.context, run_id)
        assert settle(bench, run_id).status == "succeeded"
        listed = ask(bench, "GET", f"/v1/runs/{run_id}/batches").json()["items"]
        assert {one["state"] for one in listed} == {"refused"}
        # Nothing was asked by batch, so nothing of it is in the books.
        assert bench.server.counts.batch_lines == 0
        check_books(bench, run_id)


def ask(bench: Bench, method: str, path: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        context = ApiContext(bench.context, send=lambda _: None, broker_trouble=lambda: None)
        transport = httpx.ASGITransport(build_api(context, OWN_USER), client=("127.0.0.1", 50_000))
        base_url = "http://127.0.0.1:8000"
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
            return await http.request(method, path)

    return asyncio.run(asked())


@ON_ONE_DATABASE
def test_a_provider_that_stays_away_pauses_the_run_and_is_found_again(
    open_bench: OpenBench,
) -> None:
    away = {"is": False}

    def script(_route: Route, _n: int) -> Fault | None:
        return Fault(problem(503, "the furnace is being swept")) if away["is"] else None

    with open_bench(reply, batches=BatchScript(fault=script), outage_patience_s=0.3) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        away["is"] = True
        run = settle(bench, run_id)
        assert (run.status, run.end_reason) == ("paused", "provider")
        assert "the furnace is being swept" in (run.message or "")
        away["is"] = False
        control.resume_run(bench.context, run_id)
        assert settle(bench, run_id).status == "succeeded"
        assert bench.server.counts.batch_lines == 24
        check_books(bench, run_id)


@ON_ONE_DATABASE
def test_a_batch_the_provider_knows_no_more_is_given_up_at_its_most_when_it_is_called_off(
    open_bench: OpenBench,
) -> None:
    script = BatchScript(
        fault=lambda route, _: Fault(problem(404, "No batch")) if route == "status" else None
    )
    with open_bench(reply, batches=script, prices=PRICES) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        run = settle(bench, run_id)
        assert (run.status, run.end_reason) == ("paused", "provider")
        assert "does not know this batch" in (run.message or "")
        for _ in range(2):
            stop_batches(bench.context, run_id)
        control.resume_run(bench.context, run_id)
        seen = settle(bench, run_id)
        assert seen.status == "succeeded"
        assert [one.state for one in batches_of(bench, run_id)] == ["lost"]
        assert seen.budget.written_off.calls == 12
        assert seen.budget.written_off.usd > 0
        check_books(bench, run_id)


@pytest.mark.parametrize("stays", ["in_progress", "cancelling"])
def test_a_batch_that_takes_too_long_is_cancelled_and_its_rest_asked_by_calls(
    open_bench: OpenBench, stays: Any
) -> None:
    script = first(BatchPlan(stays=stays))
    with open_bench(reply, batches=script, batch_patience_s=0.5) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        seen = settle(bench, run_id)
        assert seen.status == "succeeded"
        state = {"in_progress": "collected", "cancelling": "lost"}[stays]
        assert batches_of(bench, run_id)[0].state == state
        assert seen.budget.written_off.calls == (12 if state == "lost" else 0)


# A person steps in.


def recording(routes: list[Route], plan: BatchPlan) -> BatchScript:
    def note(route: Route, _n: int) -> None:
        routes.append(route)

    return BatchScript(lambda _: plan, note)


def test_a_paused_run_asks_nothing_about_its_batch_and_collects_it_when_resumed(
    open_bench: OpenBench,
) -> None:
    routes: list[Route] = []
    with open_bench(reply, batches=recording(routes, BatchPlan()), prices=PRICES) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        control.pause_run(bench.context, run_id)
        before, calls = len(routes), bench.server.counts.calls
        for _ in range(3):
            look(bench)
            bench.work(run_id)
        assert len(routes) == before
        control.resume_run(bench.context, run_id)
        assert settle(bench, run_id).status == "succeeded"
        # Not even what the endpoint can do is asked again.
        assert bench.server.counts.calls == calls
        assert (bench.server.counts.batches, bench.server.counts.batch_lines) == (2, 24)
        check_books(bench, run_id)


def test_a_cancelled_run_has_its_batch_cancelled_and_keeps_what_was_paid(
    open_bench: OpenBench,
) -> None:
    script = always(BatchPlan(takes_s=60.0))
    with open_bench(reply, batches=script, prices=PRICES) as bench:
        run_id = bench.start(target=60, lookahead=40, batch="later_stages")

        def has_answered() -> bool:
            return bench.server.counts.batch_lines > 2

        settle(bench, run_id, until=has_answered)
        for _ in range(2):
            assert control.cancel_run(bench.context, run_id).status == "cancelling"
        seen = settle(bench, run_id)
        assert (seen.status, seen.end_reason) == ("cancelled", "cancelled")
        (batch,) = batches_of(bench, run_id)
        assert (batch.state, batch.provider_said) == ("collected", "cancelled")
        assert 2 < seen.stages["classify"].done == bench.server.counts.batch_lines < 60
        check_books(bench, run_id)
        assert control.cancel_run(bench.context, run_id).status == "cancelled"


def test_a_batch_that_was_not_sent_yet_is_never_sent_once_its_run_is_cancelled(
    open_bench: OpenBench,
) -> None:
    routes: list[Route] = []
    with open_bench(reply, batches=recording(routes, BatchPlan())) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        while not batches_of(bench, run_id):
            advance_run(bench.context, Slot(run_id, 0), lambda: False)
        control.cancel_run(bench.context, run_id)
        assert settle(bench, run_id).status == "cancelled"
        assert [one.state for one in batches_of(bench, run_id)] == ["refused"]
        check_books(bench, run_id)
    assert not routes


@ON_ONE_DATABASE
def test_a_cancelled_run_does_not_wait_for_ever_for_a_provider_that_is_away(
    open_bench: OpenBench,
) -> None:
    away = {"is": False}

    def script(_route: Route, _n: int) -> Fault | None:
        return Fault(problem(503, "away")) if away["is"] else None

    with open_bench(reply, batches=BatchScript(fault=script), outage_patience_s=0.3) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        away["is"] = True
        control.cancel_run(bench.context, run_id)
        seen = settle(bench, run_id)
        assert seen.status == "cancelled"
        assert [one.state for one in batches_of(bench, run_id)] == ["lost"]
        assert seen.budget.written_off.calls == 12
        check_books(bench, run_id)


@ON_ONE_DATABASE
def test_batches_that_are_called_off_leave_the_rest_to_calls(open_bench: OpenBench) -> None:
    with open_bench(reply, batches=always(BatchPlan(stays="in_progress"))) as bench:
        ordinary = bench.start(**RUN)
        bench.work(ordinary)
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        assert stop_batches(bench.context, run_id).status == "running"
        assert settle(bench, run_id).status == "succeeded"
        assert bench.alpaca(run_id) == bench.alpaca(ordinary)
        assert [one.provider_said for one in batches_of(bench, run_id)] == ["cancelled"]


def test_a_target_that_is_raised_while_all_waits_for_the_provider_is_obeyed_at_once(
    open_bench: OpenBench,
) -> None:
    script = first(BatchPlan(stays="in_progress"))
    with open_bench(reply, batches=script, batch_poll_s=60.0) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        extend_run(bench.context, run_id, Extension(target=20))
        settle(bench, run_id, until=lambda: len(batches_of(bench, run_id)) == 2)
        assert bench.view(run_id).funnel.accepted == 20


# Caps.


def start(bench: Bench, caps: Caps, **options: Any) -> str:
    request = RunRequest(None, SEEDS, RunOptions.model_validate(options), caps)
    return control.start_run(bench.context, request, None).id


@pytest.mark.slow
def test_caps_are_never_passed_by_batches(open_bench: OpenBench) -> None:
    all_caps = [
        Caps(calls=21), Caps(calls=25), Caps(tokens=9_000), Caps(tokens=30_000),
        Caps(usd=Decimal("0.011")), Caps(usd=Decimal("0.04")),
    ]  # fmt: skip
    with open_bench(reply, prices=PRICES) as bench:
        ends: list[str | None] = []
        for seed, caps in enumerate(all_caps):
            before = paid(bench)
            run_id = start(bench, caps, **{**RUN, "random_seed": seed}, batch="all_stages")
            seen = settle(bench, run_id)
            ends.append(seen.end_reason)
            taken = replace(
                seen.budget.written_off,
                calls=seen.funnel.asked,
                tokens=seen.tokens.prompt + seen.tokens.completion,
                usd=seen.cost_usd or Decimal(0),
            )
            assert caps.allow(taken)
            assert caps.calls is None or paid(bench) - before <= caps.calls
            check_books(bench, run_id, before)
        assert set(ends[:3]) == {"budget"}
        assert set(ends) <= {"budget", "target_met"}
        run_id = start(bench, Caps(calls=25), **RUN, batch="all_stages")
        assert settle(bench, run_id).status == "paused"
        extend_run(bench.context, run_id, Extension(caps=Caps(calls=100)))
        assert settle(bench, run_id).status == "succeeded"


def test_what_is_with_the_provider_is_collected_even_if_nothing_more_may_be_asked(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply) as bench:
        ordinary = bench.start(**RUN)
        calls = bench.work(ordinary).funnel.asked
        # Enough for the first batch, and for nothing after it: not for a preflight either.
        run_id = start(bench, Caps(calls=calls - 12), **RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        control.pause_run(bench.context, run_id)
        control.resume_run(bench.context, run_id)
        seen = settle(bench, run_id)
        assert (seen.status, seen.end_reason) == ("paused", "budget")
        assert seen.stages["classify"].done == 12
        assert seen.funnel.asked == calls - 12
