"""A real SQLite file for each test: the store's queries, without anything around them."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.store.database import Database
from app.store.declarative import Table


@pytest.fixture(scope="session")
def tables_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "tables.db"
    with closing(Database(f"sqlite:///{path}")) as database:
        Table.metadata.create_all(database.engine)
        with database.engine.connect() as connection:
            # All that is written is in the one file then.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def database(tables_file: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "seedbed.db"
    shutil.copy(tables_file, path)
    with closing(Database(f"sqlite:///{path}")) as database:
        yield database


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.write() as session:
        yield session
