"""The state of work and endpoints for monitoring, and the counters of what ended."""

from collections.abc import Callable

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.states import DatasetState, Status
from app.store.counting import totals
from app.store.database import Database
from app.store.datasets import versions
from app.store.gauges import EndpointNow, Gauges, Waiting, gauges
from app.store.runs import events, runs
from app.store.sql import epoch_now
from app.store.tables.runs import Run, RunEvent, RunSlot
from app.store.tables.training import TrainingEvent
from app.store.training import training_jobs
from app.store.work import endpoint_states
from app.store.work.endpoint_states import Throttle
from tests.unit.store.rows import add_dataset, add_job, add_run

NONE = Waiting(0, 0.0)
WITHIN_S = 20.0
"""For the time between two transactions, on a busy machine."""


def now(database: Database) -> Gauges:
    with database.read() as session:
        return gauges(session)


def counted(database: Database, name: str) -> dict[tuple[str, ...], int]:
    with database.read() as session:
        found = totals(session)
    return {labels: n for (counter, labels), n in found.items() if counter == name}


def is_one(waiting: Waiting, age_s: float) -> bool:
    return waiting.length == 1 and age_s - 1 <= waiting.oldest_s < age_s + WITHIN_S


def aged(session: Session, events_of: type[RunEvent | TrainingEvent], age_s: float) -> None:
    session.flush()
    session.execute(update(events_of).values(at=epoch_now() - age_s))


def test_nothing_waits_in_an_empty_database(database: Database) -> None:
    found = now(database)
    assert (found.runs, found.training_jobs, found.datasets, found.endpoints) == ({}, {}, {}, [])
    assert set(found.waiting.values()) == {NONE}
    assert set(found.leases.values()) == {0}


def test_a_run_waits_since_its_status_changed_or_a_pump_left_it(database: Database) -> None:
    def waiting(change: Callable[[Session], object]) -> Waiting:
        with database.write() as session:
            change(session)
        return now(database).waiting["run"]

    def queue(session: Session) -> None:
        add_run(session, "run_a", status="queued")
        events.add_event(session, "run_a", "status", {"status": "queued"})
        aged(session, RunEvent, 100)
        events.add_event(session, "run_a", "preflight", {})

    def columns(**values: object) -> Callable[[Session], object]:
        return lambda session: session.execute(update(Run).values(**values))

    def lease(end_s: float) -> Callable[[Session], object]:
        slot = update(RunSlot).where(RunSlot.slot == 1)
        return lambda session: session.execute(
            slot.values(token="t", leased_until=epoch_now() + end_s)
        )

    assert is_one(waiting(queue), 100)
    assert is_one(waiting(columns(served_at=epoch_now() - 30)), 30)
    assert waiting(lease(60)) == NONE
    assert now(database).leases["run"] == 1
    assert waiting(lease(-60)).length == 1
    # It only waits for the provider.
    assert waiting(columns(idle_until=epoch_now() + 60)) == NONE
    assert waiting(columns(idle_until=epoch_now() - 1)).length == 1
    assert waiting(columns(status="paused")) == NONE
    assert now(database).runs == {"paused": 1}


def test_data_sets_and_jobs_wait_until_a_worker_has_them(database: Database) -> None:
    with database.write() as session:
        add_job(session, status="queued")
        training_jobs.add_event(session, "training_a", "status", {"status": "queued"})
        aged(session, TrainingEvent, 50)
        add_dataset(session, created_at=None)
    found = now(database)
    assert is_one(found.waiting["training_job"], 50)
    assert found.waiting["data_set"].length == 1
    with database.write() as session:
        assert training_jobs.take(session, "training_a", "t", 60)
        assert versions.take(session, "dataset_a", "t", 60)
    found = now(database)
    assert found.waiting["training_job"] == found.waiting["data_set"] == NONE
    assert found.leases == {"run": 0, "data_set": 1, "training_job": 1}
    assert found.training_jobs == {"running": 1}


def test_an_endpoint_is_up_down_or_throttled(database: Database) -> None:
    with database.write() as session:
        endpoint_states.add(session, ["down", "slow", "well"], "m")
        endpoint_states.record_down(session, "down", "m", "away", was_probe=False)
        endpoint_states.record_throttled(session, "slow", "m", Throttle(60.0, 1.0, "slow"))
    assert now(database).endpoints == [
        EndpointNow("down", "m", is_up=False, is_throttled=False),
        EndpointNow("slow", "m", is_up=True, is_throttled=True),
        EndpointNow("well", "m", is_up=True, is_throttled=False),
    ]


def test_ends_and_moves_are_counted_once(database: Database) -> None:
    ends = {
        "import_ready": (True, DatasetState.READY),
        "import_refused": (True, DatasetState.DELETED),
        "made": (False, DatasetState.READY),
        "failed": (False, DatasetState.FAILED),
    }
    with database.write() as session:
        add_run(session, "run_a", status="queued")
        for name, (is_import, _) in ends.items():
            add_dataset(session, name, is_import=is_import, state="making", token="t")
        dead = {"token": "dead", "leased_until": epoch_now() - 1}
        add_dataset(session, "import_dead", is_import=True, state="reading", **dead)
        add_dataset(session, "dead", state="making", **dead)
    for _ in range(2):
        with database.write() as session:
            runs.move(session, "run_a", Status.RUNNING)
            for name, (_, state) in ends.items():
                versions.end(session, name, "t", state)
            versions.fail_import(session, "import_dead")
            versions.take(session, "dead", "next", 60)
    assert counted(database, "seedbed_status_changes") == {("run", "running", ""): 1}
    results = {("ready",): 1, ("refused",): 1, ("failed",): 1}
    assert counted(database, "seedbed_imports") == results
    assert counted(database, "seedbed_datasets_made") == {("ready",): 1, ("failed",): 1}
    assert counted(database, "seedbed_leases_recovered") == {("data_set",): 1}
