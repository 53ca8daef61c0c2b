"""What integration tests share: runs within this process, on either database."""

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from app.store.database import Database
from tests.bench import bench_of

# These tune a model: `make .venv/training.installed`.
collect_ignore_glob = ["test_serv*.py"] if importlib.util.find_spec("peft") is None else []


@pytest.fixture
def open_bench(database: Database) -> Callable[..., Any]:
    """Opens a bench on this test's database with a script of its choice."""
    return lambda script, **changes: bench_of(database, script, **changes)
