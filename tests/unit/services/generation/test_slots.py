"""Slots: which process works on which run, and what happens to the work of a dead one."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from app.counters import CALLS, LEASES_RECOVERED
from app.pipeline.budget import Amount
from app.pipeline.options import RunOptions
from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.generation import slots
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.states import Status
from app.store.counting import totals
from app.store.database import Database
from app.store.runs import runs
from app.store.runs import slots as stored
from app.store.runs.runs import Hold
from app.store.runs.slots import Slot
from app.store.tables.runs import Run
from app.store.work import work_items
from app.store.work.work_items import Planned
from tests.bench import SEEDS

LONG_S = 60.0
OVER_S = -1.0
"""A lease that has expired as soon as it is given."""
CALL = Amount(1, 100, Decimal("0.5"))
Start = Callable[..., str]


@pytest.fixture
def context(database: Database) -> ServiceContext:
    return ServiceContext(database, [], "m", 1, 1.0, LONG_S)


@pytest.fixture
def start(context: ServiceContext) -> Start:
    def started(workers: int = 2, waiting: int = 3, status: Status | None = Status.RUNNING) -> str:
        request = RunRequest(None, SEEDS, RunOptions(workers=workers))
        run_id = control.start_run(context, request, None).id
        with context.database.write() as session:
            if status is not None:
                assert runs.move(session, run_id, status)
            items = [Planned(Stage.GENERATE, n, {}) for n in range(waiting)]
            work_items.plan(session, session.get_one(Run, run_id), items)
        return run_id

    return started


def take(context: ServiceContext, hold: Hold, lease_s: float = LONG_S) -> bool:
    return context.database.retrying(lambda session: slots.take(session, hold, lease_s))


def lease_all(context: ServiceContext, hold: Hold) -> None:
    with context.database.write() as session:
        items = work_items.find_open(session, hold.run_id, 10)
        work_items.lease(session, hold.token, {item.id: CALL for item in items})


def open_items(context: ServiceContext, run_id: str) -> int:
    with context.database.read() as session:
        return len(work_items.find_open(session, run_id, 10))


def test_a_run_that_waits_for_a_person_or_has_ended_has_no_slot_to_take(
    context: ServiceContext, start: Start
) -> None:
    assert not take(context, Hold("run_unknown", 0, "t"))
    assert not take(context, Hold(start(status=Status.PAUSED), 0, "t"))
    assert take(context, Hold(start(), 1, "t"))


def test_the_preflight_and_the_end_of_a_cancelled_run_are_for_one_pump_alone(
    context: ServiceContext, start: Start
) -> None:
    queued, running = start(status=None), start()
    for run_id, second in ((queued, False), (running, True)):
        assert take(context, Hold(run_id, 0, "first"))
        assert take(context, Hold(run_id, 1, "second")) is second
        # Its own again: a repeated commit.
        assert take(context, Hold(run_id, 0, "first"))


def test_who_takes_the_slot_of_a_dead_pump_reopens_its_work(
    context: ServiceContext, start: Start
) -> None:
    dead = Hold(start(), 0, "dead")
    assert take(context, dead, OVER_S)
    lease_all(context, dead)
    assert open_items(context, dead.run_id) == 0
    assert take(context, Hold(dead.run_id, 0, "next"))
    assert open_items(context, dead.run_id) == 3
    run = control.get_run(context, dead.run_id)
    # The calls may have been billed.
    assert (run.presumed_spent_calls, run.presumed_spent_tokens) == (3, 300)
    assert run.presumed_spent_usd == Decimal("1.5")


def test_what_is_taken_from_a_dead_pump_is_counted(context: ServiceContext, start: Start) -> None:
    dead, swept = Hold(start(), 0, "dead"), Hold(start(), 0, "swept")
    for hold in (dead, swept):
        assert take(context, hold, OVER_S)
        lease_all(context, hold)
    assert take(context, Hold(dead.run_id, 0, "next"))
    assert take(context, Hold(dead.run_id, 0, "next"))
    slots.sweep(context)
    with context.database.read() as session:
        found = totals(session)
    assert found[LEASES_RECOVERED.name, ("run",)] == 2
    assert found[CALLS.name, ("m", "", "lost")] == 6


def test_a_released_slot_is_free_and_its_work_open(context: ServiceContext, start: Start) -> None:
    hold = Hold(start(workers=1), 0, "t")
    assert take(context, hold)
    lease_all(context, hold)
    for _ in range(2):
        context.database.retrying(lambda session: slots.release(session, hold))
        assert open_items(context, hold.run_id) == 3
        assert control.get_run(context, hold.run_id).presumed_spent_calls == 3
    assert control.get_run(context, hold.run_id).served_at is not None
    assert take(context, Hold(hold.run_id, 0, "next"))


def test_the_last_pump_to_leave_a_cancelled_run_ends_it(
    context: ServiceContext, start: Start
) -> None:
    run_id = start()
    first, second = Hold(run_id, 0, "first"), Hold(run_id, 1, "second")
    assert take(context, first)
    assert take(context, second)
    control.cancel_run(context, run_id)
    context.database.retrying(lambda session: slots.release(session, first))
    assert control.get_run(context, run_id).status == Status.CANCELLING
    context.database.retrying(lambda session: slots.release(session, second))
    assert control.get_run(context, run_id).status == Status.CANCELLED


def test_the_sweeper_frees_the_slots_of_the_dead_and_names_each_once(
    context: ServiceContext, start: Start
) -> None:
    assert slots.sweep(context) == ()
    dead = Hold(start(workers=1), 0, "dead")
    assert take(context, dead, OVER_S)
    lease_all(context, dead)
    assert slots.sweep(context) == [Slot(dead.run_id, 0)]
    assert open_items(context, dead.run_id) == 3
    assert slots.sweep(context) == []
    with context.database.read() as session:
        assert stored.holder(session, Slot(dead.run_id, 0)) is None


def needed(context: ServiceContext, hold: Hold) -> bool:
    with context.database.read() as session:
        return slots.should_yield(session, hold)


def test_a_pump_leaves_for_a_run_that_has_fewer(context: ServiceContext, start: Start) -> None:
    mine = start(workers=3)
    holds = [Hold(mine, n, f"pump {n}") for n in range(3)]
    for hold in holds[:2]:
        assert take(context, hold)
    assert not needed(context, holds[1]), "nobody else waits"
    other = start(workers=3)
    # The one in the highest slot leaves, and only that one.
    assert [needed(context, hold) for hold in holds[:2]] == [False, True]
    assert take(context, Hold(other, 0, "theirs"))
    assert not needed(context, holds[1]), "two and one: moving would change nothing"
    assert take(context, holds[2])
    assert needed(context, holds[2]), "three and one"


def test_the_only_pump_of_a_run_leaves_it_for_one_that_has_none(
    context: ServiceContext, start: Start
) -> None:
    hold = Hold(start(), 0, "t")
    assert take(context, hold)
    assert not needed(context, hold)
    start()
    assert needed(context, hold)
    assert not needed(context, Hold(hold.run_id, 1, "another slot"))


def test_a_worker_takes_the_slot_it_was_notified_of_unless_another_run_needs_it_more(
    context: ServiceContext, start: Start
) -> None:
    served, other = start(), start()
    assert take(context, Hold(served, 0, "t"))
    with context.database.read() as session:
        assert slots.fairer(session, Slot(served, 1)) == Slot(other, 0)
        assert slots.fairer(session, Slot(other, 1)) == Slot(other, 1)
