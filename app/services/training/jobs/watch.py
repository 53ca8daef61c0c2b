"""What a training says on its way into the database, and what it hears from there."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from app.evaluation.result import ProgressPoint
from app.services.context import ServiceContext
from app.states import Status
from app.store.database import AWAY
from app.store.training import training_jobs
from app.store.training.training_jobs import LOG_CHARACTERS, Step

_log = logging.getLogger(__name__)
_LOOK_S = 1.0
"""How often steps are written, the lease prolonged, and a cancelling seen."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """What ends a trainer that does not look, such as one that loads a large model."""

    after_s: float = 20.0
    """So long after the job was cancelled or lost. After as long again a job that was cancelled is
    so, though its trainer is in the midst of what nothing ends, such as a download."""
    interrupt: Callable[[], None] = lambda: None
    """Called once, from another thread: raises something in the thread that trains, soon. Left out:
    this process has no way to do so."""


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job as its worker took it."""

    job_id: str
    token: str
    report_count: int
    """Number of progress reports its workers stored before."""


class JobWatch:
    """The hold of this process on a job: a thread that writes and prolongs until the block ends.

    While the database is away the training goes on, as long as the lease lasts by this process's
    own clock. After that another may hold the job, so this one stops and leaves its checkpoint.
    """

    def __init__(
        self,
        context: ServiceContext,
        held: HeldJob,
        told: Callable[[], bool],
        interruption: Interruption,
    ) -> None:
        self._context = context
        self._job_id = held.job_id
        self._token = held.token
        self._told = told
        self._report_count = held.report_count
        self._interruption = interruption
        self._unwanted_at: float | None = None
        self._has_interrupted = False
        self._steps: list[Step] = []
        self._lines: list[str] = []
        self._gathering = threading.Lock()
        self._done = threading.Event()
        self._prolonged_at = time.monotonic()
        self._thread = threading.Thread(target=self._keep, name="training", daemon=True)
        self.is_lost = False
        """Whether another process works on the job by now."""
        self.is_cancelled = False
        """Whether a person wants it to end."""
        self.has_said_stop = False
        """Whether it told the trainer to stop; it does not take that back, as the trainer returns,
        though a database that was away may come back meanwhile."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look_once()

    def step(self, point: ProgressPoint, steps: int | None) -> None:
        """Take a step that is done; it is written within a second."""
        step = Step(point.step, steps, _number(point.loss), _number(point.learning_rate))
        with self._gathering:
            self._steps.append(step)

    def log(self, line: str) -> None:
        """Take a line for the log's tail."""
        with self._gathering:
            # What a database refuses in a text.
            self._lines.append(line.replace("\0", "").encode("utf-8", "replace").decode())

    def stop(self) -> bool:
        """Whether the training should save a checkpoint and return."""
        if self._told() or self.is_lost or self.is_cancelled or self._is_overdue:
            self.has_said_stop = True
        return self.has_said_stop

    @property
    def _is_overdue(self) -> bool:
        return time.monotonic() - self._prolonged_at > self._context.lease_s

    def _keep(self) -> None:
        every_s = min(_LOOK_S, self._context.lease_s / 3)
        while not self._done.wait(every_s):
            self._look_once()
            if self.is_lost or self.is_cancelled:
                self._see_to_its_end()

    def _see_to_its_end(self) -> None:
        now = time.monotonic()
        if self._unwanted_at is None:
            self._unwanted_at = now
        late_s, after_s = now - self._unwanted_at, self._interruption.after_s
        # Once: the second time would interrupt the unwinding.
        if late_s >= after_s and not self._has_interrupted:
            self._has_interrupted = True
            self._interruption.interrupt()
        if late_s >= 2 * after_s:
            self._give_up()

    def _give_up(self) -> None:
        """Note that the job is cancelled; its folder is free once the trainer has left it."""

        def note(session: Session) -> None:
            training_jobs.move(session, self._job_id, Status.CANCELLED, token=self._token)

        try:
            self._context.database.retrying(note)
        except AWAY as error:
            _log.warning("training job %s waits for the database: %s", self._job_id, error)

    def _look_once(self) -> None:
        began = time.monotonic()
        with self._gathering:
            steps, lines = list(self._steps), list(self._lines)
        try:
            status = self._context.database.retrying(
                lambda session: self._exchange(session, steps, lines)
            )
        except AWAY as error:
            _log.warning("training job %s waits for the database: %s", self._job_id, error)
            return
        if status is None:
            self.is_lost = True
            return
        self._prolonged_at = began
        self.is_cancelled = status is Status.CANCELLING
        if steps or lines:
            self._report_count += 1
            with self._gathering:
                del self._steps[: len(steps)]
                del self._lines[: len(lines)]

    def _exchange(self, session: Session, steps: list[Step], lines: list[str]) -> Status | None:
        status = training_jobs.extend(session, self._job_id, self._token, self._context.lease_s)
        if status is None or not (steps or lines):
            return status
        log = "".join(f"{line}\n" for line in lines)[-LOG_CHARACTERS:]
        written = training_jobs.report(
            session, self._job_id, self._token, self._report_count, steps, log
        )
        return status if written else None


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
