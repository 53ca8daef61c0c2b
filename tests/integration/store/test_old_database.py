"""A database that an earlier version of the service made: migrated whole, and worked with."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.llm.scripted.model import reply
from app.services.access.api_keys import authenticate
from app.services.access.key_form import Scope
from app.services.datasets import control as datasets
from app.services.datasets import lists
from app.services.datasets.control import DatasetRequest
from app.services.datasets.recipe import VersionRecipe
from app.services.runs import control as runs
from app.services.training.jobs import control as jobs
from app.services.training.jobs import work
from app.services.training.jobs.requests import TrainingRequest
from app.store.database import Database
from app.store.health import trouble
from app.store.migrate import migrate, take_back
from app.store.tables.batches import Batch
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from app.training.plain.options import TrainingOptions
from tests.bench import Bench, bench_of
from tests.scripted_trainer import ScriptedTrainer

DUMP = Path(__file__).with_name("old_database.sql")
KEY = "sb_01a22d3479679fe293b53c_2ddb6bdf2979aaf8720d6fe964a0b170f8dad0aa19cc39814288dbe222d20b4f"
MADE_AT = "0006"
# Columns that are gone: a worker learns their content anew from the endpoint.
DROPPED = {"batches": {"length_name"}}
RENAMED = {
    "runs": {
        "barren_tickets": "unproductive_tickets",
        "written_off_calls": "presumed_spent_calls",
        "written_off_tokens": "presumed_spent_tokens",
        "written_off_usd": "presumed_spent_usd",
        "rests_until": "idle_until",
    },
    "run_slots": {"nudged_at": "notified_at"},
    "datasets": {"nudged_at": "notified_at"},
    "training_jobs": {
        "nudged_at": "notified_at",
        "news": "report_count",
        "wanted_dataset": "requested_dataset",
        "making": "pending_dataset_id",
    },
    "endpoint_states": {"held_until": "throttled_until", "away_since": "down_since"},
}
"""By table: the columns that have another name now."""

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "seedbed.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    return path


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{path}")) as database:
        migrate(database)
        yield database


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Iterator[Bench]:
    with bench_of(database, reply, files_dir=tmp_path / "data" / "files") as bench:
        yield bench


def rows_of(path: Path) -> Rows:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = sorted(name for (name,) in names if name != "alembic_version")
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]  # noqa: S608
            for table in tables
        }


def test_every_row_is_there_after_the_migration_and_after_going_back(path: Path) -> None:
    before = rows_of(path)
    assert sum(map(len, before.values())) > 200
    with closing(Database(f"sqlite:///{path}")) as database:
        migrate(database)
        assert trouble(database) is None
        after = rows_of(path)
        take_back(database, MADE_AT)
        assert rows_of(path) == before
    for table, rows in before.items():
        names = RENAMED.get(table, {})
        gone = DROPPED.get(table, set())
        wanted = [
            {names.get(name, name): value for name, value in row.items() if name not in gone}
            for row in rows
        ]
        pairs = zip(wanted, after[table], strict=True)
        assert [{name: row[name] for name in first} for first, row in pairs] == wanted, table


def test_what_was_there_is_read_as_it_was(bench: Bench) -> None:
    database = bench.context.database
    caller = authenticate(database, KEY)
    assert caller is not None
    assert (caller.name, sorted(caller.scopes)) == ("ci", [Scope.READ, Scope.RUN])
    with database.read() as session:
        finished, batched, paused = session.scalars(select(Run).order_by(Run.id)).all()
        (dataset,) = session.scalars(select(Dataset)).all()
        states = session.scalars(select(Batch.state)).all()
        trained, _ = session.scalars(select(TrainingJob).order_by(TrainingJob.id)).all()
    assert [run.status for run in (finished, batched, paused)] == [
        "succeeded",
        "succeeded",
        "paused",
    ]
    assert set(states) == {"collected"}
    assert paused.presumed_spent_calls == 2
    assert paused.presumed_spent_tokens > 0
    assert paused.presumed_spent_usd > 0
    rows, _ = lists.list_rows(bench.context, dataset.id, None, 100)
    assert len(rows) == dataset.row_count == 18
    (output,) = jobs.outputs(bench.context, trained.id)
    assert output.name == "adapter.json"


def test_the_same_requests_find_what_they_made(bench: Bench) -> None:
    with bench.context.database.read() as session:
        run_id = session.scalars(select(Run.id).order_by(Run.id)).first()
        (dataset,) = session.scalars(select(Dataset)).all()
        job_id = session.scalars(select(TrainingJob.id).order_by(TrainingJob.id)).first()
    recipe = VersionRecipe.model_validate({"sources": [{"run_id": run_id}]})
    again, is_new = datasets.create_dataset(bench.context, DatasetRequest("grown", recipe))
    assert (again.id, is_new) == (dataset.id, False)
    request = TrainingRequest(dataset.id, TrainingOptions(base_model="tiny"))
    assert jobs.create_job(bench.context, request, "key-of-a-request").id == job_id


def test_a_paused_run_resumes_and_ends_with_the_data_set_of_the_run_that_was_not_paused(
    bench: Bench,
) -> None:
    with bench.context.database.read() as session:
        finished, _, paused = session.scalars(select(Run.id).order_by(Run.id)).all()
    assert bench.alpaca(paused) != bench.alpaca(finished)
    runs.resume_run(bench.context, paused)
    ended = bench.work(paused)
    assert (ended.status, ended.end_reason) == ("succeeded", "target_met")
    assert bench.alpaca(paused) == bench.alpaca(finished)


def test_a_job_that_was_handed_back_is_trained_to_its_end(bench: Bench) -> None:
    with bench.context.database.read() as session:
        _, waiting = session.scalars(select(TrainingJob).order_by(TrainingJob.id)).all()
    assert (waiting.status, waiting.attempts, waiting.step) == ("queued", 0, 3)
    assert waiting.report_count > 0
    assert waiting.id in work.sweep_training(bench.context)
    assert not work.work_on_job(bench.context, waiting.id, lambda: False, ScriptedTrainer())
    assert jobs.get_job(bench.context, waiting.id).status == "succeeded"
