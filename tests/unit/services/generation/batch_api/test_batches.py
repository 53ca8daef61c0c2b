"""A run's batches: what goes into them, how they are polled, and what their ends bring."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app.llm.batch_api.batches import BatchEndpoint
from app.llm.dialects.shared import SharedDialect
from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.calls import Endpoint
from app.llm.scripted.batch import BatchPlan
from app.llm.scripted.batches import BatchScript, Fault
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply, ScriptedServer, scripted_server
from app.services.generation.slots import sweep
from app.services.runs import control
from app.states import BatchState
from app.store.tables.completions import CompletionRow
from app.store.tables.runs import RunEvent
from app.store.tables.work import WorkItem
from tests.bench import Bench, OpenBench
from tests.integration.batches.batch_runs import (
    PRICES,
    always,
    batches_of,
    check_books,
    fault,
    is_out,
    problem,
    settle,
)

RUN: dict[str, Any] = {"target": 5, "random_seed": 4, "lookahead": 4}


def ends(bench: Bench, run_id: str) -> list[str]:
    return [one.state for one in batches_of(bench, run_id)]


@pytest.mark.parametrize("batch", ["later_stages", "all_stages"])
def test_a_run_by_batch_makes_the_same_data_set_as_by_calls(
    open_bench: OpenBench, batch: str
) -> None:
    with open_bench(reply, batches=always(BatchPlan(backwards=True)), prices=PRICES) as bench:
        by_calls = bench.start(**RUN)
        assert bench.work(by_calls).status == "succeeded"
        before = bench.server.counts.calls
        run_id = bench.start(**RUN, batch=batch)
        assert settle(bench, run_id).status == "succeeded"
        assert bench.alpaca(run_id) == bench.alpaca(by_calls)
        check_books(bench, run_id, before)
        assert set(ends(bench, run_id)) == {BatchState.COLLECTED}
        stages = {one.stage for one in batches_of(bench, run_id)}
    later = {"classify", "instantiate"}
    assert stages == (later if batch == "later_stages" else {"generate", *later})


def test_a_run_that_waits_for_the_provider_is_left_alone(open_bench: OpenBench) -> None:
    script = always(BatchPlan(stays="in_progress"))
    with open_bench(reply, batches=script, batch_poll_s=60.0) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        assert control.get_run(bench.context, run_id).idle_until is not None
        assert not sweep(bench.context)


def test_a_cancelled_run_has_the_provider_end_its_batches(open_bench: OpenBench) -> None:
    with open_bench(reply, batches=always(BatchPlan(stays="in_progress"))) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        control.cancel_run(bench.context, run_id)
        assert settle(bench, run_id, timeout_s=20.0).status == "cancelled"
        assert set(ends(bench, run_id)) == {BatchState.COLLECTED}


def test_items_that_a_batch_lacks_are_asked_by_calls(open_bench: OpenBench) -> None:
    script = always(BatchPlan(expires_after=3))
    with open_bench(reply, batches=script, prices=PRICES) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        check_books(bench, run_id)
        with bench.context.database.read() as session:
            collected = select(RunEvent.data).where(RunEvent.kind == "batch")
            events = [e for e in session.scalars(collected) if e["state"] == "collected"]
            by_call = select(func.count()).where(
                CompletionRow.stage == "instantiate", CompletionRow.batch_id.is_(None)
            )
            asked_by_call = session.scalar(by_call)
    assert {event["answered"] for event in events} <= {1, 2, 3}
    assert asked_by_call


def test_a_batch_that_is_too_large_is_made_smaller(open_bench: OpenBench) -> None:
    refused = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
    script = BatchScript(lambda n: BatchPlan(failed=(refused,)) if n == 1 else BatchPlan())
    with open_bench(reply, batches=script) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        made = batches_of(bench, run_id)
    (whole,) = [one for one in made if one.state == BatchState.REFUSED]
    again = next(one for one in made[made.index(whole) + 1 :] if one.stage == whole.stage)
    assert 0 < again.requests <= max(1, whole.requests // 2)


def test_a_provider_without_batches_pauses_the_run_and_says_how_to_go_on(
    open_bench: OpenBench,
) -> None:
    script = fault("upload", problem(404, "no such route"))
    with open_bench(reply, batches=script) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        seen = settle(bench, run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert seen.message is not None
        assert f"`seedbed stop-batches {run_id}`" in seen.message
        control.stop_batches(bench.context, run_id)
        control.resume_run(bench.context, run_id)
        assert settle(bench, run_id).status == "succeeded"


def test_an_outage_while_a_batch_is_submitted_is_waited_out(open_bench: OpenBench) -> None:
    script = fault("create", problem(503, "busy"))
    with open_bench(reply, batches=script, outage_patience_s=30.0) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        check_books(bench, run_id)


def test_a_submission_whose_answer_was_lost_is_found_again(open_bench: OpenBench) -> None:
    script = fault("create", problem(502, "bad gateway"), done=True)
    with open_bench(reply, batches=script, outage_patience_s=30.0) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        check_books(bench, run_id)
        assert len(set(ends(bench, run_id))) == 1


def test_an_outage_that_lasts_pauses_the_run(open_bench: OpenBench) -> None:
    script = BatchScript(
        fault=lambda route, _: Fault(problem(503, "busy")) if route == "status" else None
    )
    with open_bench(reply, batches=script, outage_patience_s=0.2) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        seen = settle(bench, run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert seen.message is not None
        assert "busy" in seen.message


BROKE = Fault(problem(402, "Insufficient Balance"))


def with_another(bench: Bench, server: ScriptedServer) -> Bench:
    """The bench with a second endpoint, behind the one that it has."""
    url = server.base_url
    other = Endpoint(
        "other",
        lambda model: lambda: OpenAIProvider(url, "k", model, 30.0),
        batches_for=lambda model: BatchEndpoint(url, "k", model, 30.0, SharedDialect()),
    )
    endpoints = [*bench.context.endpoints, other]
    return replace(bench, context=replace(bench.context, endpoints=endpoints))


def set_aside(bench: Bench, run_id: str) -> list[str]:
    return [one.endpoint for one in bench.view(run_id).set_aside]


def test_a_batch_that_an_empty_account_refuses_is_sent_to_another_endpoint(
    open_bench: OpenBench,
) -> None:
    script = BatchScript(fault=lambda *_: BROKE)
    with open_bench(reply, batches=script) as bench, scripted_server(reply) as server:
        two = with_another(bench, server)
        run_id = two.start(**RUN, batch="later_stages")
        assert settle(two, run_id).status == "succeeded"
        assert set_aside(two, run_id) == ["default"]
        made = batches_of(two, run_id)
        assert {one.endpoint for one in made if one.state == BatchState.COLLECTED} == {"other"}
        assert server.counts.batch_lines == sum(one.requests for one in made[1:])


@pytest.mark.parametrize("is_paid_later", [True, False])
def test_a_batch_at_an_endpoint_that_is_set_aside_is_waited_for_and_then_asked_elsewhere(
    open_bench: OpenBench, is_paid_later: bool
) -> None:
    looks: list[str] = []

    def script(route: str, _n: int) -> Fault | None:
        looks.append(route)
        away = len(looks) < 12 or not is_paid_later
        return BROKE if route in {"status", "cancel"} and away else None

    patience_s = 60.0 if is_paid_later else 0.4
    batches = BatchScript(fault=script)
    changes = {"batch_patience_s": patience_s, "batch_poll_s": 0.02}
    with (
        open_bench(reply, batches=batches, **changes) as bench,
        scripted_server(reply) as server,
    ):
        two = with_another(bench, server)
        run_id = two.start(**RUN, batch="later_stages")
        seen = settle(two, run_id)
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
        assert set_aside(two, run_id) == ["default"]
        first = batches_of(two, run_id)[0]
        wanted = BatchState.COLLECTED if is_paid_later else BatchState.LOST
        assert (first.endpoint, first.state) == ("default", wanted)
        presumed = control.get_run(two.context, run_id).presumed_spent_calls
        assert presumed == (0 if is_paid_later else first.requests)


def test_an_endpoint_that_is_not_configured_any_more_is_named(open_bench: OpenBench) -> None:
    with open_bench(reply, batches=always(BatchPlan(stays="in_progress"))) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        other = replace(bench.context.endpoints[0], name="another")
        moved = replace(bench, context=replace(bench.context, endpoints=[other]))
        seen = settle(moved, run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert seen.message is not None
        assert "'default', which is not configured any more" in seen.message
        assert "SEEDBED_ENDPOINTS" in seen.message


def test_items_that_fail_within_a_batch_use_up_their_attempts(open_bench: OpenBench) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        return reply(call) if call.custom_id is None else problem(400, "no", "content_filter")

    with open_bench(script) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        with bench.context.database.read() as session:
            later = select(func.max(WorkItem.attempts)).where(WorkItem.stage == "instantiate")
            assert session.scalar(later) == 1


def test_a_batch_that_cannot_be_ended_is_given_up_and_counts_as_spent(
    open_bench: OpenBench,
) -> None:
    script = always(BatchPlan(stays="cancelling"))
    with open_bench(reply, batches=script, batch_patience_s=0.2) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        control.cancel_run(bench.context, run_id)
        assert settle(bench, run_id, timeout_s=20.0).status == "cancelled"
        assert BatchState.LOST in ends(bench, run_id)
        lost = sum(one.requests for one in batches_of(bench, run_id))
        assert control.get_run(bench.context, run_id).presumed_spent_calls == lost
