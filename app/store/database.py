"""Connections and transactions. One `with` block is one transaction; nothing else commits."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import ConfigurationError, DatabaseFull, InvalidInput
from app.store.counting import CountWriter
from app.store.full_disk import refusal

if TYPE_CHECKING:
    import psycopg

_log = logging.getLogger(__name__)
Result = TypeVar("Result")

AWAY = (OperationalError, InterfaceError, InternalError, DatabaseFull)
"""Errors of the database, not of the statement; `InternalError`: a transaction idled too long."""

_PATIENCE_S = 5.0
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 1.0

_POSTGRESQL_OPTIONS = (
    # No statement waits for ever. A process that freezes in a transaction keeps its locks,
    # above all on a run's row, until the server ends it, and all others wait for that long.
    "-c statement_timeout=60000 -c lock_timeout=20000 -c idle_in_transaction_session_timeout=5000"
    # A client that is gone during a statement is noticed.
    " -c client_connection_check_interval=5000"
)
_APPLICATION = "seedbed"
"""PostgreSQL lists connections under this name; a restore looks for others of it."""
_UTF8 = "UTF8"
_POSTGRESQL_NETWORK = {
    # A server that disappears is noticed after half a minute instead of hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "connect_timeout": 10,
}


_DATA_DIRECTORY = text(
    # Only of a server on this machine, and only where the role may see it.
    "SELECT current_setting('data_directory')"
    " WHERE pg_has_role(current_user, 'pg_read_all_settings', 'member')"
    " AND (inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr())"
)

_SMALL_WRITE = text("UPDATE alembic_version SET version_num = version_num")


class Database:
    """One engine and its two kinds of transaction; make it after a fork, never before.

    Args:
        url: SQLAlchemy address of a SQLite file or a PostgreSQL database.
    """

    def __init__(self, url: str) -> None:
        self.engine = _make_engine(url)
        self.writing = self.engine.execution_options(seedbed_writes=True)
        """The same engine, for transactions that write."""
        self._counts = CountWriter()
        self.refusal: str | None = None
        """Why the last transaction that tried to write could not, when the disk was the reason."""
        self._folder = _sqlite_folder(make_url(url))
        self._is_folder_known = self.engine.dialect.name == "sqlite"
        self._counting = threading.Lock()
        self._in_use = 0
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that only reads."""
        with self._transaction(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that writes; on SQLite it holds the write lock from the start."""
        with self._transaction(self.writing) as session:
            yield session
            self._counts.write(session)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Session]:
        with self._counting:
            self._in_use += 1
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
            if engine is self.writing:
                self.refusal = None
        except (DBAPIError, sqlite3.Error) as error:
            why = refusal(error, self._folder)
            if why is None:
                raise
            self.refusal = why
            raise DatabaseFull(why) from error
        finally:
            with self._counting:
                self._in_use -= 1
                if self._closed and not self._in_use:
                    self.engine.dispose()

    def folder(self) -> Path | None:
        """Return the folder whose disk the database fills; None: in memory, or not known.

        It is known of SQLite, and of a PostgreSQL server on this machine if the role may see it.
        """
        if not self._is_folder_known:
            with self.read() as session:
                found = session.scalar(_DATA_DIRECTORY)
            self._folder = Path(found) if found and Path(found).exists() else None
            self._is_folder_known = True
        return self._folder

    def refused_write(self) -> str | None:
        """Write a little, and say why that was refused for lack of space; None when it was not."""
        try:
            with self.write() as session:
                session.execute(_SMALL_WRITE)
        except DatabaseFull as full:
            return str(full)
        except SQLAlchemyError:
            return None
        return None

    def retrying(
        self,
        work: Callable[[Session], Result],
        *,
        patience_s: float = _PATIENCE_S,
        writes: bool = True,
    ) -> Result:
        """Run `work` in a transaction, and again when the database fails.

        `work` must be idempotent: after a commit whose answer was lost it runs a second time, and
        must find nothing left to do.

        Raises:
            OperationalError: when it still fails `patience_s` after the first failure.
            DatabaseFull: at once; space may not be there for hours.
        """
        # From the first failure on: a process that froze in the transaction has lost it, and may
        # have slept for longer than its patience.
        give_up_at: float | None = None
        delay_s = _FIRST_DELAY_S
        while True:
            try:
                with self.write() if writes else self.read() as session:
                    return work(session)
            except DatabaseFull:
                raise
            except (OperationalError, InterfaceError, InternalError) as error:
                now = time.monotonic()
                give_up_at = now + patience_s if give_up_at is None else give_up_at
                if now + delay_s > give_up_at:
                    raise
                _log.warning("database trouble, trying again: %s", error.orig)
            time.sleep(delay_s)
            delay_s = min(2 * delay_s, _LONGEST_DELAY_S)

    def close(self) -> None:
        """Close all connections: now, or after the last transaction that is still open.

        A thread may live longer than its starter, such as one that records the use of an API key.
        Its connection would return to a pool that is gone, and never be closed.
        """
        with self._counting:
            self._closed = True
            if not self._in_use:
                self.engine.dispose()


def _sqlite_folder(address: URL) -> Path | None:
    if address.get_backend_name() != "sqlite" or address.database in {None, "", ":memory:"}:
        return None
    return Path(str(address.database)).absolute().parent


def _make_engine(url: str) -> Engine:
    engine = _engine_of(url)
    event.listen(engine, "handle_error", _refuse_unstorable_value)
    return engine


def _refuse_unstorable_value(context: ExceptionContext) -> None:
    """Report a value that a column can't hold as invalid input, the same on both databases.

    PostgreSQL says so by a `DataError`, SQLite's driver by errors of Python. What callers send is
    checked before; this is for what such a check forgot, so the statement is logged.
    """
    error = context.sqlalchemy_exception or context.original_exception
    if isinstance(error, DataError | OverflowError | UnicodeEncodeError):
        _log.error("a value can't be stored: %s: %s", context.original_exception, context.statement)
        raise InvalidInput("A value can't be stored: it is out of range, or is no text.") from error


def _engine_of(url: str) -> Engine:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address, connect_args={"timeout": 20.0})
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    name = str(address.query.get("application_name", _APPLICATION))
    engine = create_engine(
        address.set(drivername="postgresql+psycopg"),
        connect_args={
            "options": _POSTGRESQL_OPTIONS,
            "application_name": name,
            **_POSTGRESQL_NETWORK,
        },
        pool_pre_ping=True,
        pool_size=10,
    )
    # First, because SQLAlchemy's own questions fail in some encodings.
    event.listen(engine, "connect", _refuse_other_encodings, insert=True)
    return engine


def _refuse_other_encodings(
    connection: "psycopg.Connection[Any]", _entry: ConnectionPoolEntry
) -> None:
    """Refuse a PostgreSQL database that can't store every text.

    Raises:
        ConfigurationError: its encoding is not UTF-8.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != _UTF8:
        name = connection.info.dbname
        raise ConfigurationError(
            f"The PostgreSQL database {name!r} has the encoding {encoding}, which cannot store "
            f"every text; Seedbed needs {_UTF8}. An encoding cannot be changed: create another "
            f"database with CREATE DATABASE seedbed_utf8 TEMPLATE template0 ENCODING 'UTF8' "
            "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8', and name it in DATABASE_URL."
        )


def _configure_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - the driver's own
    # The driver must not begin transactions by itself: `begin` below decides which kind.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("seedbed_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
