"""What all tests share: the real servers, and a database of either kind for each test."""

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from app.start_up import collector_rests
from app.store.database import Database
from app.store.migrate import migrate
from tests.one_dialect import share_compiled_statements
from tests.servers.memory import folder_in_memory
from tests.servers.postgresql import PostgreSQL, postgresql_server

# Read when its library is first imported; its storage speaks a protocol that our hub does not.
os.environ["HF_HUB_DISABLE_XET"] = "1"
# Before torch is loaded. One thread makes the same sums anywhere, and on a busy machine threads
# that wait for each other take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# SQLite waits for the disk at each commit. Where pytest makes its folders.
if (_memory := folder_in_memory()) is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_memory))
# What a shell starts in the background is deaf to Ctrl-C, and so is what that starts in turn.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


share_compiled_statements()

MOSTLY_POSTGRESQL = pytest.mark.mostly_postgresql


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector away from what the test files load: a fifth of a process's time."""
    with collector_rests():
        return (yield)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files marked `torch` unread where they are deselected.

    Reading one imports torch, which would make each of the other tests in the process slow.
    """
    if "not torch" not in config.option.markexpr or collection_path.suffix != ".py":
        return None
    return "pytest.mark.torch" in collection_path.read_text(encoding="utf-8") or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave tests that take long, where both databases have them, to the long ones on SQLite."""
    on = {(item.nodeid.partition("[")[0], _database_of(item)) for item in items}
    long = (item for item in items if item.get_closest_marker("mostly_postgresql"))
    for item in long:
        twin = (item.nodeid.partition("[")[0], "postgresql")
        if _database_of(item) == "sqlite" and twin in on:
            item.add_marker(pytest.mark.slow)


def _database_of(item: pytest.Item) -> str | None:
    call = getattr(item, "callspec", None)
    return None if call is None else call.params.get("database_url")


@pytest.fixture
def self_signed() -> tuple[Path, Path]:
    """The certificate and key of localhost that no machine trusts, valid for a hundred years."""
    file = Path(__file__).parent / "servers" / "self_signed.pem"
    return file, file


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgresql: PostgreSQL) -> str:
    name = postgresql.create_database()
    database = Database(postgresql.url(name))
    migrate(database)
    database.close()
    return name


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with this version's tables, to be copied: a migration takes far longer."""
    path = tmp_path_factory.mktemp("template") / "seedbed.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """The address of a fresh SQLite database with this version's tables."""
    path = tmp_path / "seedbed.db"
    shutil.copyfile(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a fresh database with this version's tables."""
    if request.param == "postgresql":
        postgresql: PostgreSQL = request.getfixturevalue("postgresql")
        name = postgresql.create_database(request.getfixturevalue("migrated_template"))
        yield postgresql.url(name)
        postgresql.drop_database(name)
    else:
        yield request.getfixturevalue("sqlite_url")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()
