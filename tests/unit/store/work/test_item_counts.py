"""Work items of a run, counted by stage, state and trouble."""

from decimal import Decimal

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Stage
from app.states import ItemState
from app.store.tables.work import WorkItem
from app.store.work import item_counts, work_items
from app.store.work.work_items import Planned
from tests.unit.store.rows import add_run, plan


@pytest.mark.parametrize("state", [*ItemState])
def test_some_states_are_unfinished(session: Session, state: ItemState) -> None:
    run = add_run(session)
    assert not item_counts.any_unfinished(session, run.id)
    plan(session, run)
    session.execute(update(WorkItem).values(state=state))
    unfinished = state in {"open", "leased", "answered"}
    assert item_counts.any_unfinished(session, run.id) is unfinished
    assert item_counts.any_unfinished(session, run.id, Stage.GENERATE) is unfinished
    assert not item_counts.any_unfinished(session, run.id, Stage.CLASSIFY)
    assert not item_counts.any_unfinished(session, "run_b")


def test_work_for_calls_is_open_and_waits_for_no_batch(session: Session) -> None:
    run = add_run(session)
    assert not item_counts.any_open(session, run.id)
    plan(session, run)
    assert item_counts.any_open(session, run.id)
    assert not item_counts.any_open(session, "run_b")
    session.execute(update(WorkItem).values(by_batch=True))
    assert not item_counts.any_open(session, run.id)


@pytest.mark.parametrize("state", [*ItemState])
def test_an_item_is_answered_once_its_reply_is_there(session: Session, state: ItemState) -> None:
    run = add_run(session)
    plan(session, run)
    session.execute(update(WorkItem).values(state=state))
    is_answered = state in {"answered", "done"}
    assert item_counts.any_answered(session, run.id, Stage.GENERATE) is is_answered
    assert not item_counts.any_answered(session, run.id, Stage.CLASSIFY)
    assert not item_counts.any_answered(session, "run_b", Stage.GENERATE)


def test_items_are_counted_by_stage_and_state(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    first, _, _ = plan(session, run, count=3)
    plan(session, run, Stage.CLASSIFY)
    plan(session, other)
    work_items.lease(session, "one", {first: NOTHING})
    assert sorted(item_counts.counts(session, run.id)) == [
        ("classify", "open", 1),
        ("generate", "leased", 1),
        ("generate", "open", 2),
    ]


def test_troubles_are_counted_by_stage_the_most_frequent_first(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    ids = [*plan(session, run, count=3), *plan(session, run, Stage.CLASSIFY)]
    foreign = plan(session, other)
    for id_, trouble in zip([*ids, *foreign], ["b", "a", "a", None, "a"], strict=True):
        values = {"state": ItemState.DEAD, "trouble": trouble}
        session.execute(update(WorkItem).where(WorkItem.id == id_).values(values))
    counted = [("generate", "a", 2), ("classify", "", 1), ("generate", "b", 1)]
    assert item_counts.given_up(session, run.id) == counted
    assert item_counts.refused(session, run.id) == []
    session.execute(update(WorkItem).values(state=ItemState.REFUSED))
    assert item_counts.refused(session, run.id) == counted
    assert item_counts.given_up(session, run.id) == []


def test_items_in_flight_are_counted_with_what_they_reserve(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    first, second, _ = plan(session, run, count=3)
    [third] = plan(session, run, Stage.CLASSIFY)
    [foreign] = plan(session, other)
    work_items.lease(session, "one", {first: Amount(1, 100, Decimal("0.5")), second: NOTHING})
    work_items.lease(session, "two", {third: Amount(1, 7, Decimal(1))})
    work_items.lease(session, "two", {foreign: Amount(1, 1000, Decimal(9))})
    assert item_counts.in_flight(session, run.id, Stage.GENERATE) == 2
    assert item_counts.in_flight(session, run.id, Stage.INSTANTIATE) == 0
    # What goes by batch reserves no call.
    assert item_counts.reserved(session, run.id) == Amount(2, 107, Decimal("1.5"))


def test_ordinals_are_found_by_item_and_by_stage(session: Session) -> None:
    run = add_run(session)
    planned = [Planned(Stage.GENERATE, n, {}) for n in (4, 6)]
    work_items.plan(session, run, [*planned, Planned(Stage.CLASSIFY, 5, {})])
    assert item_counts.ordinals(session, {1, 3}) == {1: 4, 3: 5}
    assert item_counts.ordinals_of_stage(session, run.id, Stage.GENERATE) == {4, 6}
    assert item_counts.ordinals_of_stage(session, "run_b", Stage.GENERATE) == set()
