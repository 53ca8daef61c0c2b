"""Whole runs by the Batch API: what they make, what they cost, and what a batch lacks."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.llm.scripted.batch import BatchPlan
from app.llm.scripted.batches import BatchScript
from app.llm.scripted.model import reply
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply
from app.pipeline.options import RunOptions
from app.services.generation.slots import sweep
from app.services.generation.work.estimate_plan import GrowingPlan
from app.services.runs import control
from app.services.runs.estimate import estimate
from app.store.tables.completions import CompletionRow
from app.store.tables.work import WorkItem
from tests.bench import SEEDS, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.batches.batch_runs import (
    ON_ONE_DATABASE,
    PRICES,
    always,
    batches_of,
    check_books,
    first,
    is_out,
    paid,
    problem,
    settle,
)

pytestmark = MOSTLY_POSTGRESQL

RUN: dict[str, Any] = {"target": 12, "random_seed": 4, "lookahead": 16}


@pytest.mark.parametrize(
    ("profile", "batch"),
    [
        ("default", "later_stages"),
        ("default", "all_stages"),
        ("paper", "all_stages"),
        ("alpaca", "all_stages"),
    ],
)
def test_a_run_by_batch_makes_the_same_data_set_as_by_calls_byte_for_byte(
    open_bench: OpenBench, profile: str, batch: str
) -> None:
    options = {**RUN, "profile": profile}
    with open_bench(reply, batches=always(BatchPlan(backwards=True)), prices=PRICES) as bench:
        ordinary = bench.start(**options)
        assert bench.work(ordinary).status == "succeeded"
        before = paid(bench)
        run_id = bench.start(**options, batch=batch)
        seen = settle(bench, run_id)
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
        assert bench.alpaca(run_id) == bench.alpaca(ordinary)
        check_books(bench, run_id, before)
        assert seen.budget.written_off.calls == 0
        assert {one.state for one in batches_of(bench, run_id)} == {"collected"}
        with bench.context.database.read() as session:
            by_call = session.scalars(
                select(CompletionRow.stage)
                .where(CompletionRow.run_id == run_id, CompletionRow.batch_id.is_(None))
                .distinct()
            ).all()
    allowed = {"preflight", "calibrate"} | ({"generate"} if batch == "later_stages" else set())
    assert set(by_call) <= allowed


@ON_ONE_DATABASE
def test_what_goes_by_batch_costs_half(open_bench: OpenBench) -> None:
    with open_bench(reply, prices=PRICES) as bench:
        ordinary = bench.start(**RUN)
        bench.work(ordinary)
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id)
        costs: dict[tuple[str, str], Decimal] = {}
        with bench.context.database.read() as session:
            for row in session.scalars(select(CompletionRow)):
                key = row.run_id, row.stage
                costs[key] = costs.get(key, Decimal(0)) + (row.cost_usd or 0)
    for stage in ("preflight", "calibrate", "generate"):
        assert costs[run_id, stage] == costs[ordinary, stage] > 0
    for stage in ("classify", "instantiate"):
        assert costs[run_id, stage] * 2 == costs[ordinary, stage] > 0


def test_a_reply_of_a_batch_says_so_and_leads_back_to_its_prompt(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(**RUN, batch="all_stages")
        settle(bench, run_id)
        made = {one.id: one for one in batches_of(bench, run_id)}
        with bench.context.database.read() as session:
            rows = session.scalars(
                select(CompletionRow).where(CompletionRow.batch_id.is_not(None))
            ).all()
            asked = {call.custom_id: call for call in bench.server.calls if call.custom_id}
            for row in rows:
                assert row.batch_id is not None
                assert made[row.batch_id].stage == row.stage
                assert row.call == f"{row.batch_id}.{row.work_item_id}"
                assert asked[str(row.work_item_id)].messages[-1].content == row.prompt
    assert len(rows) == bench.server.counts.batch_lines > 24


def test_no_worker_is_sent_to_a_run_that_waits_for_the_provider(
    open_bench: OpenBench,
) -> None:
    script = always(BatchPlan(stays="in_progress"))
    with open_bench(reply, batches=script, batch_poll_s=60.0) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        settle(bench, run_id, until=is_out(bench, run_id))
        assert not sweep(bench.context)
        other = bench.start(target=3)
        assert {slot.run_id for slot in sweep(bench.context)} == {other}
        # A stray message finds nothing to do, and the run rests again.
        assert bench.work(run_id).status == "running"
        assert control.get_run(bench.context, run_id).idle_until is not None
        assert {slot.run_id for slot in sweep(bench.context)} <= {other}


@ON_ONE_DATABASE
def test_generation_goes_in_rounds_of_the_lookahead(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=20, lookahead=3, tasks_per_request=3, batch="all_stages")
        assert settle(bench, run_id).status == "succeeded"
        made = batches_of(bench, run_id)
    rounds = [one.requests for one in made if one.stage == "generate"]
    assert len(rounds) > 2
    assert max(rounds) == 3


# What a batch lacks.


def by_item(faults: Callable[[str, ScriptedCall], ScriptedReply | None]) -> Script:
    """Answers the first asking of a line as `faults` says, all else well."""

    def script(call: ScriptedCall) -> ScriptedReply:
        if call.custom_id is not None and (answer := faults(call.custom_id, call)) is not None:
            return answer
        return reply(call)

    return script


FAULTS = (
    ScriptedReply(cut_off=True),
    problem(429, "slow down"),
    problem(500, "core dumped"),
    problem(400, "the filter says no", "content_filter"),
    ScriptedReply(raw=b'{"custom_id": "'),
    ScriptedReply(None),
    ScriptedReply(raw=b"\xff\xfe nothing that can be read"),
)


def test_whatever_a_batch_lacks_is_asked_by_calls_and_the_data_set_is_the_same(
    open_bench: OpenBench,
) -> None:
    hit: dict[str, ScriptedReply] = {}

    def every_other(name: str, _: ScriptedCall) -> ScriptedReply | None:
        if int(name) % 2 or name in hit:
            return None
        hit[name] = FAULTS[len(hit) % len(FAULTS)]
        return hit[name]

    with open_bench(by_item(every_other), prices=PRICES) as bench:
        ordinary = bench.start(**{**RUN, "target": 16})
        bench.work(ordinary)
        before = paid(bench)
        run_id = bench.start(**{**RUN, "target": 16}, batch="later_stages")
        seen = settle(bench, run_id)
        assert seen.status == "succeeded"
        assert bench.alpaca(run_id) == bench.alpaca(ordinary)
        assert [(one.stage, one.requests) for one in batches_of(bench, run_id)] == [
            ("classify", 16), ("instantiate", 16),
        ]  # fmt: skip
        # Where a paid line could not be read, at the most that it can have been.
        lost = sum(one.status == 200 and not one.cut_off for one in hit.values())
        unpaid = sum(one.status != 200 or one.cut_off for one in hit.values())
        assert seen.budget.written_off.calls == lost
        assert seen.funnel.asked == paid(bench) - before - lost
        assert bench.server.counts.batch_lines == 32 - unpaid
        with bench.context.database.read() as session:
            burnt = session.scalars(
                select(WorkItem.id).where(WorkItem.run_id == run_id, WorkItem.attempts > 0)
            ).all()
    assert len(hit) == 16
    # What was not the item's fault burns no attempt.
    assert {str(item) for item in burnt} == {
        name for name, answer in hit.items() if answer.status == 400 or answer.text is None
    }


@ON_ONE_DATABASE
def test_an_item_goes_into_one_batch_and_what_it_lacks_goes_out_as_calls(
    open_bench: OpenBench,
) -> None:
    with open_bench(by_item(lambda *_: ScriptedReply(cut_off=True))) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        seen = settle(bench, run_id)
        assert seen.status == "succeeded"
        assert bench.server.counts.batch_lines == 0
        assert [one.requests for one in batches_of(bench, run_id)] == [12, 12]


@ON_ONE_DATABASE
def test_an_expired_batch_is_paid_as_far_as_it_came(open_bench: OpenBench) -> None:
    with open_bench(reply, batches=always(BatchPlan(expires_after=5)), prices=PRICES) as bench:
        ordinary = bench.start(**RUN)
        bench.work(ordinary)
        before = paid(bench)
        run_id = bench.start(**RUN, batch="all_stages")
        assert settle(bench, run_id).status == "succeeded"
        assert bench.alpaca(run_id) == bench.alpaca(ordinary)
        check_books(bench, run_id, before)
        assert "expired" in {one.provider_said for one in batches_of(bench, run_id)}


@ON_ONE_DATABASE
def test_a_batch_that_is_refused_as_it_is_is_asked_by_calls(open_bench: OpenBench) -> None:
    failed = ({"code": "invalid_request", "line": 3, "message": "This line is wrong."},)
    with open_bench(reply, batches=first(BatchPlan(failed=failed))) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        check = [(one.state, one.stage) for one in batches_of(bench, run_id)]
        assert check == [("refused", "classify"), ("collected", "instantiate")]
        assert "This line is wrong" in (batches_of(bench, run_id)[0].trouble or "")
        check_books(bench, run_id)


def full(n: int) -> BatchPlan:
    error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}
    return BatchPlan(failed=(error,)) if n < 3 else BatchPlan()


def test_a_batch_that_is_too_much_is_halved_until_it_fits(open_bench: OpenBench) -> None:
    with open_bench(reply, batches=BatchScript(full)) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        made = [(one.state, one.requests) for one in batches_of(bench, run_id)]
        check_books(bench, run_id)
        # One after the other: what is out fills the provider's queue.
        assert made[:3] == [("refused", 12), ("refused", 6), ("collected", 3)]
        assert sum(n for state, n in made if state == "collected") == 24
        assert bench.server.counts.batch_lines == 24


@ON_ONE_DATABASE
def test_a_provider_that_never_has_room_for_a_batch_is_asked_by_calls(
    open_bench: OpenBench,
) -> None:
    error = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}
    script = always(BatchPlan(failed=(error,)))
    with open_bench(reply, batches=script, batch_poll_s=0.01) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        assert {one.state for one in batches_of(bench, run_id)} == {"refused"}
        assert bench.server.counts.batches <= 16
        check_books(bench, run_id)


@ON_ONE_DATABASE
def test_a_batch_that_is_refused_for_the_account_pauses_and_is_made_anew_when_resumed(
    open_bench: OpenBench,
) -> None:
    error = {"code": "insufficient_quota", "message": "You exceeded your quota."}
    with open_bench(reply, batches=first(BatchPlan(failed=(error,)))) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        seen = settle(bench, run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert "You exceeded your quota" in (seen.message or "")
        control.resume_run(bench.context, run_id)
        assert settle(bench, run_id).status == "succeeded"
        assert bench.server.counts.batch_lines == 24


def strays(name: str, call: ScriptedCall) -> ScriptedReply | None:
    """Of some lines the answer bears the name of another."""
    renamed = {"7": "7", "8": "7", "9": "nobody", "10": "999999999"}
    if name[-1] not in {"7", "8", "9", "0"}:
        return None
    other = name[:-1] + "7" if name[-1] == "8" else renamed.get(name[-1], name)
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    answer = reply(call)
    body = {"choices": [{"message": {"content": answer.text}}], "usage": usage}
    line = {"custom_id": other, "response": {"status_code": 200, "body": body}, "error": None}
    return ScriptedReply(raw=json.dumps(line).encode())


@ON_ONE_DATABASE
def test_answers_that_answer_nothing_are_booked_and_not_used(open_bench: OpenBench) -> None:
    with open_bench(by_item(strays), prices=PRICES) as bench:
        run_id = bench.start(target=30, random_seed=4, lookahead=16, batch="later_stages")
        run = settle(bench, run_id)
        assert run.status == "succeeded"
        counts = bench.server.counts
        assert run.funnel.asked + run.budget.written_off.calls == counts.calls + counts.batch_lines
        with bench.context.database.read() as session:
            kept = session.scalars(select(CompletionRow.cost_usd)).all()
    assert len(kept) < run.funnel.asked
    assert sum(filter(None, kept)) < (run.cost_usd or 0)


def reasoning(call: ScriptedCall) -> ScriptedReply:
    if "max_tokens" in call.parameters:
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        error = {"message": message, "code": "unsupported_parameter", "param": "max_tokens"}
        return ScriptedReply(status=400, error=error)
    return reply(call)


@ON_ONE_DATABASE
def test_the_name_of_a_parameter_is_learned_from_a_batch_and_the_rest_goes_by_batch(
    open_bench: OpenBench,
) -> None:
    with open_bench(reasoning) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        assert bench.server.counts.batch_lines == 24
        known = [one.lessons or [] for one in batches_of(bench, run_id)]
    assert [[each["value"] for each in one] for one in known] == [["max_completion_tokens"]] * 2


@ON_ONE_DATABASE
def test_an_account_that_is_closed_pauses_the_run_once_what_came_is_recorded(
    open_bench: OpenBench,
) -> None:
    error = {"message": "Your account is not active.", "code": "billing_not_active"}
    refused = ScriptedReply(status=400, error=error)
    with open_bench(by_item(lambda n, _: refused if int(n) % 2 else None)) as bench:
        run_id = bench.start(**RUN, batch="later_stages")
        seen = settle(bench, run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert "Your account is not active." in (seen.message or "")
        assert seen.stages["classify"].done == 6
        control.resume_run(bench.context, run_id)
        settle(bench, run_id)
        control.resume_run(bench.context, run_id)
        assert settle(bench, run_id).status == "succeeded"


def test_a_run_without_rows_ends_as_dry_and_its_batches_are_cancelled(
    open_bench: OpenBench,
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        answer = reply(call)
        mute = "instances" in (answer.text or "")
        return ScriptedReply("I would rather not.") if mute else answer

    def plan(n: int) -> BatchPlan:
        # The second round of generation is still out when nothing is hoped for any more.
        return BatchPlan(stays="in_progress") if n == 3 else BatchPlan()

    with open_bench(script, batches=BatchScript(plan)) as bench:
        run_id = bench.start(target=400, lookahead=4, dry_after=5, batch="all_stages")
        seen = settle(bench, run_id)
        check_books(bench, run_id)
        made = batches_of(bench, run_id)
    assert (seen.status, seen.end_reason) == ("failed", "dry")
    assert {one.state for one in made} == {"collected"}
    assert [one.provider_said for one in made if one.cancelled_at] == ["cancelled"]


@ON_ONE_DATABASE
def test_replies_that_were_paid_for_before_are_not_asked_again_by_batch(
    open_bench: OpenBench,
) -> None:
    options = {**RUN, "reuse_replies": True}
    with open_bench(reply, prices=PRICES) as bench:
        earlier = bench.start(**options, batch="later_stages")
        settle(bench, earlier)
        before = bench.server.counts.batch_lines
        run_id = bench.start(**options, batch="later_stages")
        assert settle(bench, run_id).status == "succeeded"
        assert bench.server.counts.batch_lines == before == 24
        assert not batches_of(bench, run_id)
        assert bench.alpaca(run_id) == bench.alpaca(earlier)


@ON_ONE_DATABASE
def test_an_estimate_counts_what_goes_by_batch_at_its_price(open_bench: OpenBench) -> None:
    def cost_usd(session: Session, batch: str) -> Decimal:
        options = RunOptions.model_validate({"target": 100, "batch": batch})
        guessed = estimate(session, GrowingPlan(options, "scripted", SEEDS, missing=100), PRICES)
        assert guessed.cost_usd is not None
        return guessed.cost_usd

    with open_bench(reply) as bench, bench.context.database.read() as session:
        off, later, everything = (
            cost_usd(session, batch) for batch in ("off", "later_stages", "all_stages")
        )
    assert off / 2 < everything < later < off
