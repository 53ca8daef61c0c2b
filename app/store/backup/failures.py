"""Failures of a database during a backup or a restore, as the errors that a command may show."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from app.errors import InvalidInput, OutOfSpace, SeedbedError


@contextmanager
def database_failures_named() -> Iterator[None]:
    """Turn what the database refuses, or fails at, into an anticipated failure.

    Raises:
        OutOfSpace: the database's disk is full.
        InvalidInput: it refuses a value.
        SeedbedError: it failed.
    """
    try:
        yield
    except DBAPIError as error:
        raise _named(error.orig) from error
    except (psycopg.Error, sqlite3.Error) as error:
        raise _named(error) from error


def _named(error: BaseException | None) -> SeedbedError:
    # The first line; what follows is advice for the administrator of the server.
    said = str(error).strip().partition("\n")[0]
    full = isinstance(error, psycopg.errors.DiskFull) or (
        getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    )
    if full:
        return OutOfSpace(f"The disk of the database is full: {said}.")
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError | sqlite3.IntegrityError):
        return InvalidInput(f"The database refuses a row: {said}.")
    return SeedbedError(f"The database failed: {said}.")
