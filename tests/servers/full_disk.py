"""A full disk for the database, without privileges: its own limit makes it refuse to write.

SQLite has a limit of pages. PostgreSQL's processes get the system's limit on the size of a file,
which its largest table has reached: the server meets a real error of the system.
"""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, inspect, text

from app.store.database import Database
from tests.servers.postgresql import SERVER_USER

_NO_PAGE_LIMIT = 2**31
_WAL_SEGMENT_BYTES = 16 * 1024 * 1024
"""PostgreSQL crashes when it can't write its log, so the limit must be larger."""


class FullDisk:
    """The disk of a database that fills up, and has space again."""

    def __init__(self, database: Database) -> None:
        self.is_full = False
        self._database = database
        self._is_sqlite = database.engine.dialect.name == "sqlite"
        self._limit = "unlimited"
        self._limits: dict[int, str] = {}
        """Of each server process, in bytes."""
        event.listen(database.engine, "checkout", self._set_limit)

    def close(self) -> None:
        event.remove(self._database.engine, "checkout", self._set_limit)
        # The limit belongs to the connections.
        self._database.engine.dispose()

    def prepare(self) -> None:
        """Make the table of replies large enough; there must be one."""
        if self._is_sqlite:
            return
        columns = [one["name"] for one in inspect(self._database.engine).get_columns("completions")]
        names = [name for name in columns if name != "id"]
        # Below two kilobytes a row is neither compressed nor moved out of the table.
        texts = {"prompt": "''", "reply": "repeat(md5(random()::text), 40)"}
        values = ", ".join(texts.get(name, name) for name in names)
        with self._database.write() as session:
            session.execute(
                text(
                    f"INSERT INTO completions ({', '.join(names)}) SELECT {values}"  # noqa: S608 ours
                    " FROM (SELECT * FROM completions LIMIT 1) AS one, generate_series(1, 12000)"
                )
            )
        with self._database.read() as session:
            size = session.scalar(text("SELECT pg_relation_size('completions')"))
        assert size > _WAL_SEGMENT_BYTES
        self._limit = str(size)

    def _set_limit(self, connection: Any, *_: Any) -> None:  # Any: the driver's own
        if self._is_sqlite:
            pages = 1 if self.is_full else _NO_PAGE_LIMIT
            connection.execute(f"PRAGMA max_page_count = {pages}")
            return
        pid, limit = connection.info.backend_pid, self._limit if self.is_full else "unlimited"
        if self._limits.get(pid, "unlimited") != limit:
            # As the server's own user: not even root may always limit another user's process.
            command = ["prlimit", f"--pid={pid}", f"--fsize={limit}:"]
            subprocess.run(command, check=True, user=SERVER_USER)
            self._limits[pid] = limit


@contextmanager
def full_disk_of(database: Database) -> Iterator[FullDisk]:
    """Prepare the disk of a database with at least one reply to fill up."""
    disk = FullDisk(database)
    try:
        disk.prepare()
        yield disk
    finally:
        disk.close()


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let this process write no file beyond `size` bytes, as a quota does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
