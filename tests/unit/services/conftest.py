"""What unit tests of services share: a SQLite file of their own, and runs within this process."""

import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.llm.scripted.model import reply
from app.services.context import ServiceContext
from app.settings import Price
from app.store.database import Database
from tests.bench import bench_of

PRICES = {"scripted": Price(input_usd=Decimal("0.5"), output_usd=Decimal(2))}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """The address of a fresh SQLite database."""
    return sqlite_url


@pytest.fixture
def open_bench(database: Database) -> Callable[..., Any]:
    """Opens a bench on this test's database with a script of its choice."""
    return lambda script, **changes: bench_of(database, script, **changes)


def context_of(database: Database, files_dir: Path, **changes: Any) -> ServiceContext:
    """A context without an endpoint: what is tested with it calls no model."""
    values: dict[str, Any] = {
        "database": database,
        "endpoints": [],
        "default_model": "scripted",
        "concurrency": 8,
        "slice_s": 10.0,
        "lease_s": 30.0,
        "prices": PRICES,
        "files_dir": files_dir,
    }
    return ServiceContext(**{**values, **changes})


@pytest.fixture
def context(database: Database, tmp_path: Path) -> ServiceContext:
    """A context on a fresh database."""
    return context_of(database, tmp_path / "data" / "files")


@pytest.fixture(scope="session")
def grown_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with one finished run of six instructions, to be copied."""
    path = tmp_path_factory.mktemp("grown") / "seedbed.db"
    shutil.copyfile(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    with bench_of(database, reply) as bench:
        assert bench.work(bench.start(target=6)).status == "succeeded"
    database.close()
    return path


@pytest.fixture
def grown(grown_file: Path, tmp_path: Path) -> Iterator[ServiceContext]:
    """A context on a database of its own with one finished run."""
    path = tmp_path / "grown.db"
    shutil.copyfile(grown_file, path)
    database = Database(f"sqlite:///{path}")
    yield context_of(database, tmp_path / "data" / "files")
    database.close()
