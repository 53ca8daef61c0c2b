from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from app.errors import DatabaseFull
from app.store.database import Database
from app.store.full_disk import refusal
from tests.servers.full_disk import FullDisk, files_limited_to


def add_kilobytes(database: Database, count: int) -> None:
    with database.write() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS filler (text TEXT)"))
        session.execute(text("INSERT INTO filler VALUES (:text)"), {"text": "x" * 1000 * count})


def test_a_full_disk_is_an_anticipated_failure_and_passes(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'a.db'}")) as database:
        add_kilobytes(database, 1)
        with closing(FullDisk(database)) as disk:
            disk.is_full = True
            with pytest.raises(DatabaseFull, match=r"can't write: database or disk is full\. Free"):
                database.retrying(lambda session: session.execute(text("CREATE TABLE b (c)")))
            assert "is full" in str(database.refusal)
            disk.is_full = False
            add_kilobytes(database, 1)
        assert database.refusal is None


def test_a_limit_of_the_file_size_is_a_full_disk(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'a.db'}")) as database:
        add_kilobytes(database, 1)
        with files_limited_to(100_000), pytest.raises(DatabaseFull, match="SQLITE_IOERR_WRITE"):
            add_kilobytes(database, 1000)
        add_kilobytes(database, 1000)


def test_other_failures_of_the_database_stay_what_they_are(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'a.db'}")) as database:
        with pytest.raises(OperationalError, match="no such table"), database.read() as session:
            session.execute(text("SELECT * FROM absent"))
        assert database.refusal is None


def test_errors_of_postgresql_are_read_by_code_or_by_the_words_of_the_system() -> None:
    full = psycopg.errors.DiskFull("could not extend file: No space left on device\nHINT: x")
    quota = psycopg.errors.InternalError_("could not write to file: Disk quota exceeded")
    read_only = psycopg.errors.InsufficientPrivilege("could not open file: Read-only file system")
    for error in (full, quota, read_only):
        words = str(refusal(DBAPIError("INSERT", None, error), None))
        assert words.startswith(f"The database can't write: {str(error).splitlines()[0]}. Free")
    down = psycopg.OperationalError("the connection is lost")
    assert refusal(DBAPIError("INSERT", None, down), None) is None
