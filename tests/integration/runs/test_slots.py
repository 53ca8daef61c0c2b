"""Slots of runs on both databases: who gets one, for how long, and which is to be looked at."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from app.pipeline.options import RunOptions
from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.generation import slots as slot_service
from app.services.runs.control import start_run
from app.services.runs.run_request import RunRequest
from app.states import Status
from app.store.database import Database
from app.store.runs import runs as stored_runs
from app.store.runs import slots
from app.store.runs.runs import Hold
from app.store.runs.slots import Slot
from app.store.tables.runs import Run
from app.store.work import work_items
from app.store.work.work_items import Planned
from tests.bench import SEEDS

LONG_S = 60.0
OVER_S = -1.0
"""A lease that is over as soon as it is given."""
StartRun = Callable[..., str]


@pytest.fixture
def start(database: Database) -> StartRun:
    """Starts a run that is at work, with this many slots and items that wait."""
    context = ServiceContext(database, [], "m", 1, 1.0, LONG_S)

    def started(workers: int = 2, waiting: int = 1) -> str:
        request = RunRequest(None, SEEDS, RunOptions(workers=workers))
        run_id = start_run(context, request, None).id
        with database.write() as session:
            assert stored_runs.move(session, run_id, Status.RUNNING)
            items = [Planned(Stage.GENERATE, n, {}) for n in range(waiting)]
            work_items.plan(session, session.get_one(Run, run_id), items)
        return run_id

    return started


def take(database: Database, hold: Hold, lease_s: float = LONG_S) -> bool:
    with database.write() as session:
        return slots.take(session, hold, lease_s)


def read(database: Database, look: Callable[[Session], Sequence[Slot]]) -> Sequence[Slot]:
    with database.read() as session:
        return look(session)


def test_a_slot_is_one_pumps_until_its_lease_is_over(database: Database, start: StartRun) -> None:
    run_id = start()
    first, second = Hold(run_id, 0, "first"), Hold(run_id, 0, "second")
    assert take(database, first)
    assert take(database, first), "its own again: a repeated commit"
    assert not take(database, second)
    assert take(database, first, OVER_S)
    assert take(database, second)
    with database.write() as session:
        assert slots.extend(session, first, LONG_S) is None
        slots.release(session, first)
        assert slots.is_held(session, second)
        assert slots.extend(session, second, LONG_S) is Status.RUNNING


def test_of_many_that_want_a_slot_at_once_one_gets_it(database: Database, start: StartRun) -> None:
    run_id = start()
    got: list[str] = []

    def want(token: str) -> None:
        hold = Hold(run_id, 0, token)
        if database.retrying(lambda session: slot_service.take(session, hold, LONG_S)):
            got.append(token)

    wanting = [threading.Thread(target=want, args=(f"pump {n}",)) for n in range(6)]
    for thread in wanting:
        thread.start()
    for thread in wanting:
        thread.join()
    assert len(got) == 1


def test_a_dead_pumps_slot_is_freed_unless_it_comes_back_to_life(
    database: Database, start: StartRun
) -> None:
    dead, asleep = Hold(start(), 0, "dead"), Hold(start(), 1, "asleep")
    for hold in (dead, asleep):
        assert take(database, hold, OVER_S)
    with database.read() as session:
        assert set(slots.expired(session)) == {dead, asleep}
    with database.write() as session:
        slots.extend(session, asleep, LONG_S)
    with database.write() as session:
        assert slots.release_expired(session, dead)
        assert not slots.release_expired(session, asleep)
        assert not slots.release_expired(session, dead)
    with database.read() as session:
        assert slots.expired(session) == []
        assert slots.is_held(session, asleep)


def test_a_slot_is_named_once_in_a_while_and_at_once_when_it_comes_free(
    database: Database, start: StartRun
) -> None:
    run_id = start(workers=1)

    def named(again_after_s: float = LONG_S) -> Sequence[Slot]:
        with database.write() as session:
            waiting = slots.waiting(session, again_after_s=again_after_s)
            slots.record_notified(session, waiting)
            return waiting

    assert named() == [Slot(run_id, 0)]
    assert named() == []
    assert named(again_after_s=OVER_S) == [Slot(run_id, 0)]
    hold = Hold(run_id, 0, "pump")
    assert take(database, hold)
    assert named(again_after_s=OVER_S) == []
    with database.write() as session:
        slots.release(session, hold)
    assert named() == [Slot(run_id, 0)]


def test_a_run_without_a_pump_comes_first_and_one_without_work_gets_no_second(
    database: Database, start: StartRun
) -> None:
    served, idle = start(), start(waiting=0)

    def neediest() -> Slot | None:
        with database.read() as session:
            return slots.neediest(session)

    assert take(database, Hold(served, 0, "one"))
    assert neediest() == Slot(idle, 0), "nobody is there to see that it is over"
    assert take(database, Hold(idle, 0, "two"))
    assert neediest() == Slot(served, 1)
    assert take(database, Hold(served, 1, "three"))
    assert neediest() is None


def test_of_equals_the_run_that_was_left_first_is_served_first(
    database: Database, start: StartRun
) -> None:
    first, second = start(), start()
    for run_id in (second, first):
        with database.write() as session:
            stored_runs.record_served(session, run_id)
    with database.write() as session:
        # Both may have been left within one tick of the database's clock.
        left_first = session.get_one(Run, second)
        assert left_first.served_at is not None
        left_first.served_at -= timedelta(seconds=1)
    with database.read() as session:
        assert slots.neediest(session) == Slot(second, 0)
    new = start()
    with database.read() as session:
        assert slots.neediest(session) == Slot(new, 0)


def test_only_the_highest_slot_leaves_for_a_run_that_has_fewer(
    database: Database, start: StartRun
) -> None:
    crowded, lonely = start(workers=3), start(workers=1)
    holds = [Hold(crowded, n, f"pump {n}") for n in range(3)]
    for hold in holds[:2]:
        assert take(database, hold)

    def leaving() -> list[int]:
        with database.read() as session:
            return [hold.slot for hold in holds if slot_service.should_yield(session, hold)]

    assert leaving() == [1]
    assert take(database, Hold(lonely, 0, "other"))
    assert leaving() == []
    assert take(database, holds[2])
    assert leaving() == [], "the other has no place for a second"
