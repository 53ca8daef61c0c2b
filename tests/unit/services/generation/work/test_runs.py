"""Whole runs on SQLite: what they plan, claim, record and admit, and how they end."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.budget import Amount, Caps
from app.pipeline.options import RunOptions
from app.pipeline.types import Completion, Parameters, Request, Stage, TextPrompt
from app.services.generation.start.prepare import prepare
from app.services.generation.work import plan_work
from app.services.generation.work.material import as_known_now, material_of
from app.services.generation.work.pool import loaded_pool
from app.services.runs import control
from app.services.runs.extend import Extension, extend_run
from app.services.runs.run_request import RunRequest
from app.states import Status
from app.store.database import Database
from app.store.runs.runs import Hold
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstructionRow, Rejection
from app.store.tables.runs import Run, RunEvent
from app.store.work import completions, endpoint_states, item_counts, work_items
from app.store.work.completions import Reply
from app.store.work.endpoint_states import Throttle
from tests import review_runs
from tests.bench import SEEDS, Bench, OpenBench, after_looks
from tests.integration.batches.batch_runs import PRICES
from tests.rouge_reference import Reference

SMALL: dict[str, Any] = {"target": 8, "random_seed": 4}


def is_preflight(call: ScriptedCall) -> bool:
    return "stone" in "".join(message.content for message in call.messages)


def only(text: str | None) -> Callable[[ScriptedCall], ScriptedReply]:
    return lambda call: reply(call) if is_preflight(call) else ScriptedReply(text)


def events(bench: Bench, run_id: str) -> dict[str, Any]:
    with bench.context.database.read() as session:
        found = select(RunEvent).where(RunEvent.run_id == run_id)
        return {event.kind: event.data for event in session.scalars(found)}


def test_replies_that_hold_nothing_end_a_run_as_dry_and_say_why(open_bench: OpenBench) -> None:
    with open_bench(only("Hm.")) as bench:
        seen = bench.work(bench.start(target=100, dry_after=3, lookahead=1, max_attempts=1))
    assert (seen.status, seen.end_reason) == ("failed", "dry")
    assert seen.message is not None
    assert seen.message.startswith("The last 3 replies brought no acceptable instruction.")
    assert "unreadable (generate)" in seen.message


def test_instructions_without_a_single_instance_end_a_run_as_dry(open_bench: OpenBench) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        answer = reply(call)
        return ScriptedReply("No.") if "instances" in (answer.text or "") else answer

    with open_bench(script) as bench:
        seen = bench.work(bench.start(target=4, max_attempts=1))
    assert (seen.status, seen.end_reason) == ("failed", "dry")
    assert seen.message is not None
    assert seen.message.startswith("None of 4 accepted instructions got a usable instance.")
    assert "Replies read: " in seen.message


def test_a_review_of_which_no_reply_is_readable_ends_as_dry(
    open_bench: OpenBench, database: Database
) -> None:
    with open_bench(only("Hm.")) as bench:
        dataset_id = review_runs.stored(database, review_runs.some_rows(6))
        run_id = review_runs.start(bench, dataset_id, "judge", dry_after=3, max_attempts=2)
        seen = bench.work(run_id)
    assert (seen.status, seen.end_reason) == ("failed", "dry")
    assert seen.message is not None
    assert "rows could be used" in seen.message
    assert "--set sampling.review.max_tokens" in seen.message


def test_rows_of_which_no_reply_is_readable_do_not_stay(
    open_bench: OpenBench, database: Database
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        n = review_runs.number_of(call)
        return ScriptedReply("Hm.") if n == 2 else review_runs.judge(call)

    with open_bench(script) as bench:
        dataset_id = review_runs.stored(database, review_runs.some_rows(6))
        run_id = review_runs.start(bench, dataset_id, "judge", max_attempts=2)
        seen = bench.work(run_id)
        assert seen.status == "succeeded"
        kept = [origin["sequence"] for _, origin in review_runs.made(bench, run_id)]
        with database.read() as session:
            run = session.get_one(Run, run_id)
            counted = select(Rejection.reason, func.count()).group_by(Rejection.reason)
            reasons = {str(reason): count for reason, count in session.execute(counted)}
    # Scores are 5, 4, 3, 2, 1, 5; from 4 on they stay.
    assert kept == [0, 1, 5]
    assert (run.accepted, run.complete, run.tickets_admitted) == (3, 6, 5)
    assert reasons["judged_low"] == 2
    assert reasons["unreadable"] == 2, "each attempt is kept"


@pytest.mark.parametrize(("unknown_is_no", "profile"), [(False, "default"), (True, "paper")])
def test_a_classification_that_cannot_be_read_is_unknown_or_no(
    open_bench: OpenBench, database: Database, unknown_is_no: bool, profile: str
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        words = call.prompt or "".join(message.content for message in call.messages)
        asks_for_class = "sort tasks" in words or "whether it is a classification task" in words
        answer = reply(call)
        if is_preflight(call) or not asks_for_class:
            return ScriptedReply(answer.text, answer.finish_reason)
        return ScriptedReply("Perhaps")

    with open_bench(script) as bench:
        assert bench.work(bench.start(**SMALL, profile=profile)).status == "succeeded"
        with database.read() as session:
            labels = set(session.scalars(select(InstructionRow.is_classification)))
    assert labels == ({False} if unknown_is_no else {None})


def test_a_run_begins_with_the_questions_about_nothing_and_says_what_it_found(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(**SMALL)
        bench.work(run_id)
        found = events(bench, run_id)
        assert found["preflight"] == {"json_schema": True, "logprobs": True}
        assert "bias" in found["calibrated"]
        assert "few_seeds" not in found
        request = RunRequest(None, SEEDS[:3], RunOptions(target=4))
        few = control.start_run(bench.context, request, None).id
        bench.work(few)
        assert "with 3 seed tasks" in events(bench, few)["few_seeds"]["message"]


def test_a_budget_that_the_preflight_could_exceed_pauses_before_it(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        request = RunRequest(None, SEEDS, RunOptions(**SMALL), Caps(calls=1))
        run_id = control.start_run(bench.context, request, None).id
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "budget")
        assert bench.server.counts.calls == 0
        assert seen.budget.written_off == Amount()


def test_a_run_stops_at_its_cap_and_goes_on_when_it_is_raised(open_bench: OpenBench) -> None:
    with open_bench(reply, prices=PRICES) as bench:
        request = RunRequest(None, SEEDS, RunOptions(**SMALL), Caps(calls=10))
        run_id = control.start_run(bench.context, request, None).id
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "budget")
        assert bench.server.counts.calls <= 10
        extend_run(bench.context, run_id, Extension(caps=Caps(calls=1_000)))
        assert bench.work(run_id).status == "succeeded"
        run = control.get_run(bench.context, run_id)
        assert run.calls == bench.server.counts.calls
        with bench.context.database.read() as session:
            assert session.scalar(select(func.sum(CompletionRow.cost_usd))) == run.cost_usd


def test_a_reply_at_temperature_0_is_used_again_where_that_is_wanted(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply, prices=PRICES) as bench:
        first = bench.start(**SMALL)
        bench.work(first)
        before = bench.server.counts.calls
        again = bench.start(**SMALL, reuse_replies=True)
        assert bench.work(again).status == "succeeded"
        assert bench.alpaca(again) == bench.alpaca(first)
        run = control.get_run(bench.context, again)
        assert run.calls == bench.server.counts.calls - before
        with bench.context.database.read() as session:
            reused = select(CompletionRow).where(CompletionRow.reused_from.is_not(None))
            replies = session.scalars(reused).all()
        assert replies
        assert {one.run_id for one in replies} == {again}
        assert {one.cost_usd for one in replies} == {None}


def test_a_stored_reply_answers_its_item_without_a_call(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(**SMALL)
        # Planned, and nothing is asked yet.
        bench.work(run_id, after_looks(0))
        with bench.context.database.write() as session:
            found = work_items.find_open(session, run_id, 50)
            item = next(one for one in found if one.stage == Stage.GENERATE)
            request = Request(TextPrompt("?"), Parameters(0.0, 1.0, 5), "test@1")
            late = Reply(
                item.id,
                item.stage,
                request,
                Completion('{"instructions": []}', "stop", "scripted"),
                0.1,
                call="late.1",
            )
            completions.add(session, run_id, [late], spare=["late.1"])
        assert bench.work(run_id).status == "succeeded"
        with bench.context.database.read() as session:
            calls = select(CompletionRow.call).where(CompletionRow.work_item_id == item.id)
            assert session.scalars(calls).all() == ["late.1"]


def test_a_target_that_is_raised_is_met_in_the_same_run(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(**SMALL)
        bench.work(run_id)
        with bench.context.database.read() as session:
            material = material_of(session, control.get_run(bench.context, run_id))
        assert as_known_now(control.get_run(bench.context, run_id), material) is material
        extend_run(bench.context, run_id, Extension(target=14))
        raised = as_known_now(control.get_run(bench.context, run_id), material)
        assert raised.options.target == 14
        assert bench.work(run_id).progress.accepted == 14


def test_what_the_pool_names_is_near_and_where_it_says(
    open_bench: OpenBench, database: Database
) -> None:
    with open_bench(reply) as bench:
        elsewhere = review_runs.stored(database, review_runs.some_rows(3))
        run_id = bench.start(**SMALL, nothing_near=[elsewhere])
        bench.work(run_id)
        with database.read() as session:
            material = material_of(session, session.get_one(Run, run_id))
            pool = loaded_pool(material, session)
            texts = session.scalars(
                select(InstructionRow.text).order_by(InstructionRow.sequence)
            ).all()
    assert pool.near_duplicate_of(SEEDS[2].instruction) == {
        "origin": "seed", "position": 2, "score": 1.0,
    }  # fmt: skip
    assert pool.near_duplicate_of(texts[5]) == {"origin": "machine", "position": 5, "score": 1.0}
    assert pool.near_duplicate_of("Say the number 1 in words.") == {
        "origin": "dataset", "dataset_id": elsewhere, "position": 1, "score": 1.0,
    }  # fmt: skip
    assert pool.near_duplicate_of("Quite another thing.") is None
    similarity = pool.similarity(texts[0])
    assert similarity.neighbours[0] == {"origin": "machine", "position": 0, "score": 1.0}
    assert similarity.mean is None
    pool.insert("Quite another thing.")
    assert pool.near_duplicate_of("Quite another thing.") is not None


def test_the_paper_keeps_the_ten_nearest_and_the_mean_over_the_pool(
    open_bench: OpenBench, database: Database
) -> None:
    with open_bench(reply) as bench:
        bench.work(bench.start(profile="paper", target=6))
        with database.read() as session:
            rows = session.scalars(select(InstructionRow).order_by(InstructionRow.sequence)).all()
    reference, pool = Reference("rouge"), [seed.instruction for seed in SEEDS]
    places = [("seed", n) for n in range(len(SEEDS))]
    assert len(rows) >= 6
    for row in rows:
        scores = [reference.score(text, row.text) for text in pool]
        nearest = sorted(range(len(pool)), key=lambda n: (-scores[n], n))[:10]
        assert [(one["origin"], one["position"], one["score"]) for one in row.neighbours] == [
            (*places[n], scores[n]) for n in nearest
        ]
        assert row.mean_similarity == pytest.approx(sum(scores) / len(scores), rel=1e-12)
        pool.append(row.text)
        places.append(("machine", row.sequence))


def test_other_profiles_keep_the_ten_nearest_when_asked(
    open_bench: OpenBench, database: Database
) -> None:
    with open_bench(reply) as bench:
        bench.work(bench.start(**SMALL, neighbours="ten"))
        with database.read() as session:
            rows = session.scalars(select(InstructionRow)).all()
    assert {len(row.neighbours) for row in rows} == {10}
    assert all(row.mean_similarity for row in rows)


def test_rows_are_planned_ahead_once_half_of_those_planned_are_reviewed(
    database: Database, open_bench: OpenBench
) -> None:
    with open_bench(review_runs.judge) as bench:
        dataset_id = review_runs.stored(database, review_runs.some_rows(2))
        run_id = review_runs.start(bench, dataset_id, "judge")
        with database.write() as session:
            run = session.get_one(Run, run_id)
            run.rows_to_review = 4_500
            for complete, planned in (
                (0, 2_000), (999, 2_000), (1_000, 3_000), (2_500, 4_500), (4_500, 4_500),
            ):  # fmt: skip
                run.complete = complete
                plan_work.plan_rows(session, run)
                assert run.tickets_issued == planned
            assert item_counts.any_unfinished(session, run_id, Stage.REVIEW)


def test_a_run_that_is_not_to_be_worked_on_is_not_prepared(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(**SMALL)
        bench.work(run_id, after_looks(3))
        hold = Hold(run_id, 0, "t")
        prepared = prepare(bench.context, hold)
        assert prepared is not None
        assert prepared.material.asking.json_answers
        control.pause_run(bench.context, run_id)
        assert prepare(bench.context, hold) is None
        control.resume_run(bench.context, run_id)
        # Queued again, but the slot is not ours.
        assert prepare(bench.context, hold) is None
        assert control.get_run(bench.context, run_id).status == Status.QUEUED
        assert bench.work(run_id).status == "succeeded"


def test_what_an_endpoint_refuses_in_the_preflight_pauses_the_run_and_is_kept(
    open_bench: OpenBench,
) -> None:
    refusal = ScriptedReply(status=401, error={"message": "no such key"})
    with open_bench(lambda _: refusal, prices=PRICES) as bench:
        run_id = bench.start(**SMALL)
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert seen.message is not None
        assert "no such key" in seen.message
        assert seen.budget.written_off.usd == Decimal(0)


def test_surplus_and_near_duplicates_are_rejected_with_their_reason(
    open_bench: OpenBench, database: Database
) -> None:
    same = json.dumps({"instructions": [SEEDS[0].instruction, "Name a river in the far north."]})

    def script(call: ScriptedCall) -> ScriptedReply:
        answer = reply(call)
        is_generation = call.schema is not None and "instructions" in json.dumps(call.schema)
        return ScriptedReply(same) if is_generation else answer

    with open_bench(script) as bench:
        seen = bench.work(bench.start(target=1, lookahead=1))
        assert seen.status == "succeeded"
        with database.read() as session:
            rejected = session.scalars(select(Rejection)).all()
    (near,) = [one for one in rejected if one.reason == "near_duplicate"]
    assert near.neighbour == {"origin": "seed", "position": 0, "score": 1.0}


@pytest.mark.parametrize(("hold_s", "is_shown"), [(30.0, True), (2.0, False)])
def test_a_run_that_stays_in_the_queue_because_of_a_throttle_says_so(
    open_bench: OpenBench, hold_s: float, *, is_shown: bool
) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(**SMALL)
        with bench.context.database.write() as session:
            endpoint_states.add(session, ["default"], "scripted")
            throttle = Throttle(hold_s, 0.0, "Too many requests.")
            endpoint_states.record_throttled(session, "default", "scripted", throttle)
        seen = bench.work(run_id)
        assert seen.status == "queued"
        assert bench.server.counts.calls == 0
        assert (seen.waiting is not None) == is_shown
        if seen.waiting is not None:
            assert (seen.waiting.kind, seen.waiting.message) == ("throttle", "Too many requests.")
