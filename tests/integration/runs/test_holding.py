"""Leases of runs: their duration, and payments when a worker loses one."""

import threading
import time
from dataclasses import replace

from app.llm.openai_provider import OpenAIProvider
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.budget import Amount
from app.services.generation import slots as slot_service
from app.services.generation.advance_run import advance_run
from app.services.runs import control
from app.states import Status
from app.store.runs import runs as stored_runs
from app.store.runs import slots
from app.store.runs.runs import Hold
from app.store.runs.slots import Slot
from app.store.work import item_counts, work_items
from tests.bench import OpenBench, after_looks
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL


def test_a_preflight_longer_than_the_lease_is_paid_for_once(open_bench: OpenBench) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        return replace(reply(call), delay_s=1.5 if call.n <= 2 else 0.0)

    with open_bench(script, lease_s=0.6) as bench:
        run_id = bench.start(target=5)
        others = [threading.Thread(target=bench.work, args=(run_id,)) for _ in range(2)]
        for other in others:
            other.start()
            time.sleep(0.9)
        for other in others:
            other.join()
        seen = bench.view(run_id)
        while seen.status == "running":
            seen = bench.work(run_id)
        assert bench.server.counts.calls == seen.funnel.asked
    assert seen.status == "succeeded"


def test_a_run_that_is_only_throttled_hands_over_to_one_that_waits(open_bench: OpenBench) -> None:
    throttled = ScriptedReply(status=429, error={"message": "slow"}, headers={"Retry-After": "1"})

    def script(call: ScriptedCall) -> ScriptedReply:
        return throttled if call.model == "crowded" and call.n > 2 else reply(call)

    with open_bench(script, slice_s=0.5) as bench:
        crowded = bench.start(target=5, model="crowded")
        bench.start(target=5)
        until = time.monotonic() + 20
        again = advance_run(bench.context, Slot(crowded, 0), lambda: time.monotonic() > until)
        assert time.monotonic() < until
        assert again
        with bench.context.database.read() as session:
            assert not slots.any_live(session, crowded)


def test_a_throttled_run_that_hands_over_waits_for_the_calls_that_are_out(
    open_bench: OpenBench,
) -> None:
    throttled = ScriptedReply(status=429, error={"message": "slow"}, headers={"Retry-After": "30"})
    answered: list[int] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        if call.n == 4:
            return throttled
        answered.append(call.n)
        return replace(reply(call), delay_s=0.0 if call.n <= 2 else 2.0)

    with open_bench(script, slice_s=0.8) as bench:
        crowded = bench.start(target=5, model="crowded")
        bench.start(target=5)
        assert advance_run(bench.context, Slot(crowded, 0), lambda: False)
        run = bench.view(crowded)
    assert run.funnel.asked == len(answered) > 2
    assert run.budget.written_off.calls == 0


def test_an_endpoint_that_only_throttles_pauses_the_run_in_its_own_words(
    open_bench: OpenBench,
) -> None:
    throttled = ScriptedReply(
        status=429, error={"message": "the mill is crowded"}, headers={"Retry-After": "0"}
    )
    with open_bench(
        lambda call: throttled if call.n > 10 else reply(call), throttle_patience_s=1.0
    ) as bench:
        seen = bench.work(bench.start(target=50))
    assert (seen.status, seen.end_reason) == ("paused", "provider")
    assert "the mill is crowded" in (seen.message or "")


def test_a_run_that_got_no_rows_goes_on_when_it_is_resumed(open_bench: OpenBench) -> None:
    mute = {"is": True}

    def script(call: ScriptedCall) -> ScriptedReply:
        answer = reply(call)
        silent = mute["is"] and "instances" in (answer.text or "")
        return ScriptedReply("No.") if silent else answer

    with open_bench(script) as bench:
        run_id = bench.start(target=30, dry_after=5)
        assert bench.work(run_id).end_reason == "dry"
        mute["is"] = False
        control.resume_run(bench.context, run_id)
        seen = bench.work(run_id)
    assert seen.status == "succeeded"
    assert seen.funnel.instances > 0


def test_a_pump_that_lost_its_run_cannot_pause_it(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=5)
        with bench.context.database.write() as session:
            assert slots.take(session, Hold(run_id, 0, "holder"), 30)
        with bench.context.database.write() as session:
            loser = Hold(run_id, 0, "loser")
            assert not stored_runs.move(session, run_id, Status.PAUSED, hold=loser)
        assert bench.view(run_id).status == "queued"


def test_an_item_that_always_breaks_the_endpoint_is_given_up_and_the_run_ends(
    open_bench: OpenBench,
) -> None:
    generations: list[str] = []

    def script(call: ScriptedCall) -> ScriptedReply:
        words = call.messages[-1].content
        if "new tasks" in words:
            generations.append(words)
        if words in generations[2:3]:
            return ScriptedReply(status=500, error={"message": "core dumped"})
        return reply(call)

    with open_bench(script, outage_patience_s=0.5) as bench:
        run_id = bench.start(target=40, max_attempts=3)
        for _ in range(8):
            seen = bench.work(run_id)
            if seen.status != "paused":
                break
            control.resume_run(bench.context, run_id)
    # Its attempts, and now and then one that was to find out whether the endpoint is back.
    assert 3 <= generations.count(generations[2]) <= 8
    assert seen.status == "succeeded"
    assert seen.stages["generate"].dead == 1


def test_an_address_that_is_none_pauses_with_what_to_set(open_bench: OpenBench) -> None:
    with open_bench(
        reply, provider_for=lambda model: lambda: OpenAIProvider("http://[bad", None, model, 2.0)
    ) as bench:
        seen = bench.work(bench.start(target=5))
    assert (seen.status, seen.end_reason) == ("paused", "provider")
    assert "OPENAI_BASE_URL" in (seen.message or "")


def test_work_that_a_lost_answer_left_claimed_is_found_again(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=10)
        before = bench.work(run_id, after_looks(1))
        hold = Hold(run_id, 0, "token")
        with bench.context.database.write() as session:
            assert slot_service.take(session, hold, 30)
            claimed = work_items.find_open(session, run_id, 2)
            work_items.lease(session, "token", {item.id: Amount(1, 100) for item in claimed})
        with bench.context.database.write() as session:
            # The second try of a commit whose answer was lost: it finds its own token.
            assert slot_service.take(session, hold, 30)
            assert item_counts.reserved(session, run_id) == Amount(2, 200)
            slot_service.release(session, hold)
        with bench.context.database.read() as session:
            assert item_counts.reserved(session, run_id) == Amount()
        after = bench.work(run_id)
    assert after.status == "succeeded"
    assert after.budget.written_off.calls == before.budget.written_off.calls + 2
    assert after.budget.written_off.tokens == before.budget.written_off.tokens + 200
