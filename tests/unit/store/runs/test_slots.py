"""Slots: leased to pumps, shared out fairly, named to workers one at a time."""

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.states import ItemState, Status
from app.store.runs import runs, slots
from app.store.runs.runs import Hold
from app.store.runs.slots import Slot
from app.store.sql import epoch_now
from app.store.tables.runs import Run, RunSlot
from app.store.tables.work import WorkItem
from tests.unit.store.rows import add_run, plan

LIVE, DEAD = 60.0, -60.0


def take(session: Session, run_id: str, slot: int, token: str, lease_s: float = LIVE) -> Hold:
    hold = Hold(run_id, slot, token)
    assert slots.take(session, hold, lease_s)
    return hold


def test_a_slot_is_held_by_its_token(session: Session) -> None:
    add_run(session)
    hold = take(session, "run_a", 0, "one")
    assert slots.holder(session, Slot("run_a", 0)) == "one"
    assert slots.holder(session, Slot("run_a", 1)) is None
    assert slots.is_held(session, hold)
    assert not slots.is_held(session, hold._replace(token="two"))
    assert not slots.take(session, hold._replace(token="two"), LIVE)
    assert slots.release(session, hold)
    assert not slots.release(session, hold)
    assert not slots.is_held(session, hold)


def test_a_heartbeat_learns_the_status_of_the_run(session: Session) -> None:
    add_run(session)
    hold = take(session, "run_a", 0, "one")
    assert slots.extend(session, hold, LIVE) is Status.RUNNING
    runs.move(session, "run_a", Status.CANCELLING)
    assert slots.extend(session, hold, LIVE) is Status.CANCELLING
    assert slots.extend(session, hold._replace(token="two"), LIVE) is None


def test_an_expired_slot_is_freed_unless_its_pump_lives(session: Session) -> None:
    add_run(session, slot_count=3)
    dead = take(session, "run_a", 0, "dead", DEAD)
    live = take(session, "run_a", 2, "live")
    assert slots.expired(session) == [dead]
    assert not slots.release_expired(session, live)
    slots.extend(session, dead, LIVE)
    assert not slots.release_expired(session, dead)
    slots.extend(session, dead, DEAD)
    assert slots.release_expired(session, dead)
    assert not slots.release_expired(session, dead)
    assert slots.expired(session) == []


def test_live_slots_are_listed_in_order(session: Session) -> None:
    add_run(session, slot_count=4)
    assert not slots.any_live(session, "run_a")
    for slot, lease_s in ((3, LIVE), (0, DEAD), (1, LIVE)):
        take(session, "run_a", slot, f"t{slot}", lease_s)
    assert list(slots.live(session, "run_a")) == [1, 3]
    assert slots.any_live(session, "run_a")
    assert not slots.any_live(session, "run_b")


def test_a_token_is_at_work_on_its_own_run_only(session: Session) -> None:
    run = add_run(session)
    add_run(session, "run_b")
    plan(session, run)
    session.execute(update(WorkItem).values(token="one"))

    def at_work(run_id: str) -> bool:
        return bool(session.scalar(select(slots.is_at_work(run_id, WorkItem.token))))

    assert not at_work("run_a")
    take(session, "run_a", 0, "one")
    assert at_work("run_a")
    assert not at_work("run_b")
    take(session, "run_a", 0, "one", DEAD)
    assert not at_work("run_a")


def test_the_neediest_run_has_the_fewest_pumps_and_was_left_first(session: Session) -> None:
    for run_id in ("run_a", "run_b", "run_c"):
        plan(session, add_run(session, run_id))
    assert slots.neediest(session) == Slot("run_a", 0)
    take(session, "run_a", 0, "one")
    assert slots.neediest(session) == Slot("run_b", 0)
    session.execute(update(Run).where(Run.id == "run_b").values(served_at=epoch_now()))
    assert slots.neediest(session) == Slot("run_c", 0)
    session.execute(update(Run).where(Run.id == "run_c").values(served_at=epoch_now() - 5))
    assert slots.neediest(session) == Slot("run_c", 0)
    session.execute(update(Run).where(Run.id == "run_c").values(served_at=epoch_now() + 5))
    assert slots.neediest(session) == Slot("run_b", 0)
    take(session, "run_b", 0, "two")
    take(session, "run_c", 0, "three")
    take(session, "run_b", 1, "four")
    assert slots.neediest(session) in {Slot("run_a", 1), Slot("run_c", 1)}
    assert slots.fewest_elsewhere(session, "run_a") == 1
    take(session, "run_a", 1, "five")
    take(session, "run_c", 1, "six")
    assert slots.neediest(session) is None
    assert slots.fewest_elsewhere(session, "run_a") is None


@pytest.mark.parametrize("status", ["paused", "succeeded", "failed", "cancelled"])
def test_a_run_that_waits_or_has_ended_needs_no_pump(session: Session, status: str) -> None:
    plan(session, add_run(session, status=status))
    assert slots.neediest(session) is None
    assert slots.waiting(session, again_after_s=5.0) == []


def test_a_run_needs_a_second_pump_only_for_open_work_that_calls_do(session: Session) -> None:
    run = add_run(session)
    take(session, "run_a", 0, "one")
    assert slots.neediest(session) is None
    plan(session, run)
    assert slots.neediest(session) == Slot("run_a", 1)
    session.execute(update(WorkItem).values(by_batch=True))
    assert slots.neediest(session) is None
    session.execute(update(WorkItem).values(by_batch=False, state=ItemState.LEASED))
    assert slots.neediest(session) is None
    session.execute(update(WorkItem).values(state=ItemState.OPEN))
    session.execute(update(Run).values(status="queued"))
    assert slots.neediest(session) is None


def test_an_idle_run_needs_a_pump_when_its_time_has_come(session: Session) -> None:
    add_run(session)
    session.execute(update(Run).values(idle_until=epoch_now() + 60))
    assert slots.neediest(session) is None
    session.execute(update(Run).values(idle_until=epoch_now() - 1))
    assert slots.neediest(session) == Slot("run_a", 0)


def test_one_free_slot_of_a_run_is_named_at_a_time(session: Session) -> None:
    plan(session, add_run(session))
    plan(session, add_run(session, "run_b"))
    waiting = slots.waiting(session, again_after_s=5.0)
    assert list(waiting) == [Slot("run_a", 0), Slot("run_b", 0)]
    assert slots.record_notified(session, waiting) == list(waiting)
    # The next slot of each, as the first is not due again.
    assert list(slots.waiting(session, again_after_s=5.0)) == [Slot("run_a", 1), Slot("run_b", 1)]
    assert list(slots.waiting(session, again_after_s=-1.0)) == list(waiting)
    slots.notify_at_once(session, "run_a")
    assert slots.waiting(session, again_after_s=5.0)[0] == Slot("run_a", 0)
    assert slots.record_notified(session, [Slot("run_unknown", 0)]) == []


def test_a_held_slot_keeps_when_it_was_notified(session: Session) -> None:
    add_run(session)
    slots.record_notified(session, [Slot("run_a", 0), Slot("run_a", 1)])
    hold = take(session, "run_a", 0, "one")
    slots.notify_at_once(session, "run_a")
    notified = select(RunSlot.slot).where(RunSlot.notified_at.is_not(None))
    assert session.scalars(notified).all() == [0]
    slots.release(session, hold)
    assert session.scalar(select(func.count()).select_from(notified.subquery())) == 0
