"""Fixtures of the integration tests: runs within this process, on either database."""

from collections.abc import Callable
from typing import Any

import pytest

from app.store.database import Database
from tests.bench import bench_of


@pytest.fixture
def open_bench(database: Database) -> Callable[..., Any]:
    """Opens a bench on this test's database with a script of its choice."""
    return lambda script, **changes: bench_of(database, script, **changes)
