"""Whole reviews in this process: rows answered again or judged, whatever happens meanwhile."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app.dataset_row import Record
from app.errors import InvalidInput
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.budget import Caps
from app.pipeline.options import RunOptions
from app.pipeline.types import Stage
from app.services.generation.work import plan_work
from app.services.runs import control
from app.services.runs import rows as run_rows
from app.services.runs.extend import Extension, estimate_extension, extend_run
from app.services.runs.run_request import RunRequest
from app.settings import Price
from app.states import DatasetState
from app.store.datasets import dataset_rows, reviewed_rows
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstructionRow, Rejection
from app.store.tables.runs import Run
from app.store.tables.work import WorkItem
from tests.bench import SEEDS, Bench, OpenBench, after_looks
from tests.conftest import MOSTLY_POSTGRESQL
from tests.review_runs import (
    judge,
    made,
    number_of,
    request,
    some_rows,
    start,
    stored,
    teacher,
)

pytestmark = MOSTLY_POSTGRESQL

ROWS = some_rows(35)
PRICES = {"scripted": Price.model_validate({"input_usd": "0.5", "output_usd": "2"})}


def rejections(bench: Bench, run_id: str) -> list[tuple[int | None, str, str]]:
    with bench.context.database.read() as session:
        wanted = select(Rejection).where(Rejection.run_id == run_id).order_by(Rejection.sequence)
        return [(one.sequence, one.reason, one.text) for one in session.scalars(wanted)]


def test_rows_answered_again_keep_all_but_their_output(open_bench: OpenBench) -> None:
    with open_bench(teacher) as bench:
        dataset_id = stored(bench.context.database, ROWS)
        run_id = start(bench, dataset_id, "re_answer")
        seen = bench.work(run_id)
        rows = made(bench, run_id)
        asked = bench.server.counts.calls
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
    wanted = [row for row in ROWS if row.position % 7 != 6]
    assert [record for record, _ in rows] == [
        replace(row.record, output=f"new answer {row.position}") for row in wanted
    ]
    for row, (_, origin) in zip(wanted, rows, strict=True):
        assert origin == {
            "run_id": run_id,
            "sequence": row.position,
            "dataset_id": dataset_id,
            "position": row.position,
            "instance_completion_id": origin["instance_completion_id"],
            "grown_by": "run_before",
            "instance_mode": "input_first",
        }
    assert asked == len(ROWS) + 1


def test_every_row_that_stays_leads_to_the_reply_that_says_so(open_bench: OpenBench) -> None:
    with open_bench(judge) as bench:
        run_id = start(bench, stored(bench.context.database, ROWS), "judge")
        bench.work(run_id)
        with bench.context.database.read() as session:
            for record, origin in made(bench, run_id):
                asked = session.get_one(CompletionRow, origin["instance_completion_id"])
                assert asked.stage == "review"
                assert asked.prompt_version.startswith("review/judge@")
                assert record.instruction in asked.prompt
                assert json.loads(asked.reply)["score"] >= 4
            assert session.scalar(select(func.count()).select_from(InstructionRow)) == 0


@pytest.mark.parametrize(("threshold", "scores"), [(4, {5, 4}), (2, {5, 4, 3, 2}), (5, {5})])
@pytest.mark.parametrize("answer_format", ["json_schema", "marked_text"])
def test_a_judge_drops_what_is_below_the_threshold_with_its_words(
    open_bench: OpenBench, threshold: int, scores: set[int], answer_format: str
) -> None:
    with open_bench(judge) as bench:
        dataset_id = stored(bench.context.database, ROWS)
        chosen = {"review": {"threshold": threshold}, "answer_format": answer_format}
        run_id = start(bench, dataset_id, "judge", **chosen)
        seen = bench.work(run_id)
        rows = made(bench, run_id)
        dropped = rejections(bench, run_id)
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
    stay = [row for row in ROWS if 5 - row.position % 5 in scores]
    assert [record for record, _ in rows] == [row.record for row in stay]
    assert {n for n, _, _ in dropped} == {row.position for row in ROWS if row not in stay}
    for n, reason, text in dropped:
        assert n is not None
        assert reason == "judged_low"
        assert json.loads(text) == {"score": 5 - n % 5, "reason": f"Because it is {n}."}


def test_the_numbers_of_a_review_add_up(open_bench: OpenBench) -> None:
    with open_bench(judge, prices=PRICES) as bench:
        run_id = start(bench, stored(bench.context.database, ROWS), "judge")
        seen = bench.work(run_id)
    progress, funnel = seen.progress, seen.funnel
    assert (progress.target, progress.complete) == (35, 35)
    assert progress.accepted == progress.instances == funnel.accepted == funnel.instances == 14
    assert progress.acceptance_rate == 14 / 35
    assert funnel.parsed == funnel.accepted + sum(funnel.rejected.values()) == 35
    assert funnel.rejected == {"judged_low": 21}
    assert list(seen.stages) == ["review"]
    assert seen.stages["review"].done == 35
    assert seen.cost_usd


def test_a_judge_that_fails_is_counted_and_its_rows_never_stay(open_bench: OpenBench) -> None:
    def failing(call: ScriptedCall) -> ScriptedReply:
        n = number_of(call)
        if n is not None and n % 5 == 0:
            return ScriptedReply("It is excellent, without any doubt.")
        if n is not None and n % 5 == 1:
            return ScriptedReply(status=400, error={"message": "no", "code": "content_filter"})
        return judge(call)

    with open_bench(failing) as bench:
        dataset_id = stored(bench.context.database, ROWS)
        run_id = start(bench, dataset_id, "judge", max_attempts=2)
        seen = bench.work(run_id)
        dropped = rejections(bench, run_id)
        assert made(bench, run_id) == []
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
    assert seen.funnel.rejected == {"judge_failed": 14, "judged_low": 21}
    assert seen.funnel.instances_rejected == {"unreadable": 14}
    assert seen.funnel.parsed == seen.progress.complete == 35
    assert seen.stages["review"].dead == 14
    failed = {n for n, reason, _ in dropped if reason == "judge_failed"}
    assert failed == {n for n in range(35) if n % 5 < 2}


def test_an_unreadable_judge_is_asked_again_and_then_heard(open_bench: OpenBench) -> None:
    def stammering(call: ScriptedCall) -> ScriptedReply:
        if number_of(call) is not None and call.parameters["temperature"] == 0:
            return ScriptedReply("Hm.")
        return judge(call)

    with open_bench(stammering) as bench:
        run_id = start(bench, stored(bench.context.database, ROWS), "judge")
        seen = bench.work(run_id)
    assert seen.end_reason == "target_met"
    assert seen.progress.accepted == 14
    assert seen.funnel.instances_rejected == {"unreadable": 35}


def test_a_model_that_never_says_anything_ends_the_review_before_it_has_cost_much(
    open_bench: OpenBench,
) -> None:
    def silent(call: ScriptedCall) -> ScriptedReply:
        return judge(call) if number_of(call) is None else ScriptedReply("Fine.")

    with open_bench(silent) as bench:
        dataset_id = stored(bench.context.database, some_rows(300))
        run_id = start(bench, dataset_id, "judge", max_attempts=1, dry_after=10)
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("failed", "dry")
        assert "judge_failed (review)" in str(seen.message)
        assert 10 <= seen.progress.complete < 60
        # It may be tried again, as far again.
        control.resume_run(bench.context, run_id)
        again = bench.work(run_id)
    assert again.end_reason == "dry"
    assert 20 <= again.progress.complete < 110


@pytest.mark.parametrize("profile", ["re_answer", "judge"])
def test_a_review_that_is_stopped_again_and_again_ends_with_the_same_rows(
    open_bench: OpenBench, profile: str
) -> None:
    def script(call: ScriptedCall) -> ScriptedReply:
        return (judge if profile == "judge" else teacher)(call)

    with open_bench(script) as bench:
        dataset_id = stored(bench.context.database, some_rows(120))
        whole, pieces = (start(bench, dataset_id, profile) for _ in range(2))
        bench.work(whole)
        stops = 0
        for most in range(3, 1000, 3):
            stops += 1
            if bench.work(pieces, after_looks(most)).ended_at:
                break
        assert stops > 3, "it was never interrupted"
        assert bench.alpaca(pieces) == bench.alpaca(whole)
        assert _kept(bench, pieces) == _kept(bench, whole)
        seen = bench.view(pieces)
    assert seen.progress.complete == seen.stages["review"].done == 120


def _kept(bench: Bench, run_id: str) -> list[Any]:
    rows = [(record, origin["position"]) for record, origin in made(bench, run_id)]
    return [*rows, *rejections(bench, run_id)]


def test_throttles_outages_and_broken_replies_lose_no_row(open_bench: OpenBench) -> None:
    troubles = {
        0: ScriptedReply(status=429, error={"message": "slow"}),
        1: ScriptedReply(status=503, error={"message": "busy"}),
        2: ScriptedReply(raw=b'{"choices": [{"message": {"con'),
    }
    met: set[int] = set()

    def troubled(call: ScriptedCall) -> ScriptedReply:
        n = number_of(call)
        if n is None or n in met:
            return teacher(call)
        met.add(n)
        return troubles.get(n % 4) or teacher(call)

    with open_bench(troubled, outage_patience_s=30.0) as bench:
        dataset_id = stored(bench.context.database, ROWS[:20])
        run_id = start(bench, dataset_id, "re_answer", max_attempts=10)
        seen = bench.work(run_id)
        rows = made(bench, run_id)
        assert bench.server.counts.calls >= 1 + 20 + 15
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
    assert [origin["position"] for *_, origin in rows] == [n for n in range(20) if n % 7 != 6]
    assert all(record.output.startswith("new answer") for record, *_ in rows)


def test_a_budget_pauses_a_review_is_never_passed_and_more_lets_it_go_on(
    open_bench: OpenBench,
) -> None:
    with open_bench(teacher) as bench:
        dataset_id = stored(bench.context.database, ROWS)
        wanted = request(dataset_id, "re_answer", Caps(calls=20))
        run_id = control.start_run(bench.context, wanted, None).id
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "budget")
        assert bench.server.counts.calls == 20
        extend_run(bench.context, run_id, Extension(caps=Caps(calls=100)))
        seen = bench.work(run_id)
        assert seen.end_reason == "target_met"
        # The endpoint is asked anew what it can do.
        assert bench.server.counts.calls == 35 + 1 + 1
        assert seen.progress.complete == 35


def test_a_review_has_no_target_to_raise(open_bench: OpenBench) -> None:
    with open_bench(teacher) as bench:
        run_id = start(bench, stored(bench.context.database, ROWS), "re_answer")
        with pytest.raises(InvalidInput) as refused:
            extend_run(bench.context, run_id, Extension(target=50))
    assert [fault.field for fault in refused.value.faults] == ["target"]


@pytest.mark.parametrize(
    ("batch", "steps"),
    [
        ("off", [(0, 2_000), (0, 2_000), (999, 2_000), (1_000, 3_000), (3_000, 5_000)]),
        ("later_stages", [(0, 10_000), (0, 20_000), (0, 25_000), (5_000, 25_000)]),
    ],
)
def test_rows_are_planned_ahead_a_part_at_a_time(
    open_bench: OpenBench, batch: str, steps: list[tuple[int, int]]
) -> None:
    with open_bench(judge) as bench:
        run_id = start(bench, stored(bench.context.database, ROWS), "judge", batch=batch)
        with bench.context.database.write() as session:
            run = session.get_one(Run, run_id)
            run.rows_to_review = 25_000
            for complete, planned in steps:
                run.complete = complete
                plan_work.plan_rows(session, run)
                assert run.tickets_issued == planned
            ordinal = WorkItem.ordinal
            ordinals = select(func.count(), func.min(ordinal), func.max(ordinal))
            assert session.execute(ordinals).one() == (planned, 0, planned - 1)


def test_rows_are_streamed_in_order_and_wait_for_those_before_them(open_bench: OpenBench) -> None:
    def last_first(call: ScriptedCall) -> ScriptedReply:
        n = number_of(call)
        slow = n is not None and n % 8 == 0
        return replace(judge(call), delay_s=0.3 if slow else 0.0)

    with open_bench(last_first) as bench:
        run_id = start(bench, stored(bench.context.database, ROWS), "judge")
        streamed: list[Record] = []
        growing = run_rows.growing_rows(bench.context, run_id)
        for most in range(4, 1000, 4):
            ended = bench.work(run_id, after_looks(most)).ended_at
            streamed += _until_it_waits(growing)
            if ended:
                break
        whole = list(run_rows.rows(bench.context, run_id))
    assert streamed == whole
    assert len(whole) == 14


def _until_it_waits(rows: Iterator[Record | None]) -> Iterator[Record]:
    for row in rows:
        if row is None:
            return
        yield row


def test_rows_that_are_decided_are_counted_up_to_the_first_that_is_not(
    open_bench: OpenBench,
) -> None:
    with open_bench(judge) as bench:
        run_id = start(bench, stored(bench.context.database, ROWS), "judge")
        with bench.context.database.write() as session:
            run = session.get_one(Run, run_id)
            assert reviewed_rows.decided_until(session, run) == 0
            plan_work.plan_rows(session, run)
            session.flush()
            assert reviewed_rows.decided_until(session, run) == 0
        bench.work(run_id)
        with bench.context.database.read() as session:
            run = session.get_one(Run, run_id)
            assert reviewed_rows.decided_until(session, run) == 35
            assert dataset_rows.count_run_rows(session, run_id, 35) == 14
            assert dataset_rows.count_run_rows(session, run_id, 5) == 2


def test_a_version_that_is_being_reviewed_is_known_to_be_needed(open_bench: OpenBench) -> None:
    with open_bench(judge) as bench:
        dataset_id = stored(bench.context.database, ROWS)
        run_id = start(bench, dataset_id, "judge")
        with bench.context.database.read() as session:
            assert reviewed_rows.unfinished_of(session, dataset_id) == (run_id, "queued")
        bench.work(run_id)
        with bench.context.database.read() as session:
            assert reviewed_rows.unfinished_of(session, dataset_id) is None


@pytest.mark.parametrize(
    "state", [DatasetState.QUEUED, DatasetState.MAKING, DatasetState.FAILED, DatasetState.DELETED]
)
def test_only_a_data_set_that_is_ready_can_be_reviewed(open_bench: OpenBench, state: str) -> None:
    with open_bench(judge) as bench:
        dataset_id = stored(bench.context.database, ROWS, state)
        for what in (dataset_id, "dataset_nowhere", "a\x00b"):
            with pytest.raises(InvalidInput) as refused:
                start(bench, what, "judge")
            assert [fault.field for fault in refused.value.faults] == ["dataset_id"]
            with pytest.raises(InvalidInput):
                control.estimate_run(bench.context, request(what, "judge"))


def test_a_data_set_without_rows_is_not_reviewed(open_bench: OpenBench) -> None:
    with open_bench(judge) as bench:
        dataset_id = stored(bench.context.database, [])
        with pytest.raises(InvalidInput, match="cannot be reviewed"):
            start(bench, dataset_id, "judge")


def test_a_profile_gets_only_what_it_is_made_for(open_bench: OpenBench) -> None:
    with open_bench(judge) as bench:
        dataset_id = stored(bench.context.database, ROWS)
        with pytest.raises(InvalidInput) as refused:
            start(bench, dataset_id, "default")
        assert [fault.field for fault in refused.value.faults] == ["options.profile"]
        wanted = RunRequest(None, SEEDS, RunOptions(profile="judge"))
        with pytest.raises(InvalidInput) as refused:
            control.start_run(bench.context, wanted, None)
        assert [fault.field for fault in refused.value.faults] == ["dataset_id"]


def test_an_estimate_is_made_of_the_rows_texts_and_then_of_earlier_reviews(
    open_bench: OpenBench,
) -> None:
    long = [
        replace(row, record=replace(row.record, input="words " * 1_000)) for row in some_rows(300)
    ]
    with open_bench(judge, prices=PRICES) as bench:
        short_id, long_id = (
            stored(bench.context.database, rows) for rows in (some_rows(300), long)
        )
        short, longer = (
            control.estimate_run(bench.context, request(id_, "judge"))
            for id_ in (short_id, long_id)
        )
        assert short.calls == longer.calls == 302
        assert longer.prompt_tokens > short.prompt_tokens + 300 * 1_000
        assert (short.from_experience, short.accepted_per_call) == (False, 1.0)
        assert short.cost_usd is not None
        assert longer.cost_usd is not None
        assert longer.cost_usd > short.cost_usd
        halved = control.estimate_run(
            bench.context, request(short_id, "judge", batch="later_stages")
        )
        assert halved.cost_usd is not None
        assert halved.cost_usd < 0.6 * float(short.cost_usd)
        run_id = start(bench, short_id, "judge")
        left = estimate_extension(bench.context, run_id, Extension())
        assert left.stages == short.stages
        bench.work(run_id)
        known = control.estimate_run(bench.context, request(short_id, "judge"))
        done = estimate_extension(bench.context, run_id, Extension())
    assert (known.from_experience, known.accepted_per_call) == (True, 0.4)
    assert done.stages[Stage.REVIEW].calls == 0


def test_the_same_key_with_another_data_set_is_another_request() -> None:
    one, other = (request(id_, "judge").hashed() for id_ in ("dataset_1", "dataset_2"))

    assert not set(one.both) & set(other.both)
