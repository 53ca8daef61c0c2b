"""Transactions, retries, health, migrations, and the small parts of the store."""

import re
import time
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import UniqueConstraint, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app.errors import InvalidInput
from app.pipeline.types import Stage
from app.store.database import Database
from app.store.declarative import core, draw_ids
from app.store.health import trouble
from app.store.ids import may_be_id, new_id
from app.store.migrate import migrate, take_back
from app.store.pages import decoded, encoded, page
from app.store.sql import changed_rows, epoch_now
from app.store.tables.completions import CompletionRow
from app.store.tables.runs import Run, RunEvent, SeedTaskRow
from tests.unit.store.rows import add_reply, add_run

DOWN = OperationalError("SELECT", {}, Exception("down"))


def test_a_transaction_is_whole_or_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            add_run(session)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    with database.read() as session:
        assert session.scalars(select(Run)).all() == []
    with database.write() as session:
        add_run(session)
    with database.read() as session:
        assert len(session.scalars(select(Run)).all()) == 1


def test_a_reader_sees_nothing_of_an_open_transaction(database: Database) -> None:
    with database.write() as writing, database.read() as reading:
        add_run(writing)
        assert reading.scalars(select(Run)).all() == []


def test_sqlite_is_set_up_to_keep_what_it_commits(database: Database) -> None:
    with database.read() as session:
        names = ("journal_mode", "synchronous", "foreign_keys")
        assert [session.scalar(text(f"PRAGMA {name}")) for name in names] == ["wal", 2, 1]


def test_work_is_done_again_when_the_database_was_down(database: Database) -> None:
    calls = []

    def work(session: Session) -> int:
        calls.append(session)
        if len(calls) < 3:
            raise DOWN
        return 7

    assert database.retrying(work) == 7
    assert len(calls) == 3


def test_work_is_given_up_when_the_database_stays_down(database: Database) -> None:
    calls = []

    def work(session: Session) -> None:
        calls.append(session)
        raise DOWN

    with pytest.raises(OperationalError):
        database.retrying(work, patience_s=0.15)
    assert len(calls) == 2
    with pytest.raises(OperationalError):
        database.retrying(work, patience_s=0.0)
    assert len(calls) == 3


def test_other_errors_are_not_tried_again(database: Database) -> None:
    calls = []

    def work(session: Session) -> None:
        calls.append(session)
        raise IntegrityError("INSERT", {}, Exception("twice"))

    with pytest.raises(IntegrityError):
        database.retrying(work)
    assert len(calls) == 1


def test_work_that_only_reads_needs_no_write_lock(database: Database) -> None:
    with database.write():
        assert (
            database.retrying(lambda session: session.scalar(text("SELECT 1")), writes=False) == 1
        )


def test_a_database_is_closed_with_its_last_transaction(tables_file: Path) -> None:
    database = Database(f"sqlite:///{tables_file}")
    with database.read() as session:
        database.close()
        assert session.scalar(text("SELECT 1")) == 1
        before = database.engine.pool
    assert database.engine.pool is not before
    again = database.engine.pool
    database.close()
    assert database.engine.pool is not again


def test_a_database_without_this_versions_tables_says_what_to_do(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'new.db'}")) as database:
        assert "run python -m app.store.migrate" in (trouble(database) or "")
        migrate(database)
        assert trouble(database) is None
        take_back(database, "0005")
        found = trouble(database) or ""
        assert re.match(r"The tables are at version 0005, not \d{4}: ", found)
    with closing(Database(f"sqlite:///{tmp_path / 'none' / 'new.db'}")) as database:
        assert trouble(database) == "The database does not answer (OperationalError)."


