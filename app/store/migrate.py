"""Bring a database to this version of the tables: ``python -m app.store.migrate``."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from app.settings import Settings
from app.store.database import Database

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def migrate(database: Database, revision: str = "head") -> None:
    """Upgrade to `revision`; safe to repeat. Two at once wait for each other on PostgreSQL."""
    with _ready(database) as config:
        command.upgrade(config, revision)


def take_back(database: Database, revision: str) -> None:
    """Downgrade to `revision`; what only later tables can hold is lost."""
    with _ready(database) as config:
        command.downgrade(config, revision)


@contextmanager
def _ready(database: Database) -> Iterator[Config]:
    """Open a transaction in which tables may be changed: all of what is done, or nothing."""
    config = alembic_config()
    with database.engine.connect() as connection:
        around = _alone if connection.dialect.name == "postgresql" else _unbound
        with around(connection):
            config.attributes["connection"] = connection
            yield config


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    connection.exec_driver_sql("SELECT pg_advisory_lock(5160123)")
    connection.commit()
    try:
        with connection.begin():
            yield
    finally:
        connection.exec_driver_sql("SELECT pg_advisory_unlock(5160123)")


@contextmanager
def _unbound(connection: Connection) -> Iterator[None]:
    """Let SQLite forget foreign keys for a while: to alter a table it is copied and dropped.

    Raises:
        IntegrityError: a row refers to nothing now; nothing was changed.
    """
    # On the driver's own connection: within a transaction it would change nothing.
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - it is connected; tells mypy
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        with connection.begin():
            yield
            astray = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            if astray:
                raise sqlite3.IntegrityError(f"rows that refer to nothing: {astray[:10]}")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def alembic_config() -> Config:
    """Say where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


if __name__ == "__main__":
    settings = Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    try:
        migrate(database)
    finally:
        database.close()
