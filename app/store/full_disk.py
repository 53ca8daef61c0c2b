"""A database whose disk is full: recognised in the errors of SQLite and of PostgreSQL."""

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from app.disk_space import shortage

_PRIMARY_CODE = 0xFF
"""SQLite's extended error codes have the primary one in their last byte."""
_WRITING_FAILED = frozenset(
    {
        "SQLITE_IOERR_WRITE",
        "SQLITE_IOERR_FSYNC",
        "SQLITE_IOERR_DIR_FSYNC",
        "SQLITE_IOERR_TRUNCATE",
        "SQLITE_IOERR_SHMOPEN",
        "SQLITE_IOERR_SHMSIZE",
        "SQLITE_IOERR_SHMMAP",
    }
)
"""A full disk by a quota or a limit of the file's size, or a disk that fails."""
_MAY_BE_FULL = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR})
"""Files beside the database can't be made; the disk tells why."""
_DISK_FULL = "53100"
_SYSTEM_WORDS = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
)
"""PostgreSQL has no code for some of these, and quotes the system."""


def refusal(error: DBAPIError | sqlite3.Error, folder: Path | None) -> str | None:
    """Say why the database could not write, if its disk is the reason; None for other errors.

    Args:
        error: what SQLAlchemy or the driver raised.
        folder: the folder of an SQLite database; None: it is in memory, or on a server.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    why = _sqlite(cause, folder) if isinstance(cause, sqlite3.Error) else _postgresql(cause)
    if why is None:
        return None
    return f"The database can't write: {why}. Free some space; the work then goes on by itself."


def _sqlite(error: sqlite3.Error, folder: Path | None) -> str | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    if code & _PRIMARY_CODE == sqlite3.SQLITE_FULL:
        return str(error)
    if error.sqlite_errorname in _WRITING_FAILED:
        return f"{error} ({error.sqlite_errorname})"
    if code & _PRIMARY_CODE in _MAY_BE_FULL and folder is not None:
        return shortage(folder, 0)
    return None


def _postgresql(error: BaseException | None) -> str | None:
    first_line = str(error).partition("\n")[0]
    full = getattr(error, "sqlstate", None) == _DISK_FULL
    return first_line if full or any(words in first_line for words in _SYSTEM_WORDS) else None
