"""Stopping a worker: how its children learn of it, and what ends a task that does not look.

Celery's warm shutdown waits for running tasks, however long they take. So the tasks are asked to
stop: by the parent when it is asked, or by a SIGTERM of their own. A task that can't look, such as
one that waits for an endpoint, is interrupted.
"""

import mmap
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_LOOK_EVERY_S = 0.2


class Interrupted(BaseException):
    """Raised in the middle of a task; unwinding it hands back what the task holds.

    Not an `Exception`, so that no handler takes it for a failure of the work.
    """


class Stopping:
    """The state of stopping of one worker; made by the parent before it forks."""

    def __init__(self) -> None:
        # Shared memory without a lock: a child may be killed at any instruction, also while it
        # holds a lock, and the others would wait for it for ever.
        self._worker_flag = mmap.mmap(-1, 1)
        self._child_flag = False
        self._busy = False
        self._patience_s = 0.0
        self._main = 0

    def request_stop(self) -> None:
        """Ask the parent and every child to stop."""
        self._worker_flag[0] = 1

    @property
    def is_whole_worker_stopping(self) -> bool:
        """True once the parent was asked to stop."""
        return self._worker_flag[0] == 1

    def stop_requested(self) -> bool:
        """Return True when the task that runs here has to stop."""
        return self._child_flag or self.is_whole_worker_stopping

    def watch(self) -> None:
        """Begin to watch over this child's tasks; called once, in the child's main thread."""
        # A signal to the whole process group reaches the parent too, which then waits for us; and
        # Celery's own handler for a child, to exit at any instruction, would tear a task apart.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._main = threading.get_ident()
        threading.Thread(target=self._watch, name="stopping", daemon=True).start()

    @contextmanager
    def task(self, patience_s: float) -> Iterator[None]:
        """Run a task in the block.

        Args:
            patience_s: how long it may take to stop, once asked, before it is interrupted.

        Raises:
            Interrupted: it did not stop in time.
        """
        # Here and not in `watch`: Celery sets handlers of its own after that.
        signal.signal(signal.SIGTERM, self._request_child_stop)
        signal.signal(signal.SIGALRM, self._interrupt)
        self._patience_s = patience_s
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            self._child_flag = False
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def interrupt(self) -> None:
        """Interrupt the task that runs in this child, unless it has just ended; from any thread."""
        signal.pthread_kill(self._main, signal.SIGALRM)

    def _request_child_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._child_flag = True

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # The task may have ended since the signal was sent.
        if self._busy:
            raise Interrupted

    def _watch(self) -> None:
        looks = 0
        while True:
            time.sleep(_LOOK_EVERY_S)
            looks = looks + 1 if self._busy and self.stop_requested() else 0
            # Once: a second interrupt would hit the handing back.
            if looks == max(1, round(self._patience_s / _LOOK_EVERY_S)):
                self.interrupt()