def test_constraints_and_indexes_have_the_names_that_migrations_use() -> None:
    runs, events = (core(model) for model in (Run, RunEvent))
    assert runs.primary_key.name == "pk_runs"
    assert {str(one.name) for one in runs.foreign_key_constraints} == {
        "fk_runs_seed_set_id",
        "fk_runs_dataset_id",
    }
    assert {str(one.name) for one in runs.constraints if isinstance(one, UniqueConstraint)} == {
        "uq_runs_idempotency_key"
    }
    assert {str(index.name) for index in runs.indexes} == {
        "ix_runs_status",
        "ix_runs_seed_set_id",
        "ix_runs_dataset_id",
    }
    assert [str(index.name) for index in events.indexes] == ["ix_run_events_run_id_id"]


def test_the_databases_clock_is_the_time(session: Session) -> None:
    now = session.scalar(select(epoch_now()))
    assert now is not None
    assert abs(now - time.time()) < 5


def test_times_and_money_are_stored_exactly(session: Session) -> None:
    run = add_run(session)
    at = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)
    cost = Decimal("0.000000000123")
    session.execute(update(Run).values(started_at=at, cost_usd=cost, ended_at=None))
    found = session.get_one(Run, run.id, populate_existing=True)
    assert (found.started_at, found.cost_usd, found.ended_at) == (at, cost, None)
    stored = session.execute(text("SELECT started_at, cost_usd FROM runs")).one()
    assert stored == (at.timestamp(), 123)
    session.execute(update(Run).values(cost_usd=None))
    assert session.get_one(Run, run.id, populate_existing=True).cost_usd is None


def test_changed_rows_are_counted(session: Session) -> None:
    add_run(session)
    add_run(session, "run_b")
    assert changed_rows(session, update(Run).values(calls=1)) == 2
    assert changed_rows(session, update(Run).where(Run.id == "run_c").values(calls=1)) == 0


def test_ids_are_drawn_behind_the_last_row(session: Session) -> None:
    table = core(CompletionRow)
    assert draw_ids(session, table, 3) == [1, 2, 3]
    run = add_run(session)
    for _ in range(2):
        last = add_reply(session, run, Stage.GENERATE)
    assert draw_ids(session, table, 2) == [last + 1, last + 2]
    assert draw_ids(session, table, 0) == []


def test_ids_name_their_kind_and_sort_by_time() -> None:
    first = new_id("run")
    assert re.fullmatch(r"run_[0-9a-f]{22}", first)
    time.sleep(0.002)
    assert first < new_id("run")
    assert may_be_id(first)
    assert not may_be_id("run_\x00")
    assert not may_be_id("run_é")


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_lead_through_all_rows_in_order(session: Session, *, newest_first: bool) -> None:
    run = add_run(session)
    for n in range(5):
        session.add(RunEvent(run_id=run.id, kind="n", data={"n": n}))
        session.flush()
    seen, cursor, sizes = [], None, []
    while True:
        found = page(
            session,
            select(RunEvent),
            [RunEvent.id],
            cursor=cursor,
            limit=2,
            newest_first=newest_first,
        )
        seen += [event.data["n"] for event in found.items]
        sizes.append(len(found.items))
        if (cursor := found.next_cursor) is None:
            break
    assert seen == (list(range(5))[::-1] if newest_first else list(range(5)))
    assert sizes == [2, 2, 1]
    exact = page(session, select(RunEvent), [RunEvent.id], cursor=None, limit=5)
    assert exact.next_cursor is None


KEYS = [SeedTaskRow.seed_set_id, SeedTaskRow.position]


def test_a_cursor_is_the_key_of_a_row() -> None:
    assert decoded(encoded(["seeds", 4]), KEYS) == ["seeds", 4]
    assert "=" not in encoded(["seeds_1", 4])


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "é",
        encoded(["seeds"]),
        encoded(["seeds", 1, 2]),
        encoded([1, "seeds"]),
        encoded(["seeds", True]),
        encoded(["seeds", 2**63]),
        encoded(["se\x00", 1]),
        encoded(["sé", 1]),
        "eyJhIjoxfQ",
    ],
)
def test_a_cursor_of_another_make_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="page cannot be found") as caught:
        decoded(cursor, KEYS)
    assert [fault.field for fault in caught.value.faults] == ["cursor"]
