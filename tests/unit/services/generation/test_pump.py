"""One worker's loop over a run: what it asks, and when and how it leaves."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.llm.scripted.model import reply
from app.llm.scripted.provider import ScriptedProvider
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.types import Completion, Request
from app.services.generation import advance_run, slots
from app.services.runs import control
from app.states import ItemState
from app.store.runs.slots import Slot
from app.store.tables.completions import CompletionRow
from app.store.tables.runs import RunEvent, RunSlot
from app.store.tables.work import WorkItem
from app.store.work import endpoint_states
from tests.bench import Bench, OpenBench, after_looks

SMALL: dict[str, Any] = {"target": 12, "random_seed": 4}


def is_preflight(call: ScriptedCall) -> bool:
    return "stone" in "".join(message.content for message in call.messages)


def after_preflight(
    answer: Callable[[ScriptedCall], ScriptedReply],
) -> Callable[[ScriptedCall], ScriptedReply]:
    return lambda call: reply(call) if is_preflight(call) else answer(call)


def refused(status: int, message: str, code: str | None = None) -> ScriptedReply:
    return ScriptedReply(status=status, error={"message": message, "code": code})


def states(bench: Bench) -> dict[str, int]:
    with bench.context.database.read() as session:
        counted = select(WorkItem.state, func.count()).group_by(WorkItem.state)
        return {str(state): count for state, count in session.execute(counted)}


def test_a_run_is_worked_on_until_it_ends_and_its_slot_is_free_again(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(**SMALL)
        assert bench.work(run_id).status == "succeeded"
        assert set(states(bench)) <= {ItemState.DONE, ItemState.DEAD, ItemState.DROPPED}
        with bench.context.database.read() as session:
            assert set(session.scalars(select(RunSlot.token))) == {None}
            kept = session.scalar(select(func.count()).select_from(CompletionRow))
        assert kept == bench.server.counts.calls
        # There is nothing to do for it any more.
        assert advance_run.advance_run(bench.context, Slot(run_id, 0), lambda: False) is None


def test_a_worker_that_is_stopped_hands_back_what_it_did_not_finish(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(**SMALL)
        stop = after_looks(4)
        assert advance_run.advance_run(bench.context, Slot(run_id, 0), stop) == Slot(run_id, 0)
        assert states(bench).get(ItemState.LEASED, 0) == 0
        assert states(bench)[ItemState.OPEN] > 0
        # What was cut off may have been billed.
        run = control.get_run(bench.context, run_id)
        assert run.calls + run.presumed_spent_calls == bench.server.counts.calls
        assert bench.work(run_id).status == "succeeded"


def test_a_run_with_work_left_after_its_slice_goes_to_one_that_has_no_worker(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply, slice_s=0.0) as bench:
        first, second = bench.start(target=500), bench.start(target=500)
        again = advance_run.advance_run(bench.context, Slot(first, 0), lambda: False)
        assert again == Slot(first, 0)
        # Served last, it comes last.
        with bench.context.database.read() as session:
            assert slots.fairer(session, Slot(first, 0)).run_id == second


def test_a_pause_is_noticed_and_what_is_in_flight_is_kept(open_bench: OpenBench) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        if call.n == 12:
            control.pause_run(bench.context, run_id)
        return reply(call)

    with open_bench(script, lease_s=0.3) as bench:
        run_id = bench.start(target=300)
        assert bench.work(run_id).status == "paused"
        assert states(bench).get(ItemState.LEASED, 0) == 0
        assert control.get_run(bench.context, run_id).presumed_spent_calls == 0


def test_a_cancelled_run_ends_with_its_last_worker(open_bench: OpenBench) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        if call.n == 12:
            control.cancel_run(bench.context, run_id)
        return reply(call)

    with open_bench(script, lease_s=0.3) as bench:
        run_id = bench.start(target=300)
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("cancelled", "cancelled")


def test_a_refusal_pauses_the_run_with_the_providers_words(open_bench: OpenBench) -> None:
    script = after_preflight(lambda _: refused(401, "no such key"))
    with open_bench(script) as bench:
        run_id = bench.start(**SMALL)
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert seen.message is not None
        assert "no such key" in seen.message
        assert f"Then resume the run: `seedbed resume {run_id}`" in seen.message
        # It is nobody's fault: no attempt is used up.
        with bench.context.database.read() as session:
            assert session.scalar(select(func.max(WorkItem.attempts))) == 0


def test_an_endpoint_that_only_throttles_pauses_the_run_in_time(open_bench: OpenBench) -> None:
    headers = {"Retry-After": "0.05"}
    slow = replace(refused(429, "slow down"), headers=headers)
    with open_bench(after_preflight(lambda _: slow), throttle_patience_s=0.4) as bench:
        run_id = bench.start(**SMALL)
        seen = bench.work(run_id)
    assert (seen.status, seen.end_reason) == ("paused", "provider")
    assert seen.message is not None
    assert seen.message.startswith("The endpoint has refused all calls for ")
    assert "slow down" in seen.message


@pytest.mark.parametrize("preflight", [True, False], ids=["at the start", "later"])
def test_a_throttle_of_a_day_pauses_the_run_at_once_and_says_until_when(
    open_bench: OpenBench, preflight: bool
) -> None:
    headers = {"Retry-After": "86400"}
    slow = replace(refused(429, "quota of the day"), headers=headers)
    is_over = {"is": False}

    def script(call: ScriptedCall) -> ScriptedReply:
        return reply(call) if is_over["is"] else slow

    with open_bench(script if preflight else after_preflight(script)) as bench:
        run_id = bench.start(**SMALL)
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert "quota of the day" in (seen.message or "")
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert f"{tomorrow:%Y-%m-%d}" in (seen.message or "")
        # A person knows better: the endpoint is asked again.
        is_over["is"] = True
        control.resume_run(bench.context, run_id)
        assert bench.work(run_id).status == "succeeded"


def test_a_throttle_at_the_start_is_waited_for_and_shown(open_bench: OpenBench) -> None:
    slow = replace(refused(429, "come back later"), headers={"Retry-After": "300"})
    is_over = {"is": False}

    def script(call: ScriptedCall) -> ScriptedReply:
        return reply(call) if is_over["is"] else slow

    with open_bench(script) as bench:
        run_id = bench.start(**SMALL)
        seen = bench.work(run_id)
        assert seen.status == "queued"
        assert seen.waiting is not None
        assert "come back later" in seen.waiting.message
        calls = bench.server.counts.calls
        assert bench.work(run_id).status == "queued"
        assert bench.server.counts.calls == calls, "nothing is sent before the wait is over"
        is_over["is"] = True
        with bench.context.database.write() as session:
            endpoint_states.release(session, "default", "scripted")
        seen = bench.work(run_id)
        assert (seen.status, seen.waiting) == ("succeeded", None)


def test_an_endpoint_that_stays_away_pauses_the_run_in_time(open_bench: OpenBench) -> None:
    script = after_preflight(lambda _: refused(503, "in maintenance"))
    with open_bench(script, outage_patience_s=0.5) as bench:
        run_id = bench.start(**SMALL)
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert seen.message is not None
        assert "has been away for" in seen.message
        assert "in maintenance" in seen.message
        assert states(bench).get(ItemState.LEASED, 0) == 0


def test_a_call_that_cannot_be_answered_is_tried_so_often_and_given_up(
    open_bench: OpenBench,
) -> None:
    with open_bench(after_preflight(lambda _: refused(400, "no", "content_filter"))) as bench:
        run_id = bench.start(target=5, dry_after=2, lookahead=1, max_attempts=2)
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("failed", "dry")
        with bench.context.database.read() as session:
            dead = select(WorkItem).where(WorkItem.state == ItemState.DEAD)
            assert {item.attempts for item in session.scalars(dead)} == {2}
            kinds = session.scalars(select(RunEvent.kind)).all()
        assert kinds.count("given_up") == 3 + 2, "of the calibration, and of two tickets"


def test_a_defect_pauses_the_run_instead_of_paying_again_and_again(open_bench: OpenBench) -> None:
    def broken(_: Request) -> Completion:
        raise ZeroDivisionError("a defect")

    with open_bench(reply) as bench:
        run_id = bench.start(**SMALL)
        # The preflight, the calibration and the first replies are fine.
        assert bench.work(run_id, after_looks(4)).status == "running"
        endpoint = replace(
            bench.context.endpoints[0], provider_for=lambda _: lambda: ScriptedProvider(broken)
        )
        defective = replace(bench, context=replace(bench.context, endpoints=[endpoint]))
        seen = defective.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "defect")
        assert seen.message is not None
        assert "worker's log" in seen.message
        assert states(bench).get(ItemState.LEASED, 0) == 0


def test_two_workers_share_a_run_and_make_what_one_makes(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        alone, shared = bench.start(**SMALL), bench.start(**SMALL)
        bench.work(alone)

        def work() -> None:
            until = time.monotonic() + 30
            while bench.view(shared).status in {"queued", "running"}:
                assert time.monotonic() < until
                for slot in slots.sweep(bench.context):
                    advance_run.advance_run(bench.context, slot, lambda: False)
                time.sleep(0.02)

        other = threading.Thread(target=work)
        other.start()
        work()
        other.join()
        assert bench.view(shared).status == "succeeded"
        assert bench.alpaca(shared) == bench.alpaca(alone)
