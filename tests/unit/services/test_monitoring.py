"""The figures for monitoring: read once for many, kept while the database is away."""

import pytest

from app.counters import IMPORTS
from app.services.monitoring import FiguresReader
from app.store.counting import count
from app.store.database import Database

FAR_S = 30.0


def imports(reader: FiguresReader) -> int:
    assert reader.latest is not None
    return reader.latest.counters.get((IMPORTS.name, ("ready",)), 0)


def count_one(database: Database) -> None:
    with database.write() as session:
        count(session, IMPORTS, "ready")


def test_before_the_first_reading_there_is_nothing(database: Database) -> None:
    reader = FiguresReader(database)
    assert (reader.latest, reader.is_database_up, reader.age_s()) == (None, False, 0.0)


def test_what_was_just_read_is_not_read_again(database: Database) -> None:
    reader = FiguresReader(database)
    count_one(database)
    reader.refresh().result(FAR_S)
    assert (reader.is_database_up, imports(reader)) == (True, 1)
    assert 0 <= reader.age_s() < FAR_S
    count_one(database)
    again = reader.refresh()
    assert again.done()
    assert imports(reader) == 1


def test_one_reading_serves_all_that_ask_meanwhile(database: Database) -> None:
    reader = FiguresReader(database)
    first = reader.refresh()
    assert reader.refresh() is first or first.done()
    first.result(FAR_S)


def test_without_its_database_the_last_figures_stay(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    reader = FiguresReader(database)
    count_one(database)
    reader.refresh().result(FAR_S)
    held = reader.latest
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE counters RENAME TO away")
    # Recent figures are not read again, so a failure is found by the next reader.
    late = FiguresReader(database)
    late.latest = held
    late.refresh().result(FAR_S)
    assert (late.is_database_up, late.latest) == (False, held)
    assert "the figures cannot be read" in caplog.text
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO counters")
    # After a failure the next one that asks has it read at once.
    count_one(database)
    late.refresh().result(FAR_S)
    assert (late.is_database_up, imports(late)) == (True, 2)
