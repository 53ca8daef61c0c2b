"""What a run has made: its rows in the order of acceptance, while it grows or after."""

from collections.abc import Iterator

from app.pipeline.run_state import FINAL
from app.record import Record
from app.services.runs import get_run
from app.services.workshop import Workshop
from app.store import instructions

_CHUNK = 500


def rows(workshop: Workshop, run_id: str) -> Iterator[Record]:
    """Read the rows that are there now.

    Raises:
        NotFound: when there is no such run; at the call, not at the first row.
    """
    accepted = get_run(workshop, run_id).accepted
    return _rows(workshop, run_id, 0, accepted)


def growing_rows(workshop: Workshop, run_id: str) -> Iterator[Record | None]:
    """Read the rows as they come until the run has ended, always in the same order.

    A row waits for the instances of all the instructions before it. None says that nothing more is
    there for now: the caller waits as it likes, and asks for the next.

    Raises:
        NotFound: when there is no such run; at the call, not at the first row.
    """
    get_run(workshop, run_id)
    return _growing(workshop, run_id)


def _growing(workshop: Workshop, run_id: str) -> Iterator[Record | None]:
    read = 0
    while True:
        run = get_run(workshop, run_id)
        ended = run.status in FINAL
        with workshop.database.read() as session:
            waits_at = None if ended else instructions.first_incomplete(session, run_id)
        stop = run.accepted if waits_at is None else waits_at
        yield from _rows(workshop, run_id, read, stop)
        read = max(read, stop)
        if ended:
            return
        yield None


def _rows(workshop: Workshop, run_id: str, start: int, stop: int) -> Iterator[Record]:
    for first in range(start, stop, _CHUNK):
        with workshop.database.read() as session:
            stop_here = min(first + _CHUNK, stop)
            chunk = list(instructions.rows_between(session, run_id, first, stop_here))
        yield from chunk
