"""The database that a restore replaces: nobody else may use it, and it has to be empty."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic.config import Config
from sqlalchemy import Connection, Table, exists, func, select

from app.errors import Conflict
from app.store.backup.schema import VERSION_TABLE, current_revision, is_known, tables_at
from app.store.database import Database
from app.store.migrate import migrating
from app.store.sql import epoch_now

_STOP_IT = "Stop every process of the service that uses this database, then repeat the command."


@contextmanager
def replaceable(database: Database, *, overwrite: bool) -> Iterator[Config]:
    """Open a transaction on a database without tables, in which Alembic's commands can make some.

    Tables that were there are dropped, and are back if the block fails.

    Raises:
        Conflict: Another process uses the database, or there are rows and no leave to `overwrite`.
    """
    is_sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.connect() as connection:
        if is_sqlite:
            _lock_file(connection)
        with migrating(connection) as config:
            if not is_sqlite:
                _refuse_other_connections(connection)
            _drop(connection, _checked_tables(connection, overwrite=overwrite))
            yield config


def _lock_file(connection: Connection) -> None:
    """Lock the file until the connection is closed; fails while any other has the file open."""
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - it is connected; tells mypy
    driver.execute("PRAGMA busy_timeout=1000")
    driver.execute("PRAGMA locking_mode=EXCLUSIVE")
    try:
        # Only the sole connection can leave the write-ahead log, in which a restore would have all
        # pages twice. The next connection returns to it.
        [mode] = driver.execute("PRAGMA journal_mode=DELETE").fetchone()
    except driver.OperationalError:
        mode = "wal"
    if mode != "delete":
        raise Conflict(f"Another process has the database file open. {_STOP_IT}")


def _refuse_other_connections(connection: Connection) -> None:
    others = connection.exec_driver_sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
        " AND application_name = current_setting('application_name')"
    ).scalar_one()
    if others:
        raise Conflict(f"{others} other connections of Seedbed use the database. {_STOP_IT}")


def _checked_tables(connection: Connection, *, overwrite: bool) -> Sequence[Table]:
    """Return our tables in the database."""
    revision = current_revision(connection)
    if revision is None:
        return ()
    if not is_known(revision):
        raise Conflict(
            f"The database is at version {revision} of the tables, which this Seedbed does not "
            "know. Restore into another database, or use a newer version of Seedbed."
        )
    there = tables_at(revision)
    ends = [each.columns["leased_until"] for each in there if "leased_until" in each.columns]
    if any(connection.scalar(select(exists().where(end >= epoch_now()))) for end in ends):
        raise Conflict(f"A worker is at work, or died less than a lease ago. {_STOP_IT}")
    counts = {
        each.name: connection.scalar(select(func.count()).select_from(each)) for each in there
    }
    filled = [f"{count} in {name}" for name, count in counts.items() if count]
    if filled and not overwrite:
        raise Conflict(
            f"The database is not empty: it has rows ({', '.join(filled)}). Pass --force to delete "
            "them, or set DATABASE_URL to an empty database."
        )
    return there


def _drop(connection: Connection, ours: Sequence[Table]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    for each in reversed(ours):
        connection.exec_driver_sql(f"DROP TABLE {quote(each.name)}")
    if ours:
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
