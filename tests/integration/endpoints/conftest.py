"""Whole runs on SQLite against an endpoint that plays the habits of a real one."""

from collections.abc import Callable
from typing import Any

import pytest

from app.store.database import Database
from tests.bench import bench_of


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The address of a fresh SQLite database: the habits of endpoints don't depend on it."""
    return sqlite_url


@pytest.fixture
def open_bench(database: Database) -> Callable[..., Any]:
    """Opens a bench on this test's database with a script of its choice."""
    return lambda script, **changes: bench_of(database, script, **changes)
