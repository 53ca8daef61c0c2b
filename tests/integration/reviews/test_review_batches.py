"""Reviews by the Batch API, and by several workers that die: the same rows as by calls."""

import random

import pytest
from sqlalchemy import select

from app.llm.scripted.batch import BatchPlan
from app.pipeline.budget import Caps
from app.pipeline.types import Stage
from app.services.runs import control
from app.store.tables.completions import CompletionRow
from tests.bench import OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.batches.batch_runs import (
    ON_ONE_DATABASE,
    PRICES,
    always,
    batches_of,
    check_books,
    first,
    paid,
    settle,
)
from tests.integration.runs.crew import Mishaps, crew_of
from tests.review_runs import judge, request, some_rows, start, stored, teacher

pytestmark = MOSTLY_POSTGRESQL

ROWS = some_rows(40)


@pytest.mark.parametrize("profile", ["judge", "re_answer"])
def test_a_review_by_batch_makes_the_same_rows_as_by_calls_at_half_the_price(
    open_bench: OpenBench, profile: str
) -> None:
    script = judge if profile == "judge" else teacher
    with open_bench(script, batches=always(BatchPlan(backwards=True)), prices=PRICES) as bench:
        dataset_id = stored(bench.context.database, ROWS)
        ordinary = start(bench, dataset_id, profile)
        by_calls = bench.work(ordinary)
        before = paid(bench)
        run_id = start(bench, dataset_id, profile, batch="later_stages")
        seen = settle(bench, run_id)
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
        assert bench.alpaca(run_id) == bench.alpaca(ordinary)
        assert seen.funnel == by_calls.funnel
        check_books(bench, run_id, before)
        with bench.context.database.read() as session:
            by_call = session.scalars(
                select(CompletionRow.stage)
                .where(CompletionRow.run_id == run_id, CompletionRow.batch_id.is_(None))
                .distinct()
            ).all()
        assert by_call == ["preflight"]
        assert {one.stage for one in batches_of(bench, run_id)} == {"review"}
    assert seen.cost_usd is not None
    assert by_calls.cost_usd is not None
    assert seen.cost_usd < 0.6 * float(by_calls.cost_usd)


@ON_ONE_DATABASE
def test_what_a_batch_lacks_is_reviewed_by_calls(open_bench: OpenBench) -> None:
    with open_bench(judge, batches=first(BatchPlan(expires_after=15)), prices=PRICES) as bench:
        run_id = start(bench, stored(bench.context.database, ROWS), "judge", batch="later_stages")
        seen = settle(bench, run_id)
        assert seen.end_reason == "target_met"
        assert seen.progress.complete == seen.funnel.parsed == 40
        check_books(bench, run_id)


def test_workers_that_die_and_share_a_review_make_the_same_rows_within_its_budget(
    open_bench: OpenBench, database_url: str
) -> None:
    mishaps = Mishaps(random.Random(3), killed=0.3, stopped=0.3, answers_lost=0.05)
    with open_bench(judge, prices=PRICES, lease_s=1.0, slice_s=1.0) as bench:
        dataset_id = stored(bench.context.database, some_rows(150))
        whole = start(bench, dataset_id, "judge")
        bench.work(whole)
        before = bench.server.counts.calls
        caps = Caps(calls=400)
        wanted = request(dataset_id, "judge", caps, workers=3)
        run_id = control.start_run(bench.context, wanted, None).id

        def is_over() -> bool:
            return control.get_run(bench.context, run_id).status in {"succeeded", "paused"}

        with crew_of(bench.context, database_url, 3, mishaps) as crew:
            crew.run_ids.append(run_id)
            crew.wait_until(is_over, within_s=120.0)
        seen = bench.view(run_id)
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
        assert bench.alpaca(run_id) == bench.alpaca(whole)
        assert seen.progress.complete == seen.stages[Stage.REVIEW].done == 150
        assert (
            seen.funnel.asked + seen.budget.written_off.calls >= bench.server.counts.calls - before
        )
        assert bench.server.counts.calls - before <= 400
        assert crew.lost
