"""Saving a database: one snapshot of all tables, while the service goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    cast,
    column,
    select,
    table,
)
from sqlalchemy.types import JSON

from app.errors import Conflict
from app.store.backup.archive import REPORTED_EVERY, BackupWriter, Contents, Report
from app.store.backup.failures import database_failures_named
from app.store.backup.schema import current_revision, is_known, tables_at
from app.store.database import Database

_ROWS_AT_ONCE = 100
"""Rows in memory; a row can have some megabytes."""


def save(database: Database, file: BinaryIO, report: Report) -> Contents:
    """Write a backup of the database as it is now, and return its contents.

    Raises:
        Conflict: The database has no tables, or those of a newer version.
        SeedbedError: The database failed.
    """
    with database_failures_named(), _snapshot(database) as connection:
        revision = _known_revision(connection)
        with BackupWriter(file, revision) as writer:
            for each in tables_at(revision):
                _save_table(connection, each, writer, report)
        return writer.contents


@contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    """Open a transaction that sees the database as it is now, however long it lasts.

    On SQLite every transaction is one; its write-ahead log grows until the end.
    """
    is_postgresql = database.engine.dialect.name == "postgresql"
    engine = database.engine
    if is_postgresql:
        engine = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    with engine.connect() as connection, connection.begin():
        if is_postgresql:
            # Between two rows it may wait for the disk for longer than other transactions may.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        yield connection


def _known_revision(connection: Connection) -> str:
    revision = current_revision(connection)
    if revision is None:
        raise Conflict("The database has no tables yet, so there is nothing to back up.")
    if not is_known(revision):
        raise Conflict(
            f"The database is at version {revision} of the tables, which this Seedbed does not "
            "know. Use the version of Seedbed that it belongs to."
        )
    return revision


def _save_table(connection: Connection, saved: Table, writer: BackupWriter, report: Report) -> None:
    writer.begin(saved.name, saved.columns.keys())
    report(saved.name, 0)
    rows = connection.execute(select(*map(_stored, saved.columns)).select_from(table(saved.name)))
    for done, row in enumerate(rows.yield_per(_ROWS_AT_ONCE), 1):
        writer.add(row)
        if done % REPORTED_EVERY == 0:
            report(saved.name, done)


def _stored(of: Column[Any]) -> ColumnElement[Any]:
    """Return the column as it is stored, with the same values on each database."""
    match of.type:
        case JSON():
            return cast(column(of.name), Text)
        case Boolean():
            return column(of.name, Boolean)
        case _:
            return column(of.name)
