"""Whole runs on SQLite against an endpoint that plays the habits of a real one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.store.database import Database
from app.store.migrate import migrate
from tests.bench import bench_of


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with this version's tables, to be copied: a migration takes far longer."""
    path = tmp_path_factory.mktemp("template") / "seedbed.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """The address of a fresh SQLite database: the habits of endpoints don't depend on it."""
    path = tmp_path / "seedbed.db"
    path.write_bytes(migrated_file.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def open_bench(database: Database) -> Callable[..., Any]:
    """Opens a bench on this test's database with a script of its choice."""
    return lambda script, **changes: bench_of(database, script, **changes)
