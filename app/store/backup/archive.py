"""Backup files: rows as JSON lines, gzipped, with the version of the tables and a checksum.

The first line names the version, the last has the number of rows of each table and the checksum of
all lines before it::

    {"seedbed_backup": 1, "revision": "0014", "created_at": "2026-12-01T09:00:00+00:00"}
    {"table": "runs", "columns": ["id", "status", ...]}
    ["run_01a22d34", "running", ...]
    {"rows": {"runs": 1}, "sha256": "..."}

Values are as the database stores them: times in seconds, money in picodollars, JSON as its text.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeAlias

from app.errors import InvalidInput

Report: TypeAlias = Callable[[str, int], None]
"""Called with a table and the number of its rows that are done."""
Value: TypeAlias = str | int | float | bool | None

REPORTED_EVERY = 1000
"""Rows from one report to the next."""
_FORMAT = 1
_BUFFER = 256 * 1024
_LONGEST_LINE = 1 << 30
"""Bytes; more than any database takes for a value."""
_LAST = b'{"rows"'
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a backup, without its rows."""

    revision: str
    """The version of its tables."""
    created_at: str
    rows: dict[str, int]
    """Number of rows by table."""


class BackupWriter:
    """A backup under way, written into an open file; complete when the block has ended."""

    def __init__(self, file: BinaryIO, revision: str) -> None:
        # Level 1 halves the time of level 6, for a file that is a fifth larger.
        self._file = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, filename="", mtime=0)
        self._pending = bytearray()
        self._digest = hashlib.sha256()
        self._rows: dict[str, int] = {}
        self._table = ""
        self.contents = Contents(revision, datetime.now(UTC).isoformat(), self._rows)
        """Complete when the backup is."""
        head = {"seedbed_backup": _FORMAT, "revision": revision}
        self._write({**head, "created_at": self.contents.created_at})

    def begin(self, table: str, columns: Sequence[str]) -> None:
        """Begin a table; its rows follow."""
        self._table = table
        self._rows[table] = 0
        self._write({"table": table, "columns": list(columns)})

    def add(self, row: Sequence[Value]) -> None:
        """Write a row of the table that was begun last, its values in the order of the columns."""
        self._write(list(row))
        self._rows[self._table] += 1

    def _write(self, value: object) -> None:
        self._pending += _encode(value).encode() + b"\n"
        if len(self._pending) >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        self._digest.update(self._pending)
        self._file.write(self._pending)
        self._pending.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._flush()
            self._write({"rows": self._rows, "sha256": self._digest.hexdigest()})
            self._flush()
            self._file.close()


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table in a backup; read its rows before the next table."""

    name: str
    columns: Sequence[str]
    rows: Iterator[list[Value]]


class BackupFile:
    """A backup to read: first `check` all of it, then read its tables."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> Contents:
        """Read the whole file and return its contents.

        Raises:
            InvalidInput: it can't be read, is no backup, or is damaged.
        """
        lines = self._lines()
        head = self._head(next(lines, b""))
        rows: dict[str, int] = {}
        stated: object = None
        table = ""
        try:
            for line in lines:
                if line.startswith(b"["):
                    rows[table] += 1
                elif line.startswith(_LAST):
                    stated = json.loads(line)["rows"]
                else:
                    table = json.loads(line)["table"]
                    rows[table] = 0
        except (ValueError, KeyError, TypeError):
            raise self._damaged("a line cannot be read") from None
        if stated != rows:
            raise self._damaged("rows are missing")
        return Contents(str(head["revision"]), str(head["created_at"]), rows)

    def tables(self) -> Iterator[StoredTable]:
        """Yield the tables in order; each one's rows must be read before the next is asked for.

        Raises:
            InvalidInput: the file has changed since it was checked.
        """
        lines = self._lines()
        self._head(next(lines, b""))
        following = [next(lines)]
        while not (line := following.pop()).startswith(_LAST):
            head = json.loads(line)
            yield StoredTable(head["table"], head["columns"], _rows(lines, following))
        # The checksum is compared after the last line.
        for _ in lines:
            raise self._damaged("it has lines after its end")

    def _head(self, line: bytes) -> dict[str, object]:
        try:
            head: dict[str, object] = json.loads(line)
            version = head["seedbed_backup"]
        except (ValueError, KeyError, TypeError):
            raise self._no_backup() from None
        if version != _FORMAT:
            raise InvalidInput(
                f"{self._path} has version {version!r} of the backup format; this Seedbed reads "
                f"version {_FORMAT}. Use the version of Seedbed that wrote it, or a newer one."
            )
        return head

    def _lines(self) -> Iterator[bytes]:
        """Yield all lines; after the last one, compare the checksum."""
        digest = hashlib.sha256()
        begun = False
        try:
            with gzip.open(self._path, "rb") as file:
                for line in iter(partial(file.readline, _LONGEST_LINE), b""):
                    begun = True
                    yield line
                    if line.startswith(_LAST):
                        if file.read(1) or json.loads(line)["sha256"] != digest.hexdigest():
                            raise self._damaged("its checksum does not match")
                        return
                    digest.update(line)
        except gzip.BadGzipFile as error:
            raise (self._damaged(str(error)) if begun else self._no_backup()) from None
        except (EOFError, zlib.error, ValueError, KeyError) as error:
            raise self._damaged(str(error)) from None
        except OSError as error:
            raise InvalidInput(f"{self._path} cannot be read: {error.strerror}.") from None
        raise self._damaged("it ends too early")

    def _no_backup(self) -> InvalidInput:
        return InvalidInput(f"{self._path} is not a backup that `seedbed backup` wrote.")

    def _damaged(self, why: str) -> InvalidInput:
        return InvalidInput(
            f"{self._path} is damaged or incomplete ({why}). Copy it again, or use another backup."
        )


def _rows(lines: Iterator[bytes], following: list[bytes]) -> Iterator[list[Value]]:
    """Yield the rows of one table; the line after them is put into `following`."""
    for line in lines:
        if not line.startswith(b"["):
            following.append(line)
            return
        yield json.loads(line)
