"""A wait that an endpoint asks of one worker is kept by all."""

import threading
import time
from dataclasses import replace

import pytest

from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.calls import Endpoint
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.services.generation.advance_run import advance_run
from app.services.generation.slots import sweep
from app.store.database import Database
from app.store.runs.slots import Slot
from tests.bench import Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL

RETRY_AFTER_S = 3.0
ON_THEIR_WAY_S = 0.4


def work_together(
    bench: Bench, run_id: str, database_url: str, *in_flight: tuple[str, int]
) -> None:
    """A worker for each name, which is its API key, until the run has ended."""

    def work(key: str, concurrency: int) -> None:
        database = Database(database_url)
        endpoint = Endpoint(
            "default",
            lambda model: lambda: OpenAIProvider(bench.server.base_url, key, model, 5),
        )
        context = replace(
            bench.context, database=database, endpoints=[endpoint], concurrency=concurrency
        )
        until = time.monotonic() + 60
        while bench.view(run_id).status in ("queued", "running"):
            assert time.monotonic() < until
            for slot in (*sweep(context), Slot(run_id, 0)):
                advance_run(context, slot, lambda: False)
            time.sleep(0.05)
        database.close()

    workers = [threading.Thread(target=work, args=each) for each in in_flight]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert bench.view(run_id).status == "succeeded"


@pytest.mark.parametrize("refuses_all", [True, False], ids=["all", "one"])
def test_a_wait_of_a_worker_with_one_call_in_flight_is_kept_by_one_with_many_if_all_are_refused(
    open_bench: OpenBench, database_url: str, refuses_all: bool
) -> None:
    asked: list[tuple[float, str]] = []
    told_at: list[float] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        now = time.monotonic()
        asked.append((now, str(call.api_key)))
        # All: until it has been silent for nearly as long as the endpoint asked for.
        goes_on = refuses_all and now - told_at[-1] < 0.8 * RETRY_AFTER_S if told_at else True
        if call.api_key == "narrow" and len(asked) > 60 and goes_on:
            told_at.append(now)
            headers = {"Retry-After": f"{RETRY_AFTER_S:g}"}
            return ScriptedReply(status=429, error={"message": "slow"}, headers=headers)
        return replace(reply(call), delay_s=0.05)

    with open_bench(script) as bench:
        run_id = bench.start(target=100, lookahead=64)
        work_together(bench, run_id, database_url, ("narrow", 1), ("wide", 16))
    reported = told_at[-1]
    before = [key for at, key in asked if at < reported]
    assert before.count("wide") > 10, "both are at work"
    during = [key for at, key in asked if ON_THEIR_WAY_S < at - reported < RETRY_AFTER_S]
    if refuses_all:
        assert during == []
        after = [key for at, key in asked if at - reported >= RETRY_AFTER_S]
        assert after.count("wide") > 10
    else:
        assert during.count("wide") > 10, "one refusal says nothing about the others"


def test_a_run_that_begins_during_the_wait_asks_nothing_before_it_is_over(
    open_bench: OpenBench,
) -> None:
    asked: list[float] = []
    told_at: list[float] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        asked.append(time.monotonic())
        if len(asked) >= 20 and asked[-1] - asked[19] < ON_THEIR_WAY_S:
            told_at.append(asked[-1])
            headers = {"Retry-After": f"{RETRY_AFTER_S:g}"}
            return ScriptedReply(status=429, error={"message": "slow"}, headers=headers)
        return reply(call)

    with open_bench(script) as bench:
        first, second = (bench.start(target=30, random_seed=n) for n in range(2))
        worker = threading.Thread(target=bench.work, args=(first,))
        worker.start()
        until = time.monotonic() + 20
        while not told_at:
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(ON_THEIR_WAY_S)
        while bench.work(second).status == "queued":
            assert time.monotonic() < until
            time.sleep(0.2)
        worker.join()
        for run_id in (first, second):
            assert bench.work(run_id).status == "succeeded"
    during = [at for at in asked if ON_THEIR_WAY_S < at - told_at[0] < RETRY_AFTER_S]
    assert during == []
