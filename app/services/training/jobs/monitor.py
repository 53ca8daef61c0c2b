"""The connection of a running training to the database: progress out, cancellation in."""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from app.evaluation.evaluation_result import ProgressPoint
from app.services.context import ServiceContext
from app.states import Status
from app.store.database import AWAY
from app.store.training import training_jobs
from app.store.training.training_jobs import LOG_CHARACTERS, Step

_log = logging.getLogger(__name__)
_HEARTBEAT_S = 1.0
"""Seconds between heartbeats, which write steps, extend the lease and notice a cancellation."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """Interrupts a trainer that does not call `stop`, such as one that loads a large model."""

    after_s: float = 20.0
    """Seconds between the cancellation or loss of the job and the interruption. After the same time
    again, a cancelled job is marked as cancelled even when nothing interrupts its trainer, such
    as a download."""
    interrupt: Callable[[], None] = lambda: None
    """Called once, from another thread: raises an exception in the training thread. Default: no way
    to interrupt."""


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job as its worker leased it."""

    job_id: str
    token: str
    report_count: int
    """Number of progress reports that earlier workers stored."""


class JobMonitor:
    """Keeps the lease of a job: a thread sends heartbeats until the block ends.

    While the database is unreachable the training continues, as long as the lease lasts by the
    clock of this process. After that another process may have the job, so this one stops and leaves
    its checkpoint.
    """

    def __init__(
        self,
        context: ServiceContext,
        held: HeldJob,
        should_stop: Callable[[], bool],
        interruption: Interruption,
    ) -> None:
        self._context = context
        self._job_id = held.job_id
        self._token = held.token
        self._should_stop = should_stop
        self._report_count = held.report_count
        self._interruption = interruption
        self._unwanted_since: float | None = None
        self._has_interrupted = False
        self._steps: list[Step] = []
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._extended_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)
        self.is_lost = False
        """True when another process has the job."""
        self.is_cancelled = False
        """True when the job is being cancelled."""
        self.has_requested_stop = False
        """True once `stop` returned True. It stays True, as the trainer returns then, even when an
        unreachable database comes back."""

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
        self._beat()

    def step(self, point: ProgressPoint, steps: int | None) -> None:
        """Queue a finished step; it is written within a second."""
        step = Step(point.step, steps, _number(point.loss), _number(point.learning_rate))
        with self._lock:
            self._steps.append(step)

    def log(self, line: str) -> None:
        """Queue a line for the log of the job."""
        with self._lock:
            # Databases reject these characters.
            self._lines.append(line.replace("\0", "").encode("utf-8", "replace").decode())

    def stop(self) -> bool:
        """Return True when the training must save a checkpoint and return."""
        if self._should_stop() or self.is_lost or self.is_cancelled or self._is_overdue:
            self.has_requested_stop = True
        return self.has_requested_stop

    @property
    def _is_overdue(self) -> bool:
        return time.monotonic() - self._extended_at > self._context.lease_s

    def _run(self) -> None:
        every_s = min(_HEARTBEAT_S, self._context.lease_s / 3)
        while not self._done.wait(every_s):
            self._beat()
            if self.is_lost or self.is_cancelled:
                self._enforce_end()

    def _enforce_end(self) -> None:
        now = time.monotonic()
        if self._unwanted_since is None:
            self._unwanted_since = now
        late_s, after_s = now - self._unwanted_since, self._interruption.after_s
        # Only once: a second one would interrupt the unwinding of the first.
        if late_s >= after_s and not self._has_interrupted:
            self._has_interrupted = True
            self._interruption.interrupt()
        if late_s >= 2 * after_s:
            self._mark_cancelled()

    def _mark_cancelled(self) -> None:
        """Mark the job as cancelled; its folder is unlocked once the trainer returns."""

        def record(session: Session) -> None:
            training_jobs.move(session, self._job_id, Status.CANCELLED, token=self._token)

        try:
            self._context.database.retrying(record)
        except AWAY as error:
            _log.warning("training job %s cannot reach the database: %s", self._job_id, error)

    def _beat(self) -> None:
        began = time.monotonic()
        with self._lock:
            steps, lines = list(self._steps), list(self._lines)
        try:
            status = self._context.database.retrying(
                lambda session: self._exchange(session, steps, lines)
            )
        except AWAY as error:
            _log.warning("training job %s cannot reach the database: %s", self._job_id, error)
            return
        if status is None:
            self.is_lost = True
            return
        self._extended_at = began
        self.is_cancelled = status is Status.CANCELLING
        if steps or lines:
            self._report_count += 1
            with self._lock:
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
