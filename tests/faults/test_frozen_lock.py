"""The stall of twenty seconds, explained: a process that is frozen in a transaction.

It keeps the locks of its transaction, above all the run's row, and everybody else waits: workers to
record, sweepers to send again. A killed process is no such trouble: its connection ends with it,
and the server rolls back at once. Of a frozen one the server knows nothing but that it is silent,
so the wait ends when ``idle_in_transaction_session_timeout`` does, or the waiting one's own
``lock_timeout``, whichever is first.

None of PostgreSQL's timeouts ends the wait for a process that was frozen while the server was
sending it more than its socket holds (some 150 kB): so nothing large is to be read under that lock.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from app.services.context import open_service_context
from app.services.generation.slots import sweep
from app.settings import Settings
from app.stack.process import Process, ProcessSpec
from app.store.database import Database
from app.store.migrate import migrate
from tests.servers.postgresql import PostgreSQL

pytestmark = pytest.mark.crash

_LOCK = text("SELECT id FROM runs WHERE id = 'run_1' FOR UPDATE")
_ROWS = (
    """INSERT INTO seed_sets (id, name, content_sha256, task_count, classification_count)
       VALUES ('seeds_1', '', '', 0, 0)""",
    """INSERT INTO runs (id, seed_set_id, profile, model, options, status)
       VALUES ('run_1', 'seeds_1', 'default', 'scripted', '{}', 'running'),
         ('run_2', 'seeds_1', 'default', 'scripted', '{}', 'running')""",
    # The first run's pump is dead, the second has none.
    """INSERT INTO run_slots (run_id, slot, token, leased_until)
       VALUES ('run_1', 0, 'dead', 1), ('run_2', 0, NULL, NULL)""",
)
MOST_S = 8.0
"""That a frozen process may hold everybody up."""


@contextmanager
def _held(url: str, folder: Path) -> Iterator[int]:
    """A process of its own that has just locked the run's row, as the service does; its id."""
    command = (sys.executable, "-m", "tests.faults.holder", url, "run_1")
    root = str(Path(__file__).resolve().parents[2])
    part = ProcessSpec("holder", command, {**os.environ, "PYTHONPATH": root})
    holder = Process(part, folder, watch_pipe=False)
    try:
        until = time.monotonic() + 20
        while "holding" not in holder.log_text():
            assert time.monotonic() < until, holder.failure_message("does not hold")
            time.sleep(0.02)
        yield holder.pid
    finally:
        holder.kill()


def _wait_s(database: Database) -> float:
    since = time.monotonic()
    database.retrying(lambda session: session.execute(_LOCK))
    return time.monotonic() - since


@pytest.fixture
def on_postgresql(postgresql: PostgreSQL) -> Iterator[tuple[str, Database]]:
    url = postgresql.url(postgresql.create_database())
    database = Database(url)
    migrate(database)
    with database.write() as session:
        for row in _ROWS:
            session.execute(text(row))
    yield url, database
    database.close()


def _timeout_s(database: Database, name: str) -> float:
    with database.read() as session:
        sql = text("SELECT setting::float / 1000 FROM pg_settings WHERE name = :name")
        return float(session.execute(sql, {"name": name}).scalar_one())


def test_a_frozen_holder_of_a_runs_row_stalls_the_others_until_it_has_idled_too_long(
    on_postgresql: tuple[str, Database], tmp_path: Path
) -> None:
    url, database = on_postgresql
    idle_s = _timeout_s(database, "idle_in_transaction_session_timeout")
    lock_s = _timeout_s(database, "lock_timeout")
    with _held(url, tmp_path) as holder:
        os.kill(holder, signal.SIGSTOP)
        waited_s = _wait_s(database)
    # Not less than what was left of the timeout: nothing else ends it.
    assert min(idle_s, lock_s) - 1 < waited_s < MOST_S


def test_a_killed_holder_of_a_runs_row_stalls_nobody(
    on_postgresql: tuple[str, Database], tmp_path: Path
) -> None:
    url, database = on_postgresql
    with _held(url, tmp_path) as holder:
        os.kill(holder, signal.SIGKILL)
        assert _wait_s(database) < 2


def test_a_frozen_holder_of_one_runs_row_keeps_no_other_run_from_being_swept(
    on_postgresql: tuple[str, Database], tmp_path: Path
) -> None:
    url, _ = on_postgresql
    settings = Settings.model_validate({"DATABASE_URL": url, "OPENAI_BASE_URL": "http://[::1]/v1"})
    with _held(url, tmp_path) as holder, closing(open_service_context(settings)) as context:
        os.kill(holder, signal.SIGSTOP)
        since = time.monotonic()
        assert "run_2" in [slot.run_id for slot in sweep(context)]
        assert time.monotonic() - since < 2
