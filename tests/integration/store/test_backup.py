"""Backups of either kind of database, restored into the other one in the middle of a run."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import func, select

from app.errors import Conflict, OutOfSpace, SeedbedError
from app.llm.scripted.model import reply
from app.states import ItemState
from app.store.backup.archive import BackupFile
from app.store.backup.failures import database_failures_named
from app.store.backup.restore import checked, restore
from app.store.backup.save import save
from app.store.database import Database
from app.store.health import refuse_other_encoding, trouble
from app.store.migrate import migrate
from app.store.tables.completions import CompletionRow, PromptText
from app.store.tables.runs import Run, RunSlot
from app.store.tables.work import WorkItem
from tests.bench import bench_of
from tests.servers.postgresql import PostgreSQL

OLD_DATABASE = Path(__file__).with_name("old_database.sql")


def no_report(_table: str, _done: int) -> None:
    pass


def save_in(path: Path, database: Database) -> str:
    with path.open("wb") as file:
        return save(database, file, no_report).revision


def restore_into(url: str, path: Path, *, overwrite: bool = False) -> None:
    with closing(Database(url)) as database:
        restore(database, path, checked(path), no_report, overwrite=overwrite)


def rows_in(path: Path) -> dict[str, list[object]]:
    return {table.name: list(table.rows) for table in BackupFile(path).tables()}


@pytest.fixture
def other_kind_url(database: Database, postgresql: PostgreSQL, tmp_path: Path) -> str:
    """The address of a database without tables, of the kind that this test's database is not."""
    if database.engine.dialect.name == "postgresql":
        return f"sqlite:///{tmp_path / 'restored.db'}"
    return postgresql.url(postgresql.create_database())


def test_a_run_restored_from_its_middle_ends_as_if_nothing_had_happened(
    database: Database, other_kind_url: str, tmp_path: Path
) -> None:
    path, looks = tmp_path / "a.backup", iter(range(10_000))

    def back_up_in_between() -> bool:
        if next(looks) == 4:
            save_in(path, database)
        return False

    with bench_of(database, reply) as bench:
        run_id = bench.start(target=60, random_seed=3)
        assert bench.work(run_id, back_up_in_between).status == "succeeded"
        expected = bench.alpaca(run_id)

    restore_into(other_kind_url, path)
    with closing(Database(other_kind_url)) as again, bench_of(again, reply) as bench:
        with again.read() as session:
            leased = select(func.count()).where(WorkItem.state == ItemState.LEASED)
            in_flight = session.scalar(leased)
            assert session.get_one(RunSlot, (run_id, 0)).token
            assert 0 < session.get_one(Run, run_id).accepted < 60
        assert in_flight
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
        assert bench.alpaca(run_id) == expected
        with again.read() as session:
            replies = session.scalars(select(CompletionRow.work_item_id)).all()
            # Asked again; the provider may bill the first time, too.
            assert session.get_one(Run, run_id).presumed_spent_calls == in_flight
    of_items = [item for item in replies if item is not None]
    assert len(of_items) == len(set(of_items))


def test_a_backup_of_an_older_version_is_migrated_and_its_rows_are_the_same(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(OLD_DATABASE.read_text(encoding="utf-8"))
        # Stored by an earlier version; PostgreSQL cannot have it.
        connection.execute("UPDATE prompt_texts SET text = 'a' || char(0) || 'b'")
        connection.commit()
    with closing(Database(f"sqlite:///{old}")) as database:
        assert save_in(tmp_path / "old.backup", database) == "0006"
        migrate(database)
        save_in(tmp_path / "expected.backup", database)
    expected = rows_in(tmp_path / "expected.backup")
    assert sum(map(len, expected.values())) > 200

    url = postgresql.url(postgresql.create_database())
    restore_into(url, tmp_path / "old.backup")
    with closing(Database(url)) as database:
        assert trouble(database) is None
        with database.read() as session:
            assert set(session.scalars(select(PromptText.text))) == {"a\ufffdb"}
        save_in(tmp_path / "copy.backup", database)
    restore_into(f"sqlite:///{tmp_path / 'copy.db'}", tmp_path / "copy.backup")
    with closing(Database(f"sqlite:///{tmp_path / 'copy.db'}")) as database:
        save_in(tmp_path / "again.backup", database)
    found = rows_in(tmp_path / "again.backup")
    assert found.keys() == expected.keys()
    for table in expected.keys() - {"prompt_texts"}:
        # PostgreSQL returns rows in the order in which they were last changed.
        assert sorted(map(str, found[table])) == sorted(map(str, expected[table])), table


def test_a_database_in_use_is_not_replaced(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    save_in(tmp_path / "a.backup", database)
    # The pool keeps its connection, as that of a service without work does.
    with pytest.raises(Conflict, match=r"Stop every process of the service"):
        restore_into(database_url, tmp_path / "a.backup")
    database.close()
    restore_into(database_url, tmp_path / "a.backup")


def test_a_full_disk_is_named(postgresql: PostgreSQL) -> None:
    said = "disk of the database"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        with pytest.raises(OutOfSpace, match=said), database_failures_named():
            connection.executescript("CREATE TABLE a (b); CREATE TABLE c (d);")
    full = "DO $$ BEGIN RAISE 'disk_full' USING ERRCODE = '53100'; END $$"
    with (
        closing(psycopg.connect(postgresql.url("postgres"))) as server,
        pytest.raises(OutOfSpace, match=said),
        database_failures_named(),
    ):
        server.execute(full)
    with pytest.raises(SeedbedError, match="no_table"), database_failures_named():
        sqlite3.connect(":memory:").execute("SELECT * FROM no_table")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_another_encoding_is_named(postgresql: PostgreSQL, encoding: str) -> None:
    name = f"in_{encoding.lower()}"
    create = "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C'"
    with closing(psycopg.connect(postgresql.url("postgres"), autocommit=True)) as connection:
        connection.execute(sql.SQL(create).format(sql.Identifier(name), sql.Literal(encoding)))
    with closing(Database(postgresql.url(name))) as database:
        said = trouble(database)
        with pytest.raises(SeedbedError, match=f"{name}.* {encoding}.*ENCODING 'UTF8'"):
            migrate(database)
        with pytest.raises(SeedbedError, match=encoding):
            refuse_other_encoding(database)
    assert said is not None
    assert encoding in said
