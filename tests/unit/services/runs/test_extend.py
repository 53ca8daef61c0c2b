"""Extending a run: new totals, never smaller ones, and what continues then."""

from decimal import Decimal
from typing import Any

import pytest

from app.errors import Conflict, InvalidInput, NotFound
from app.pipeline.budget import NO_CAPS, Caps
from app.pipeline.options import RunOptions
from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.runs import control, lists
from app.services.runs.extend import Extension, estimate_extension, extend_run
from app.services.runs.run_request import RunRequest
from app.states import EndReason, Status
from app.store.tables.runs import Run, RunEvent
from tests.bench import SEEDS
from tests.review_runs import some_rows, stored

CAPS = Caps(calls=50, tokens=500, usd=Decimal(5))


def start(context: ServiceContext, caps: Caps = NO_CAPS, **options: Any) -> str:
    return control.start_run(context, RunRequest(None, SEEDS, RunOptions(**options), caps), None).id


def end(
    context: ServiceContext, run_id: str, status: Status, reason: EndReason | None = None
) -> None:
    with context.database.write() as session:
        run = session.get_one(Run, run_id)
        run.status, run.end_reason = status, reason


def extensions(context: ServiceContext, run_id: str) -> list[Any]:
    page = lists.list_parts(context, RunEvent, run_id, cursor=None, limit=100)
    return [event.data for event in page.items if event.kind == "extended"]


def review(context: ServiceContext, rows: int) -> str:
    dataset_id = stored(context.database, some_rows(rows))
    request = RunRequest(None, None, RunOptions(profile="judge"), dataset_id=dataset_id)
    return control.start_run(context, request, None).id


def test_a_higher_target_continues_a_run_that_had_met_its_target(context: ServiceContext) -> None:
    run_id = start(context, CAPS, target=20)
    end(context, run_id, Status.SUCCEEDED, EndReason.TARGET_MET)
    for _ in range(2):
        run = extend_run(context, run_id, Extension(target=30))
        assert (run.status, run.options["target"]) == (Status.QUEUED, 30)
    assert extensions(context, run_id) == [
        {"target": 30, "caps": {"calls": 50, "tokens": 500, "usd": "5"}}
    ]


def test_more_money_alone_continues_no_run_that_had_met_its_target(context: ServiceContext) -> None:
    run_id = start(context, CAPS, target=20)
    end(context, run_id, Status.SUCCEEDED, EndReason.TARGET_MET)
    run = extend_run(context, run_id, Extension(caps=Caps(usd=Decimal(6))))
    assert (run.status, run.max_cost_usd) == (Status.SUCCEEDED, Decimal(6))


@pytest.mark.parametrize(
    ("caps", "expected"),
    [
        (Caps(calls=60), (60, 500, Decimal(5))),
        (Caps(tokens=600), (50, 600, Decimal(5))),
        (Caps(usd=Decimal(6)), (50, 500, Decimal(6))),
    ],
)
def test_a_larger_cap_continues_a_run_that_its_caps_paused(
    context: ServiceContext, caps: Caps, expected: tuple[int, int, Decimal]
) -> None:
    run_id = start(context, CAPS, target=20)
    end(context, run_id, Status.PAUSED, EndReason.BUDGET)
    # A higher target alone does not help it.
    assert extend_run(context, run_id, Extension(target=30)).status == Status.PAUSED
    run = extend_run(context, run_id, Extension(caps=caps))
    assert run.status == Status.QUEUED
    assert (run.max_calls, run.max_tokens, run.max_cost_usd) == expected


def test_a_run_that_a_person_paused_stays_paused(context: ServiceContext) -> None:
    run_id = start(context, target=20)
    control.pause_run(context, run_id)
    caps = Caps(calls=9)
    run = extend_run(context, run_id, Extension(target=30, caps=caps))
    assert (run.status, run.max_calls) == (Status.PAUSED, 9)
    assert extensions(context, run_id) == [
        {"target": 30, "caps": {"calls": 9, "tokens": None, "usd": None}}
    ]


def test_an_extension_that_changes_nothing_is_no_event(context: ServiceContext) -> None:
    run_id = start(context, CAPS, target=20)
    for extension in (Extension(), Extension(target=20, caps=CAPS)):
        assert extend_run(context, run_id, extension).status == Status.QUEUED
    assert extensions(context, run_id) == []


@pytest.mark.parametrize(
    ("extension", "field"),
    [
        (Extension(target=19), "target"),
        (Extension(caps=Caps(calls=49)), "budget.max_calls"),
        (Extension(caps=Caps(tokens=499)), "budget.max_tokens"),
        (Extension(caps=Caps(usd=Decimal("4.99"))), "budget.max_cost_usd"),
    ],
)
def test_no_number_becomes_smaller(
    context: ServiceContext, extension: Extension, field: str
) -> None:
    run_id = start(context, CAPS, target=20)
    with pytest.raises(InvalidInput, match="can only raise") as refused:
        extend_run(context, run_id, extension)
    (fault,) = refused.value.faults
    assert fault.field == field
    assert fault.message.startswith("must be at least the present ")
    assert extensions(context, run_id) == []


def test_money_is_capped_only_with_a_price(context: ServiceContext) -> None:
    run_id = start(context, model="dear", target=20)
    with pytest.raises(InvalidInput) as refused:
        extend_run(context, run_id, Extension(caps=Caps(usd=Decimal(1))))
    assert [fault.field for fault in refused.value.faults] == ["budget.max_cost_usd"]


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.CANCELLING])
def test_a_cancelled_run_is_not_extended(context: ServiceContext, status: Status) -> None:
    run_id = start(context, target=20)
    end(context, run_id, status)
    with pytest.raises(Conflict, match="A cancelled run can't be extended"):
        extend_run(context, run_id, Extension(target=30))


def test_a_review_has_no_target(context: ServiceContext) -> None:
    run_id = review(context, 5)
    with pytest.raises(InvalidInput, match="no target"):
        extend_run(context, run_id, Extension(target=30))
    assert extend_run(context, run_id, Extension(caps=Caps(calls=9))).max_calls == 9


def test_a_run_that_is_not_there_is_not_extended(context: ServiceContext) -> None:
    for act in (extend_run, estimate_extension):
        with pytest.raises(NotFound):
            act(context, "run_none", Extension())


def test_an_extension_is_estimated_by_what_is_missing(context: ServiceContext) -> None:
    run_id = start(context, target=20)
    with context.database.write() as session:
        run = session.get_one(Run, run_id)
        run.accepted, run.complete = 15, 12
    whole = control.estimate_run(context, RunRequest(None, SEEDS, RunOptions(target=5)))
    left = estimate_extension(context, run_id, Extension())
    assert left.stages[Stage.GENERATE] == whole.stages[Stage.GENERATE]
    # Three more instructions still lack their instances.
    assert left.stages[Stage.INSTANTIATE].calls == 5 + 3
    assert (
        estimate_extension(context, run_id, Extension(target=25)).stages[Stage.CLASSIFY].calls == 13
    )


def test_a_review_is_estimated_by_the_rows_that_are_left(context: ServiceContext) -> None:
    run_id = review(context, 5)
    with context.database.write() as session:
        session.get_one(Run, run_id).complete = 2
    assert estimate_extension(context, run_id, Extension()).stages[Stage.REVIEW].calls == 3
