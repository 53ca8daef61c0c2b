"""What a run has made: its rows in the order of acceptance, while it grows or after."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from app.pipeline.run_state import FINAL
from app.record import Record
from app.services.runs import get_run
from app.services.workshop import Workshop
from app.store import dataset_rows, instructions, reviews, runs
from app.store.models import Run

_CHUNK = 500


def rows(workshop: Workshop, run_id: str) -> Iterator[Record]:
    """Read the rows that are there now.

    Raises:
        NotFound: when there is no such run; at the call, not at the first row.
    """
    run = get_run(workshop, run_id)
    return _rows(workshop, run, 0, places(run))


def growing_rows(workshop: Workshop, run_id: str) -> Iterator[Record | None]:
    """Read the rows as they come until the run has ended, always in the same order.

    A row waits for the instances of all the instructions before it, or for the review of all the
    rows before it. None says that nothing more is there for now: the caller waits as it likes, and
    asks for the next.

    Raises:
        NotFound: when there is no such run; at the call, not at the first row.
    """
    get_run(workshop, run_id)
    return _growing(workshop, run_id)


def places(run: Run) -> int:
    """Count the places that a run's rows stand in so far: instructions, or rows to review."""
    return run.accepted if run.dataset_id is None else runs.target_of(run)


def final_until(session: Session, run: Run) -> int:
    """Count the first places whose rows change no more; all of them when the run has ended.

    `run` must have been loaded before what is looked at here.
    """
    if run.status in FINAL:
        return places(run)
    if run.dataset_id is not None:
        return reviews.decided_until(session, run)
    waits_at = instructions.first_incomplete(session, run.id)
    return run.accepted if waits_at is None else waits_at


def _growing(workshop: Workshop, run_id: str) -> Iterator[Record | None]:
    read = 0
    while True:
        run = get_run(workshop, run_id)
        with workshop.database.read() as session:
            stop = final_until(session, run)
        yield from _rows(workshop, run, read, stop)
        read = max(read, stop)
        if run.status in FINAL:
            return
        yield None


def _rows(workshop: Workshop, run: Run, start: int, stop: int) -> Iterator[Record]:
    for first in range(start, stop, _CHUNK):
        stop_here = min(first + _CHUNK, stop)
        with workshop.database.read() as session:
            chunk = list(_read(session, run, first, stop_here))
        yield from chunk


def _read(session: Session, run: Run, start: int, stop: int) -> Iterator[Record]:
    if run.dataset_id is None:
        return instructions.rows_between(session, run.id, start, stop)
    return (row[0] for row in dataset_rows.run_rows_between(session, run.id, start, stop))
