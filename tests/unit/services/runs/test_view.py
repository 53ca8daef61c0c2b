"""The numbers of a run, while it works and when it has ended."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.pipeline.budget import Amount, Caps
from app.pipeline.options import RunOptions
from app.pipeline.types import Rejected, Stage, stages_of
from app.schemas.runs import RunView
from app.services.context import ServiceContext
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.services.runs.view import run_view
from app.states import ItemState, Status, WaitKind
from app.store.runs import waiting
from app.store.runs.waiting import Wait
from app.store.tables.runs import Run
from app.store.tables.work import WorkItem
from app.store.work import instructions
from app.store.work.instructions import Dropped
from tests.bench import SEEDS
from tests.review_runs import some_rows, stored


def start(context: ServiceContext, **columns: Any) -> str:
    caps = Caps(calls=9)
    request = RunRequest(None, SEEDS, RunOptions(target=20), caps)
    run_id = control.start_run(context, request, None).id
    change(context, run_id, **columns)
    return run_id


def change(context: ServiceContext, run_id: str, **columns: Any) -> None:
    with context.database.write() as session:
        run = session.get_one(Run, run_id)
        for name, value in columns.items():
            setattr(run, name, value)


def seen(context: ServiceContext, run_id: str) -> RunView:
    with context.database.read() as session:
        return run_view(session, session.get_one(Run, run_id))


def add_items(context: ServiceContext, run_id: str, *items: tuple[Stage, ItemState]) -> None:
    with context.database.write() as session:
        for n, (stage, state) in enumerate(items):
            session.add(
                WorkItem(run_id=run_id, stage=stage, ordinal=n, priority=0, state=state, subject={})
            )


def drop(context: ServiceContext, run_id: str, stage: Stage, reason: str, count: int) -> None:
    with context.database.write() as session:
        dropped = [Dropped(stage, Rejected("text", reason), None)] * count
        instructions.reject(session, run_id, dropped)


def test_a_finished_run_has_all_its_numbers(grown: ServiceContext) -> None:
    with grown.database.read() as session:
        run = session.scalars(select(Run)).one()
    found = seen(grown, run.id)
    assert (found.status, found.stage, found.end_reason) == (Status.SUCCEEDED, None, "target_met")
    assert (found.progress.accepted, found.progress.complete, found.progress.target) == (6, 6, 6)
    assert (found.progress.time_left_s, found.progress.tokens_per_s) == (None, None)
    assert found.progress.calls_in_air == 0
    assert list(found.stages) == list(stages_of("growing"))
    assert found.stages["classify"].done == 6
    assert found.funnel.asked == run.calls
    classes = (found.funnel.classification, found.funnel.not_classification, found.funnel.unknown)
    assert sum(classes) == found.funnel.accepted == 6
    assert found.funnel.instances == run.instances == found.progress.instances
    assert (found.tokens.prompt, found.tokens.completion) == (
        run.prompt_tokens,
        run.completion_tokens,
    )
    assert found.training_job_ids == []


def test_calls_are_counted_by_stage_and_state(context: ServiceContext) -> None:
    run_id = start(context, capabilities={})
    add_items(
        context,
        run_id,
        (Stage.GENERATE, ItemState.DONE),
        (Stage.GENERATE, ItemState.ANSWERED),
        (Stage.GENERATE, ItemState.DEAD),
        (Stage.CLASSIFY, ItemState.OPEN),
        (Stage.CLASSIFY, ItemState.LEASED),
        (Stage.CLASSIFY, ItemState.LEASED),
        (Stage.INSTANTIATE, ItemState.OPEN),
    )
    found = seen(context, run_id)
    generate, classify = found.stages["generate"], found.stages["classify"]
    assert (generate.open, generate.in_air, generate.done, generate.dead) == (0, 0, 2, 1)
    assert (classify.open, classify.in_air, classify.done, classify.dead) == (1, 2, 0, 0)
    # The first stage with something to do.
    assert found.stage == Stage.CLASSIFY
    assert found.progress.calls_in_air == 2


def test_a_run_that_has_not_begun_is_at_its_preflight(context: ServiceContext) -> None:
    run_id = start(context)
    assert seen(context, run_id).stage == Stage.PREFLIGHT
    change(context, run_id, capabilities={})
    assert seen(context, run_id).stage is None


def test_the_funnel_keeps_candidates_and_later_rejections_apart(context: ServiceContext) -> None:
    run_id = start(context, accepted=6, calls=5)
    drop(context, run_id, Stage.GENERATE, "near_duplicate", 3)
    drop(context, run_id, Stage.GENERATE, "surplus", 2)
    drop(context, run_id, Stage.INSTANTIATE, "unreadable", 4)
    found = seen(context, run_id)
    assert found.funnel.rejected == {"near_duplicate": 3, "surplus": 2}
    assert found.funnel.instances_rejected == {"unreadable": 4}
    assert (found.funnel.parsed, found.funnel.asked) == (11, 5)
    # Candidates after the target was met say nothing about the model.
    assert found.progress.acceptance_rate == pytest.approx(6 / 9)


def test_no_candidate_no_acceptance_rate(context: ServiceContext) -> None:
    assert seen(context, start(context)).progress.acceptance_rate is None


def test_the_time_left_follows_from_what_is_done(context: ServiceContext) -> None:
    began = datetime.now(UTC) - timedelta(seconds=100)
    # 10 of 20 accepted and 6 complete: 16 of 40 halves.
    run_id = start(context, started_at=began, accepted=10, complete=6, status=Status.RUNNING)
    left_s = seen(context, run_id).progress.time_left_s
    assert left_s == pytest.approx(150, rel=0.2)
    for stopped in ({"started_at": None}, {"accepted": 0, "complete": 0}):
        change(context, run_id, **stopped)
        assert seen(context, run_id).progress.time_left_s is None


def test_the_budget_shows_caps_and_what_is_presumed_spent(context: ServiceContext) -> None:
    run_id = start(
        context,
        presumed_spent_calls=2,
        presumed_spent_tokens=30,
        presumed_spent_usd=Decimal("0.5"),
    )
    budget = seen(context, run_id).budget
    assert budget.caps == Caps(calls=9)
    assert budget.written_off == Amount(2, 30, Decimal("0.5"))
    assert budget.in_air == Amount()


def test_a_review_counts_rows(context: ServiceContext) -> None:
    dataset_id = stored(context.database, some_rows(10))
    request = RunRequest(None, None, RunOptions(profile="judge"), dataset_id=dataset_id)
    run_id = control.start_run(context, request, None).id
    began = datetime.now(UTC) - timedelta(seconds=100)
    change(
        context, run_id, accepted=3, complete=5, capabilities={}, started_at=began,
        status=Status.RUNNING,
    )  # fmt: skip
    drop(context, run_id, Stage.REVIEW, "judged_low", 2)
    drop(context, run_id, Stage.REVIEW, "unreadable", 1)
    add_items(context, run_id, (Stage.REVIEW, ItemState.LEASED))
    found = seen(context, run_id)
    assert (list(found.stages), found.stage) == (["review"], Stage.REVIEW)
    assert (found.progress.target, found.progress.complete) == (10, 5)
    assert found.funnel.rejected == {"judged_low": 2}
    assert found.funnel.instances_rejected == {"unreadable": 1}
    assert (found.funnel.parsed, found.funnel.unknown, found.funnel.classification) == (5, 3, 0)
    assert found.progress.time_left_s == pytest.approx(100, rel=0.2)


def test_a_wait_for_the_endpoint_is_shown_with_the_words_of_the_provider(
    context: ServiceContext,
) -> None:
    run_id = start(context, status=Status.RUNNING)
    assert seen(context, run_id).waiting is None
    with context.database.write() as session:
        waiting.begin(session, run_id, Wait(WaitKind.THROTTLE, "Too many requests.", 6.0))
    wait = seen(context, run_id).waiting
    assert wait is not None
    assert (wait.kind, wait.message) == ("throttle", "Too many requests.")
    assert wait.since < datetime.now(UTC)
    with context.database.write() as session:
        waiting.end(session, run_id)
    assert seen(context, run_id).waiting is None
