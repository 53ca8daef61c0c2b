"""Work items of batches: waiting, in one, answered, handed back."""

from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Stage
from app.store.tables.work import WorkItem
from app.store.work import batch_items, work_items
from tests.unit.store.rows import add_run, plan


def by_batch(session: Session) -> list[bool]:
    return list(session.scalars(select(WorkItem.by_batch).order_by(WorkItem.id)))


def test_waiting_items_are_read_in_pieces(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    for owner, stage in ((run, Stage.CLASSIFY), (run, Stage.GENERATE), (other, Stage.CLASSIFY)):
        plan(session, owner, stage, count=3)
    assert batch_items.waiting(session, run.id, Stage.CLASSIFY, 0, 9) == []
    session.execute(update(WorkItem).values(by_batch=True))
    first = batch_items.waiting(session, run.id, Stage.CLASSIFY, 0, 2)
    assert [one.id for one in first] == [1, 2]
    assert {one.stage for one in first} == {Stage.CLASSIFY}
    rest = batch_items.waiting(session, run.id, Stage.CLASSIFY, 2, 2)
    assert [one.id for one in rest] == [3]
    session.execute(update(WorkItem).where(WorkItem.id == 1).values(state="done"))
    assert [one.id for one in batch_items.waiting(session, run.id, Stage.CLASSIFY, 0, 9)] == [2, 3]


def test_items_within_a_batch_are_read_in_pieces_and_with_what_they_reserve(
    session: Session,
) -> None:
    run = add_run(session)
    ids = plan(session, run, Stage.CLASSIFY, count=4)
    amount = Amount(1, 50, Decimal("0.25"))
    work_items.lease(session, "batch_1", dict.fromkeys(ids[:3], amount))
    work_items.lease(session, "pump", {ids[3]: NOTHING})
    inside = batch_items.within(session, run.id, "batch_1", 0, 2)
    assert [one.id for one in inside] == ids[:2]
    assert [one.id for one in batch_items.within(session, run.id, "batch_1", ids[1], 9)] == [ids[2]]
    found = batch_items.answered(session, "batch_1", [ids[2], ids[3]])
    assert [(one.id, one.stage, one.ordinal, reserved) for one, reserved in found] == [
        (ids[2], Stage.CLASSIFY, 2, amount)
    ]
    assert batch_items.any_with_pumps(session, run.id, ["batch_1"])
    assert not batch_items.any_with_pumps(session, run.id, ["batch_1", "pump"])
    assert not batch_items.any_with_pumps(session, "run_b", [])


def test_known_ids_are_those_of_the_run_and_stage(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    mine = plan(session, run, Stage.CLASSIFY)
    rest = plan(session, run, Stage.GENERATE) + plan(session, other, Stage.CLASSIFY)
    assert batch_items.known(session, run.id, Stage.CLASSIFY, [*mine, *rest, 999]) == set(mine)


def test_what_is_left_in_a_batch_is_handed_back_to_batches_or_calls(session: Session) -> None:
    run = add_run(session)
    first, second, third = plan(session, run, count=3)
    for by, left in ((True, first), (False, second)):
        work_items.lease(session, "batch_1", {left: Amount(1, 5, Decimal(1))})
        work_items.lease(session, "other", {third: NOTHING})
        batch_items.hand_back(session, run.id, "batch_1", by_batch=by)
        row = session.get_one(WorkItem, left, populate_existing=True)
        assert (row.state, row.by_batch, row.token) == ("open", by, None)
        assert (row.reserved_tokens, row.reserved_usd, row.attempts) == (None, None, 0)
    assert session.get_one(WorkItem, third, populate_existing=True).state == "leased"


def test_items_wait_for_another_batch_or_are_asked_by_calls(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    first, second = plan(session, run, count=2)
    plan(session, run, Stage.CLASSIFY)
    plan(session, other)
    work_items.lease(session, "pump", {second: NOTHING})
    batch_items.wait_again(session, [first, second])
    assert by_batch(session) == [True, False, False, False]
    batch_items.ask_by_call(session, [first])
    assert by_batch(session) == [False, False, False, False]
    session.execute(update(WorkItem).values(by_batch=True, state="open"))
    batch_items.ask_all_by_call(session, run.id, Stage.CLASSIFY)
    assert by_batch(session) == [True, True, False, True]
    batch_items.ask_all_by_call(session, run.id)
    assert by_batch(session) == [False, False, False, True]
