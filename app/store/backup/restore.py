"""Restoring a backup: in one transaction that replaces the whole database, or changes nothing."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from alembic import command
from sqlalchemy import Connection, Table, update
from sqlalchemy.types import Integer

from app.errors import InvalidInput
from app.store import tables  # noqa: F401 - the metadata must know every table
from app.store.backup.archive import (
    REPORTED_EVERY,
    BackupFile,
    Contents,
    Report,
    StoredTable,
    Value,
)
from app.store.backup.failures import database_failures_named
from app.store.backup.schema import is_known, tables_at
from app.store.backup.target import replaceable
from app.store.database import Database
from app.store.declarative import Table as Model

_ROWS_AT_ONCE = 100
"""Rows in memory; a row can have some megabytes."""
_LONG_AGO = datetime.fromtimestamp(0, UTC)


def checked(path: Path) -> Contents:
    """Read a backup to its end and return its contents.

    Raises:
        InvalidInput: It can't be read, is no backup, is damaged, or has tables of a newer version.
    """
    contents = BackupFile(path).check()
    if not is_known(contents.revision):
        raise InvalidInput(
            f"{path} has version {contents.revision} of the tables, which this Seedbed does not "
            "know. Restore it with the version of Seedbed that wrote it, or a newer one."
        )
    if {table.name for table in tables_at(contents.revision)} != contents.rows.keys():
        raise InvalidInput(f"{path} does not have the tables of version {contents.revision}.")
    return contents


def restore(
    database: Database, path: Path, contents: Contents, report: Report, *, overwrite: bool
) -> None:
    """Make the database what it was at the backup, with the tables of this version.

    Args:
        database: One that no other process uses.
        path: The backup.
        contents: Its contents, as `checked` returned them.
        report: Is called with the progress.
        overwrite: True to delete the rows that are there.

    Raises:
        Conflict: The database is in use, or has rows and `overwrite` is False.
        InvalidInput: The backup has changed since it was checked.
        OutOfSpace: The disk of the database is full.
        SeedbedError: The database failed.
    """
    stored = {table.name: table for table in tables_at(contents.revision)}
    with database_failures_named(), replaceable(database, overwrite=overwrite) as config:
        connection: Connection = config.attributes["connection"]
        command.upgrade(config, contents.revision)
        for each in BackupFile(path).tables():
            _load(connection, each, report)
            _continue_numbers(connection, stored[each.name])
        command.upgrade(config, "head")
        _expire_leases(connection)
        if _is_postgresql(connection):
            _analyze(connection)


def _load(connection: Connection, stored: StoredTable, report: Report) -> None:
    report(stored.name, 0)
    rows = _reported(stored, report)
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(stored.name)} ({', '.join(map(quote, stored.columns))})"
    if _is_postgresql(connection):
        _copy(connection, into, rows)
        return
    marks = ", ".join("?" * len(stored.columns))
    insert = f"INSERT INTO {into} VALUES ({marks})"  # noqa: S608 - names of our own tables
    for some in _batched(rows):
        connection.exec_driver_sql(insert, some)


def _copy(connection: Connection, into: str, rows: Iterator[list[Value]]) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - tells mypy
    with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row([_storable(value) for value in row])


def _storable(value: Value) -> Value:
    """Return a value as PostgreSQL can have it: texts of SQLite may contain NUL."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _batched(rows: Iterator[list[Value]]) -> Iterator[Sequence[tuple[Value, ...]]]:
    some: list[tuple[Value, ...]] = []
    for row in rows:
        some.append(tuple(row))
        if len(some) == _ROWS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _reported(stored: StoredTable, report: Report) -> Iterator[list[Value]]:
    for done, row in enumerate(stored.rows, 1):
        yield row
        if done % REPORTED_EVERY == 0:
            report(stored.name, done)


def _continue_numbers(connection: Connection, table: Table) -> None:
    """Let PostgreSQL number further rows after those of the backup; SQLite does so by itself."""
    column = table.columns.get("id")
    if column is not None and isinstance(column.type, Integer) and _is_postgresql(connection):
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id))"  # noqa: S608 - our own table
            f" FROM {table.name}"
        )


def _expire_leases(connection: Connection) -> None:
    """Let other workers take over at once what was under way at the backup."""
    for table in Model.metadata.sorted_tables:
        if "leased_until" in table.columns:
            held = table.columns["leased_until"].is_not(None)
            connection.execute(update(table).where(held).values(leased_until=_LONG_AGO))


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _analyze(connection: Connection) -> None:
    """Collect the planner's statistics, which are not in the backup."""
    for table in Model.metadata.sorted_tables:
        connection.exec_driver_sql(f"ANALYZE {table.name}")
