"""The tables, on both databases."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateIndex, CreateTable

from app.store.database import Database
from app.store.declarative import Table
from app.store.health import trouble
from app.store.migrate import alembic_config, migrate, migrating, take_back
from app.store.tables.datasets import Dataset
from app.store.tables.usage import StageUsage
from tests.servers.postgresql import PostgreSQL

REVISIONS = [
    script.revision
    for script in reversed(list(ScriptDirectory.from_config(alembic_config()).walk_revisions()))
]
BASE = "base"


@pytest.fixture
def empty(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the same kind without any table."""
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    if database.engine.dialect.name == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        url = server.url(server.create_database())
    empty = Database(url)
    yield empty
    empty.close()


def tables(database: Database) -> dict[str, list[str]]:
    """Everything that there is, in the database's own words; whatever the order of columns."""
    there = MetaData()
    there.reflect(database.engine)
    dialect = database.engine.dialect
    made: dict[str, list[str]] = {}
    for table in there.tables.values():
        if table.name != "alembic_version":
            made[table.name] = _parts(str(CreateTable(table).compile(dialect=dialect)))
        for index in table.indexes:
            made[str(index.name)] = _parts(str(CreateIndex(index).compile(dialect=dialect)))
    return made


def _parts(statement: str) -> list[str]:
    return sorted(line.strip(" \t,") for line in statement.splitlines())


def test_there_is_one_line_of_migrations() -> None:
    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1
    assert sorted(REVISIONS) == REVISIONS


def test_every_migration_goes_up_down_and_up_again(empty: Database) -> None:
    before = tables(empty)
    assert before == {}
    for earlier, revision in zip([BASE, *REVISIONS], REVISIONS, strict=False):
        migrate(empty, revision)
        after = tables(empty)
        take_back(empty, earlier)
        assert tables(empty) == before, f"down from {revision}"
        migrate(empty, revision)
        assert tables(empty) == after, f"up to {revision} again"
        before = after
    assert trouble(empty) is None


def test_all_migrations_go_down_in_one_go_and_up_again(database: Database) -> None:
    whole = tables(database)
    take_back(database, BASE)
    assert tables(database) == {}
    assert trouble(database) is not None
    migrate(database)
    assert tables(database) == whole
    assert trouble(database) is None


ROWS: dict[str, dict[str, object]] = {
    "seed_sets": {
        "id": "s",
        "name": "s",
        "content_sha256": "0",
        "task_count": 1,
        "classification_count": 0,
    },
    "seed_tasks": {
        "seed_set_id": "s",
        "position": 0,
        "external_id": "a",
        "name": "a",
        "instruction": "Say a.",
        "instances": [],
        "is_classification": False,
    },
    "runs": {
        "id": "r",
        "seed_set_id": "s",
        "profile": "default",
        "model": "m",
        "options": {},
        "status": "succeeded",
    },
    "run_events": {"run_id": "r", "kind": "status", "data": {}},
    "work_items": {
        "run_id": "r",
        "stage": "generate",
        "priority": 3,
        "ordinal": 0,
        "subject": {},
        "state": "done",
    },
    "prompt_texts": {"sha256": "1", "text": "Write."},
    "completions": {
        "run_id": "r",
        "stage": "generate",
        "prompt_version": "v",
        "prompt_text_sha256": "1",
        "prompt": "p",
        "demonstrations": [],
        "parameters": {},
        "model": "m",
        "reply": "a",
        "finish_reason": "stop",
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "latency_s": 1.0,
    },
    "instructions": {
        "run_id": "r",
        "sequence": 0,
        "text": "Say b.",
        "completion_id": 1,
        "neighbours": [],
        "is_complete": True,
    },
    "instances": {
        "run_id": "r",
        "sequence": 0,
        "position": 0,
        "input": "",
        "output": "b",
        "completion_id": 1,
    },
    "rejections": {"run_id": "r", "stage": "generate", "text": "c", "reason": "too_short"},
}
"""As the first migration's tables take them."""


def test_rows_survive_every_migration_up_and_down(empty: Database) -> None:
    migrate(empty, REVISIONS[0])
    there = MetaData()
    there.reflect(empty.engine)
    with empty.write() as session:
        for name, row in ROWS.items():
            session.execute(insert(there.tables[name]), row)
    for revision in REVISIONS[1:]:
        migrate(empty, revision)
    for revision in reversed(REVISIONS[:-1]):
        take_back(empty, revision)
    with empty.read() as session:
        for name, row in ROWS.items():
            [kept] = session.execute(select(there.tables[name])).mappings()
            assert row.items() <= kept.items()
        if empty.engine.dialect.name == "sqlite":
            # Switched off while tables are altered.
            assert session.scalar(text("PRAGMA foreign_keys")) == 1
    take_back(empty, BASE)
    assert tables(empty) == {}


