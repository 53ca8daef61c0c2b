"""Work items: planned, claimed, leased, settled, reopened and counted."""

from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Stage
from app.states import ItemState
from app.store.tables.work import WorkItem
from app.store.work import item_counts, work_items
from app.store.work.tickets import next_tickets
from app.store.work.work_items import Item, Planned, Settled, Standing
from tests.unit.store.rows import add_run, plan


def states(session: Session) -> list[str]:
    return list(session.scalars(select(WorkItem.state).order_by(WorkItem.id)))


def item(session: Session, id_: int) -> WorkItem:
    return session.get_one(WorkItem, id_, populate_existing=True)


def test_planned_items_are_open_with_their_stage(session: Session) -> None:
    run = add_run(session, batch_stages=["classify"])
    work_items.plan(session, run, [])
    planned = [Planned(Stage.GENERATE, 4, {"a": 1}), Planned(Stage.CLASSIFY, 5, {})]
    work_items.plan(session, run, planned)
    assert work_items.find_open(session, run.id, 10) == (Item(1, Stage.GENERATE, 4, {"a": 1}, 0),)
    assert states(session) == ["open", "open"]
    assert [item(session, n).by_batch for n in (1, 2)] == [False, True]


def test_later_stages_go_first_then_the_oldest(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    stages = [Stage.GENERATE, Stage.CLASSIFY, Stage.INSTANTIATE, Stage.CALIBRATE, Stage.GENERATE]
    for stage in stages:
        plan(session, run, stage)
    plan(session, other, Stage.CALIBRATE)
    found = work_items.find_open(session, run.id, 10)
    assert [one.id for one in found] == [4, 3, 2, 1, 5]
    assert [one.id for one in work_items.find_open(session, run.id, 2)] == [4, 3]
    excluded = work_items.find_open(session, run.id, 2, excluding={4, 2})
    assert [one.id for one in excluded] == [3, 1]
    session.execute(update(WorkItem).where(WorkItem.id.in_([3, 4])).values(attempts=1))
    found = work_items.find_open(session, run.id, 10, unfailed_first=True)
    assert [one.id for one in found] == [2, 1, 5, 4, 3]
    assert [one.attempts for one in found] == [0, 0, 0, 1, 1]


def test_leased_items_have_their_token_and_reserve_for_a_call(session: Session) -> None:
    run = add_run(session)
    first, second = plan(session, run, count=2)
    session.execute(update(WorkItem).values(by_batch=True))
    work_items.lease(session, "one", {})
    assert states(session) == ["open", "open"]
    amounts = {first: Amount(1, 100, Decimal("0.5")), second: NOTHING}
    work_items.lease(session, "one", amounts)
    assert states(session) == ["leased", "leased"]
    assert not item(session, first).by_batch
    assert item(session, second).reserved_tokens is None
    assert work_items.leased_by(session, run.id, "one") == amounts
    assert work_items.leased_by(session, run.id, "two") == {}
    assert work_items.leased_by(session, "run_b", "one") == {}
    assert item_counts.reserved(session, run.id) == Amount(1, 100, Decimal("0.5"))
    assert item_counts.reserved(session, "run_b") == NOTHING
    assert not item_counts.any_open(session, run.id)


def test_the_fence_tells_own_open_and_lost_items_apart(session: Session) -> None:
    run = add_run(session)
    own, lost, reopened, done = plan(session, run, count=4)
    work_items.lease(session, "one", dict.fromkeys((own, reopened, done), NOTHING))
    work_items.lease(session, "two", {lost: NOTHING})
    work_items.reopen(session, [reopened], "one")
    work_items.settle(session, [Settled(done, ItemState.DONE, 7)])
    assert work_items.standings(session, [own, lost, reopened, done], "one") == {
        own: Standing.OURS,
        lost: Standing.GONE,
        reopened: Standing.OPEN,
        done: Standing.GONE,
    }


def test_a_settled_item_has_its_reply_and_reserves_nothing(session: Session) -> None:
    run = add_run(session)
    (id_,) = plan(session, run)
    work_items.lease(session, "one", {id_: Amount(1, 5)})
    work_items.settle(session, [])
    work_items.settle(session, [Settled(id_, ItemState.ANSWERED, 9)])
    settled = item(session, id_)
    assert (settled.state, settled.completion_id, settled.token) == ("answered", 9, None)
    assert item_counts.reserved(session, run.id) == NOTHING


def test_a_failed_attempt_reopens_the_item_until_it_is_dead(session: Session) -> None:
    run = add_run(session)
    (id_,) = plan(session, run)
    for attempts, is_dead in ((1, False), (2, False), (3, True)):
        work_items.lease(session, "one", {id_: Amount(1, 5)})
        claimed = Item(id_, Stage.GENERATE, 0, {}, attempts - 1)
        assert work_items.record_failed_attempt(session, claimed, f"no {attempts}", 3) is is_dead
        failed = item(session, id_)
        assert failed.state == ("dead" if is_dead else "open")
        assert (failed.attempts, failed.trouble) == (attempts, f"no {attempts}")
        assert (failed.token, failed.reserved_tokens) == (None, None)


def test_only_what_a_token_leases_is_reopened(session: Session) -> None:
    run = add_run(session)
    own, lost, left = plan(session, run, count=3)
    work_items.lease(session, "one", {own: Amount(1, 5), left: NOTHING})
    work_items.lease(session, "two", {lost: NOTHING})
    work_items.reopen(session, [own, lost], "one")
    assert states(session) == ["open", "leased", "leased"]
    assert (item(session, own).token, item(session, own).reserved_tokens) == (None, None)
    assert item(session, own).attempts == 0


def test_open_items_of_a_stage_are_dropped(session: Session) -> None:
    run, other = add_run(session), add_run(session, "run_b")
    leased, _ = plan(session, run, count=2)
    plan(session, run, Stage.CLASSIFY)
    plan(session, other)
    work_items.lease(session, "one", {leased: NOTHING})
    work_items.drop_open(session, run.id, Stage.GENERATE)
    assert states(session) == ["leased", "dropped", "open", "open"]


def test_tickets_are_admitted_in_order_up_to_the_first_gap(session: Session) -> None:
    run = add_run(session)
    ids = plan(session, run, count=20)
    plan(session, run, Stage.CLASSIFY)
    assert next_tickets(session, run.id, 0) == []
    for n in (0, 1, 2, 4):
        work_items.settle(session, [Settled(ids[n], ItemState.ANSWERED, 100 + n)])
    session.execute(update(WorkItem).where(WorkItem.id == ids[1]).values(state="dead"))
    session.execute(update(WorkItem).where(WorkItem.id == ids[2]).values(state="dropped"))
    found = next_tickets(session, run.id, 0)
    assert [(one.ordinal, one.state, one.shown) for one in found] == [
        (0, ItemState.ANSWERED, 0),
        (1, ItemState.DEAD, 1),
        (2, ItemState.DROPPED, 2),
    ]
    assert (found[0].item_id, found[0].completion_id) == (ids[0], 100)
    assert [one.ordinal for one in next_tickets(session, run.id, 4)] == [4]
    assert next_tickets(session, run.id, 3) == []
    session.execute(update(WorkItem).values(state="answered"))
    assert len(next_tickets(session, run.id, 0)) == 16
