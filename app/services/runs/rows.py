"""Rows that a run has made, in the order of acceptance, while it runs or after."""

from collections.abc import Iterator
from typing import assert_never

from sqlalchemy.orm import Session

from app.dataset_row import Record
from app.services.context import ServiceContext
from app.services.runs.control import get_run
from app.states import FINAL
from app.store.datasets import dataset_rows, reviewed_rows
from app.store.runs.source import Growing, Reviewing, source_of
from app.store.tables.runs import Run
from app.store.work import instructions

_CHUNK = 500


def rows(context: ServiceContext, run_id: str) -> Iterator[Record]:
    """Read the rows that are there now.

    Raises:
        NotFound: when there is no such run; at the call, not at the first row.
    """
    run = get_run(context, run_id)
    return _rows(context, run, 0, position_count(run))


def growing_rows(context: ServiceContext, run_id: str) -> Iterator[Record | None]:
    """Read the rows until the run has ended, always in the same order.

    A row waits for the instances of all the instructions before it, or for the review of all the
    rows before it.

    Yields:
        A row; or None when no more rows are there yet, so that the caller waits and asks again.

    Raises:
        NotFound: when there is no such run; at the call, not at the first row.
    """
    get_run(context, run_id)
    return _growing(context, run_id)


def position_count(run: Run) -> int:
    """Count the positions that a run's rows have so far: instructions, or rows to review."""
    match source_of(run):
        case Growing():
            return run.accepted
        case Reviewing(rows=count):
            return count
        case never:
            assert_never(never)


def final_until(session: Session, run: Run) -> int:
    """Count the first positions whose rows are final; all of them when the run has ended.

    `run` must have been loaded before this reads, or rows that came between would be missed.
    """
    if run.status in FINAL:
        return position_count(run)
    match source_of(run):
        case Growing():
            waits_at = instructions.first_incomplete(session, run.id)
            return run.accepted if waits_at is None else waits_at
        case Reviewing():
            return reviewed_rows.decided_until(session, run)
        case never:
            assert_never(never)


def _growing(context: ServiceContext, run_id: str) -> Iterator[Record | None]:
    read = 0
    while True:
        run = get_run(context, run_id)
        with context.database.read() as session:
            stop = final_until(session, run)
        yield from _rows(context, run, read, stop)
        read = max(read, stop)
        if run.status in FINAL:
            return
        yield None


def _rows(context: ServiceContext, run: Run, start: int, stop: int) -> Iterator[Record]:
    for first in range(start, stop, _CHUNK):
        stop_here = min(first + _CHUNK, stop)
        with context.database.read() as session:
            chunk = list(_read(session, run, first, stop_here))
        yield from chunk


def _read(session: Session, run: Run, start: int, stop: int) -> Iterator[Record]:
    match source_of(run):
        case Growing():
            return instructions.rows_between(session, run.id, start, stop)
        case Reviewing():
            between = dataset_rows.run_rows_between(session, run.id, start, stop)
            return (record for record, _ in between)
        case never:
            assert_never(never)