def test_the_usage_of_earlier_runs_is_summed_up_from_their_replies(empty: Database) -> None:
    migrate(empty, "0011")
    there = MetaData()
    there.reflect(empty.engine)
    paid = {**ROWS["completions"], "prompt_tokens": 2, "cached_tokens": 1, "cost_usd": 7}
    with empty.write() as session:
        for name in ("seed_sets", "runs", "prompt_texts"):
            session.execute(insert(there.tables[name]), ROWS[name])
        for more in ({}, {"reused_from": 1}, {"stage": "classify", "is_estimated": True}):
            session.execute(insert(there.tables["completions"]), {**paid, **more})
    migrate(empty)
    with empty.read() as session:
        found = {usage.stage: usage for usage in session.scalars(select(StageUsage))}
    assert {stage: usage.estimated_calls for stage, usage in found.items()} == {
        "generate": 0,
        "classify": 1,
    }
    usage = found["generate"]
    assert (usage.model, usage.calls, usage.cost_usd) == ("m", 1, Decimal(7) / 10**12)
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (2, 1, 1)
    assert usage.largest_completion_tokens == 0


def test_a_migration_that_leaves_rows_astray_changes_nothing(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'astray.db'}")) as database:
        migrate(database, REVISIONS[0])
        before = tables(database)
        with closing(sqlite3.connect(tmp_path / "astray.db")) as careless:
            careless.execute("INSERT INTO run_events (run_id, kind, data) VALUES ('r', 'k', '{}')")
            careless.commit()
        with pytest.raises(sqlite3.IntegrityError, match="run_events"):
            migrate(database)
        assert tables(database) == before


def test_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Table.metadata) == []


def test_the_tables_of_the_models_are_those_of_the_migrations_to_the_letter(
    empty: Database, database: Database
) -> None:
    # Alembic's comparison does not look at defaults, at the conditions of indexes and at names.
    Table.metadata.create_all(empty.engine)
    assert tables(empty) == tables(database)


def test_a_migration_has_the_time_that_it_takes(empty: Database) -> None:
    if empty.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no such limits")

    def limits(connection: Connection) -> dict[str, str]:
        names = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")
        return {name: connection.scalar(text(f"SHOW {name}")) for name in names}

    with empty.engine.connect() as connection:
        usual = limits(connection)
        connection.rollback()
        with migrating(connection):
            during = limits(connection)
        # The same connection serves others then.
        assert limits(connection) == usual
    assert during == {
        "statement_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        "lock_timeout": usual["lock_timeout"],
    }
    assert "0" not in usual.values()


def test_migrating_twice_changes_nothing(database: Database) -> None:
    whole = tables(database)
    migrate(database)
    assert tables(database) == whole
    assert trouble(database) is None


def test_a_review_goes_with_the_migration_that_brought_it_and_all_other_runs_stay(
    database: Database,
) -> None:
    dataset = Dataset(
        id="d", name="d", version=1, state="ready", is_import=True, recipe={}, row_count=1
    )
    whole = MetaData()
    whole.reflect(database.engine)
    with database.write() as session:
        session.add(dataset)
        session.flush()
        for name, row in ROWS.items():
            session.execute(insert(whole.tables[name]), row)
        review = {**ROWS["runs"], "id": "v", "seed_set_id": None, "dataset_id": "d"}
        session.execute(insert(whole.tables["runs"]), review)
        for name in ("run_events", "work_items", "completions", "instances", "rejections"):
            session.execute(insert(whole.tables[name]), {**ROWS[name], "run_id": "v"})
    take_back(database, "0004")
    with database.read() as session:
        for name in ("runs", "run_events", "work_items", "completions", "instances", "rejections"):
            assert len(session.execute(select(whole.tables[name].c[_run_key(name)])).all()) == 1


def _run_key(table: str) -> str:
    return "id" if table == "runs" else "run_id"


@pytest.mark.parametrize("sources", [{}, {"seed_set_id": "s", "dataset_id": "d"}])
def test_a_run_has_one_source(database: Database, sources: dict[str, str]) -> None:
    there = MetaData()
    there.reflect(database.engine)
    values = {**ROWS["runs"], "seed_set_id": None, **sources}
    with pytest.raises(IntegrityError, match="ck_runs_one_source"), database.write() as session:
        session.execute(insert(there.tables["runs"]), values)
