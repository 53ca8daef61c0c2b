"""Several workers within this process, each with a database of its own, that may die any time."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from app.services.context import ServiceContext
from app.services.generation.advance_run import advance_run
from app.services.generation.slots import sweep
from app.store.database import Database
from app.store.runs.slots import Slot

_SWEEP_EVERY_S = 0.3
_STATEMENTS_A_LOOK = 10


class Killed(SystemExit):
    """The process of this worker is gone; no thread says a word about it."""


@dataclass(frozen=True)
class Mishaps:
    """What becomes of a worker, drawn from `rng`; shares are between 0 and 1."""

    rng: random.Random = field(default_factory=random.Random)
    killed: float = 0.0
    """Share of workers that die in the middle of a statement, without a last word."""
    stopped: float = 0.0
    """Share of workers that are asked to end, and do so in their own time."""
    answers_lost: float = 0.0
    """Share of commits that succeed and are answered with an error."""
    within: tuple[int, int] = (40, 400)
    """After how many statements it is over with a worker."""


class Crew:
    """Workers on runs until they are stopped; one that dies is replaced at once."""

    def __init__(self, context: ServiceContext, url: str, size: int, mishaps: Mishaps) -> None:
        self._context = context
        self._url = url
        self._mishaps = mishaps
        self._drawing = threading.Lock()
        self._over = threading.Event()
        self.run_ids: list[str] = []
        self.defects: list[BaseException] = []
        self.lost = 0
        """Workers that were killed or stopped."""
        self._threads = [
            threading.Thread(target=self._keep_working, name=f"worker {n}") for n in range(size)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_until(self, found: Callable[[], Any], within_s: float = 60.0) -> Any:
        give_up_at = time.monotonic() + within_s
        while not (what := found()):
            assert not self.defects, self.defects
            assert time.monotonic() < give_up_at, "it takes too long"
            time.sleep(0.1)
        return what

    def _keep_working(self) -> None:
        while not self._over.is_set():
            with self._drawing:
                life = _Life(self._url, self._mishaps, self._over)
            try:
                self._work(life)
            except Killed:
                pass
            except Exception as defect:  # noqa: BLE001 - reported by the thread that waits
                self.defects.append(defect)
                self._over.set()
            finally:
                life.database.close()
                self.lost += not self._over.is_set()

    def _work(self, life: "_Life") -> None:
        context = replace(self._context, database=life.database)
        swept_at = 0.0
        while not life.stop():
            named: list[Slot] = []
            if time.monotonic() > swept_at + _SWEEP_EVERY_S:
                swept_at = time.monotonic()
                named += sweep(context)
            # One that is named is enough: the run that needs a worker most is taken in its place.
            # Last: only the worker that was notified of a slot knows of it for a while.
            named += [Slot(run_id, 0) for run_id in self.run_ids[:1]]
            worked = False
            for slot in named:
                again: Slot | None = slot
                while again is not None and not life.stop():
                    again = advance_run(context, again, life.stop)
                    worked = worked or again is not None
            if not worked:
                self._over.wait(0.2)


class _Life:
    """One worker's time: a database, and how it ends."""

    def __init__(self, url: str, mishaps: Mishaps, over: threading.Event) -> None:
        rng = mishaps.rng
        self._over = over
        fate, most = rng.random(), rng.randint(*mishaps.within)
        self._looks = most // _STATEMENTS_A_LOOK if fate < mishaps.stopped else None
        self.database = Database(url)
        if mishaps.stopped <= fate < mishaps.stopped + mishaps.killed:
            doom(self.database, most)
        if mishaps.answers_lost:
            lose_answers(self.database, random.Random(rng.random()), mishaps.answers_lost)

    def stop(self) -> bool:
        if self._looks is not None:
            self._looks -= 1
        return self._over.is_set() or (self._looks is not None and self._looks <= 0)


def doom(database: Database, statements: int) -> None:
    """Let the process that uses this database die after this many statements."""
    left = [statements]

    def count(*_: Any) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise Killed

    for engine in (database.engine, database.writing):
        event.listen(engine, "before_cursor_execute", count)
    event.listen(database.writing, "commit", count)


def lose_answers(database: Database, rng: random.Random, share: float) -> None:
    """Let this share of commits succeed without telling so."""

    def commit(connection: Connection) -> None:
        if rng.random() < share:
            connection.connection.commit()
            raise OperationalError("COMMIT", {}, Exception("the answer was lost"))

    event.listen(database.writing, "commit", commit)


@contextmanager
def crew_of(
    context: ServiceContext, url: str, size: int, mishaps: Mishaps | None = None
) -> Iterator[Crew]:
    """Keep `size` workers at work until the block ends."""
    with silent_deaths():
        crew = Crew(context, url, size, mishaps or Mishaps())
        try:
            yield crew
        finally:
            crew.close()
    assert not crew.defects, crew.defects


@contextmanager
def silent_deaths() -> Iterator[None]:
    """Let the threads of a killed worker end without a report, as those of a dead process do.

    One of them prolongs the lease; pytest would report how it ended as a failure.
    """
    report = threading.excepthook

    def report_others(ended: threading.ExceptHookArgs) -> None:
        if not issubclass(ended.exc_type, Killed):
            report(ended)

    threading.excepthook = report_others
    try:
        yield
    finally:
        threading.excepthook = report


def jain(amounts: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all have the same, 1/n when one has it all."""
    squares = sum(amount**2 for amount in amounts)
    return sum(amounts) ** 2 / (len(amounts) * squares) if squares else 0.0
