"""Writing a version: rows and drops in order, some thousand per transaction, fenced by a token."""

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from app.dataset_row import DatasetRow, Record
from app.errors import OutOfSpace
from app.services.context import ServiceContext
from app.services.datasets.sources import read_dataset
from app.services.free_space import database_shortage
from app.services.run_leased import kept_lease
from app.states import DatasetState
from app.store.datasets import dataset_rows, versions
from app.store.datasets.dataset_rows import Drop, clear_chunk
from app.store.datasets.versions import Written
from app.store.json_columns import Facts

_log = logging.getLogger(__name__)
_ROWS_PER_WRITE = 2_000
_CHARACTERS_PER_WRITE = 8_000_000
"""Large rows are written earlier, so that the memory does not grow with them."""
DEFECT = "A defect of the service; its log has the details."


class LostHold(Exception):
    """The version was lost to another process, or deleted.

    Not a failure of the work, so it is not in `app.errors`.
    """


class Stopped(Exception):
    """This process was asked to stop; the version waits for the next one."""


class DatasetWriter:
    """Writes one version for the process that holds it."""

    def __init__(self, context: ServiceContext, dataset_id: str, token: str) -> None:
        self.dataset_id = dataset_id
        self._context = context
        self._token = token
        self._written = Written(0, 0)
        self._rows: list[DatasetRow] = []
        self._drops: list[Drop] = []
        self._characters = 0

    @property
    def row_count(self) -> int:
        """The number of rows so far."""
        return self._written.rows + len(self._rows)

    def continue_from(self, written: Written) -> None:
        """Continue after the rows that an earlier process has written."""
        self._written = written

    def clear(self) -> None:
        """Remove the rows of an earlier attempt."""
        while self._fenced(lambda session: clear_chunk(session, self.dataset_id)):
            _log.debug("data set %s: rows of an earlier attempt removed", self.dataset_id)

    def add(self, row: DatasetRow) -> None:
        """Append a row; its position is set here."""
        self._rows.append(replace(row, position=self.row_count))
        self._characters += _characters(row.record)
        self._flush_full()

    def drop(self, drop: Drop) -> None:
        """Append a row that is left out, with the reason."""
        self._drops.append(drop)
        self._flush_full()

    def flush(self) -> None:
        """Write the rows and drops that are not written yet.

        Raises:
            LostHold: when the version was lost to another process.
            OutOfSpace: when the disk of the database is full, or nearly full.
        """
        if (why := database_shortage(self._context)) is not None:
            raise OutOfSpace(why)
        before = self._written
        after = Written(before.rows + len(self._rows), before.drops + len(self._drops))

        def write(session: Session) -> None:
            advanced = versions.advance(session, self.dataset_id, self._token, before, after)
            if advanced is False:
                raise LostHold(self.dataset_id)
            if advanced:
                dataset_rows.add(session, self.dataset_id, self._rows)
                dataset_rows.add_drops(session, self.dataset_id, self._drops)

        if after != before:
            self._context.database.retrying(write)
        self._written = after
        self._rows, self._drops, self._characters = [], [], 0

    def assign_to_test(self, positions: list[int]) -> None:
        """Move the rows at these positions, all of them written, into the test split."""
        for start in range(0, len(positions), _ROWS_PER_WRITE):
            some = positions[start : start + _ROWS_PER_WRITE]
            self._fenced(partial(self._store_test, positions=some))

    def _store_test(self, session: Session, positions: list[int]) -> None:
        dataset_rows.set_split(session, self.dataset_id, "test", positions)

    def extend(self, session: Session, lease_s: float) -> bool:
        """Prolong the lease; False when the version was lost to another process."""
        return versions.extend(session, self.dataset_id, self._token, lease_s)

    def release(self) -> None:
        """Leave the version to the next process."""
        self._context.database.retrying(
            lambda session: versions.release(session, self.dataset_id, self._token)
        )

    def record_facts(self, facts: Facts) -> None:
        """Record facts that were found out while the rows were read.

        Raises:
            LostHold: when the version was lost to another process.
        """
        self._fenced(lambda session: versions.set_facts(session, self.dataset_id, facts))

    def hand_over(self) -> None:
        """Write what is left, and leave the version to a worker that finishes it."""
        self.flush()
        self.release()

    def read(self) -> Iterator[DatasetRow]:
        """Read the rows that are written."""
        return read_dataset(self._context, self.dataset_id, self._written.rows)

    def end(self, state: DatasetState, **values: Any) -> bool:  # noqa: ANN401 - columns of any type
        """Record how it ended; False when it was lost to another process."""
        return self._context.database.retrying(
            lambda session: versions.end(session, self.dataset_id, self._token, state, **values)
        )

    def fail(self, state: DatasetState, message: str) -> None:
        """Record why it failed, and remove its rows: the same request may be sent again."""
        nothing = {"row_count": 0, "dropped_count": 0, "request_sha256": None}
        if self.end(state, message=message, **nothing):
            discard_rows(self._context, self.dataset_id)

    def _flush_full(self) -> None:
        count = len(self._rows) + len(self._drops)
        if count >= _ROWS_PER_WRITE or self._characters >= _CHARACTERS_PER_WRITE:
            self.flush()

    def _fenced(self, work: Callable[[Session], Any]) -> Any:  # noqa: ANN401 - as `work` answers
        def fenced(session: Session) -> Any:  # noqa: ANN401 - as `work` answers
            if not self.extend(session, self._context.lease_s):
                raise LostHold(self.dataset_id)
            return work(session)

        return self._context.database.retrying(fenced)


class ContentHash:
    """Hash of a version's rows in canonical form: equal rows in equal order have equal hashes."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add(self, row: DatasetRow) -> None:
        """Add the next row."""
        for text in _texts(row.record):
            data = text.encode("utf-8", "surrogatepass")
            self._sha256.update(len(data).to_bytes(8, "big") + data)
        self._sha256.update(row.split.encode() + b"\0")

    def hexdigest(self) -> str:
        """Return the hash of the rows so far, in hexadecimal."""
        return self._sha256.hexdigest()


def _characters(record: Record) -> int:
    own = len(record.instruction) + len(record.input) + len(record.output) + len(record.system)
    return own + sum(len(one.user) + len(one.assistant) for one in record.history)


def _texts(record: Record) -> Iterator[str]:
    yield from (record.instruction, record.input, record.output, record.system)
    yield str(len(record.history))
    for exchange in record.history:
        yield from (exchange.user, exchange.assistant)


def new_token() -> str:
    """Return a fencing token for one attempt to make a version."""
    return secrets.token_hex(8)


@contextmanager
def open_writer(context: ServiceContext, writer: DatasetWriter) -> Iterator[DatasetWriter]:
    """Prolong the lease on the writer's version until the block ends."""
    with kept_lease(context, writer.extend):
        yield writer


def discard_rows(context: ServiceContext, dataset_id: str) -> None:
    """Remove all rows of a version, a few thousand at a time; safe to repeat."""
    while context.database.retrying(lambda session: clear_chunk(session, dataset_id)):
        _log.debug("data set %s: rows removed", dataset_id)
