"""What the fault tests rest on can be taken out, and then they fail: they are able to.

Each part is shown twice on the same scene: with it nothing is wrong, without it something is.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.faults.books import DOUBLED, broken
from tests.faults.cluster import Cluster, Size, cluster
from tests.faults.kept import Kept
from tests.faults.survival import Watch, examine, start_run
from tests.servers.postgresql import PostgreSQL

pytestmark = pytest.mark.crash

_SMALL = Size(workers=2, children=1, sweepers=1, concurrency=16, delay_s=0.5, lease_s=1.5)
_UNFENCED = "tests.faults.unfenced"


@contextmanager
def _small(postgresql: PostgreSQL, folder: Path, size: Size) -> Iterator[Cluster]:
    with cluster(size, postgresql.url(postgresql.create_database()), folder) as running:
        yield running


def _run_with_a_worker_that_sleeps(postgresql: PostgreSQL, folder: Path, size: Size) -> list[str]:
    """Freeze a worker with calls in flight until another has done its work; return the faults."""
    folder.mkdir(exist_ok=True)
    with _small(postgresql, folder, size) as running:
        # Without the key's help: a second reply's instances would be refused, and stop the run.
        with running.database.write() as session:
            session.execute(text("ALTER TABLE instances DROP CONSTRAINT pk_instances"))
        watch = start_run(running, target=120, tasks_per_request=2, lookahead=32)
        assert watch.until(lambda: watch.accepted > 10, 30.0)
        sleeper = _fall_asleep(running)
        assert watch.until(lambda: bool(running.busy_children()), 20.0)
        before = watch.accepted
        assert watch.until(lambda: watch.accepted > before + 10, 20.0)
        sleeper.thaw()
        # Something doubled may also keep the run from ending: then it has been seen well before.
        assert watch.until(lambda: watch.over or bool(_doubled(watch)), 40.0)
        return _doubled(watch) or examine(watch, []).violations


def _doubled(watch: Watch) -> list[str]:
    with watch.cluster.database.engine.connect() as connection:
        return broken(connection, watch.run_id, DOUBLED)


def _fall_asleep(running: Cluster) -> Kept:
    """Freeze a worker with calls in flight, between two of its transactions.

    In one it would hold the run's row, and keep the others waiting: another test's matter.
    """
    until = time.monotonic() + 10.0
    while time.monotonic() < until:
        for worker, _ in running.busy_children():
            worker.freeze()
            if not _in_transaction(running, worker):
                return worker
            worker.thaw()
        time.sleep(0.05)
    raise AssertionError("no worker was ever asking and not recording")


def _in_transaction(running: Cluster, worker: Kept) -> bool:
    # The server needs a moment to answer what it was asked last.
    time.sleep(0.1)
    with running.database.engine.connect() as connection:
        states = connection.execute(
            text("SELECT state FROM pg_stat_activity WHERE application_name = :name"),
            {"name": worker.part.name},
        ).scalars()
        return any(state != "idle" for state in states)


def test_a_worker_that_slept_past_its_lease_records_nothing_twice(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    assert _run_with_a_worker_that_sleeps(postgresql, tmp_path, _SMALL) == []


def test_without_the_fence_the_checks_find_what_it_records_twice(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    unfenced = replace(_SMALL, celery_app=_UNFENCED)
    # Sometimes the frozen worker has no call in flight that another has answered meanwhile.
    scenes = (
        _run_with_a_worker_that_sleeps(postgresql, tmp_path / str(n), unfenced) for n in range(3)
    )
    assert any(_tells_of_doubled(found) for found in scenes)


def _tells_of_doubled(found: list[str]) -> bool:
    return any(rule.what in violation for rule in DOUBLED for violation in found)


@pytest.mark.slow
def test_a_run_whose_messages_are_all_lost_stands_still_until_a_sweeper_looks(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    with _small(postgresql, tmp_path, replace(_SMALL, sweepers=0)) as running:
        watch = start_run(running, target=40, tasks_per_request=2, lookahead=32)
        assert watch.until(lambda: watch.accepted > 5, 30.0)
        for worker in running.workers:
            worker.kill()
        running.wipe_broker()
        running.tend()
        running.await_ready()
        watch.look()
        stood = watch.accepted
        # Without the sweeper nothing ever comes: every lease has long been over.
        assert not watch.until(lambda: watch.accepted > stood, 4 * _SMALL.lease_s)
        running.add_sweeper()
        assert watch.until(lambda: watch.over, 40.0)
        assert examine(watch, []).violations == []
