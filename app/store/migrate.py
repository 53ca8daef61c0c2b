"""Migrations of a database: ``python -m app.store.migrate`` brings it to this version's tables."""

import gc
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from app.errors import ConfigurationError
from app.logging_setup import log_to_stderr
from app.settings import Settings
from app.store.database import Database

_UNLIMITED = ("statement_timeout", "idle_in_transaction_session_timeout")
_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def migrate(database: Database, revision: str = "head") -> None:
    """Upgrade to `revision`; safe to repeat. Two at once wait for each other on PostgreSQL."""
    with migration_config(database) as config:
        command.upgrade(config, revision)


def take_back(database: Database, revision: str) -> None:
    """Downgrade to `revision`; data that only later tables can hold is lost."""
    with migration_config(database) as config:
        command.downgrade(config, revision)


@contextmanager
def migration_config(database: Database) -> Iterator[Config]:
    """Open a transaction in which tables may change, all or nothing, for Alembic's commands."""
    with database.engine.connect() as connection, migrating(connection) as config:
        yield config


@contextmanager
def migrating(connection: Connection) -> Iterator[Config]:
    """Do so on a connection without a transaction."""
    config = alembic_config()
    around = _exclusive if connection.dialect.name == "postgresql" else _without_foreign_keys
    with around(connection):
        config.attributes["connection"] = connection
        yield config


@contextmanager
def _exclusive(connection: Connection) -> Iterator[None]:
    """Let one process at a time change the tables, without the time limits of short transactions.

    An index on millions of rows takes minutes, and a process that waits for another waits as long.
    Only the wait for a table in use keeps its limit: all other users would wait behind it.
    """
    for limit in _UNLIMITED:
        connection.exec_driver_sql(f"SET {limit} = 0")
    connection.exec_driver_sql("SET lock_timeout = 0")
    connection.exec_driver_sql("SELECT pg_advisory_lock(5160123)")
    connection.exec_driver_sql("RESET lock_timeout")
    connection.commit()
    try:
        with connection.begin():
            yield
    finally:
        connection.exec_driver_sql("SELECT pg_advisory_unlock(5160123)")
        for limit in _UNLIMITED:
            connection.exec_driver_sql(f"RESET {limit}")
        connection.commit()


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Switch SQLite's foreign keys off: to alter a table, Alembic copies and drops it.

    Raises:
        IntegrityError: a row would refer to a missing row; nothing was changed.
    """
    # On the driver's own connection: within a transaction the pragma has no effect.
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - it is connected; tells mypy
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            yield
            dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if dangling:
                raise sqlite3.IntegrityError(f"rows that refer to missing rows: {dangling[:10]}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def alembic_config() -> Config:
    """Return Alembic's configuration: where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


if __name__ == "__main__":
    # Collections would search the loaded modules again and again, for a third of the time.
    gc.freeze()
    settings = Settings()
    log_to_stderr(settings.log_format)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    try:
        migrate(database)
    except ConfigurationError as error:
        sys.exit(str(error))
    finally:
        database.close()
