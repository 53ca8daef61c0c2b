"""Being told to stop: how a worker's children learn of it, and what ends a task that does not look.

Celery's warm shutdown waits for running tasks, however long they take. So they are told, by the
parent when it is told or by a SIGTERM of their own; and a task that looks elsewhere, such as at an
endpoint that does not answer, is interrupted.
"""

import mmap
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE_S = 2.0
"""How long a task may take to end: a pump needs a tenth of a second, an orchestrator kills after
ten."""
TRAINING_PATIENCE_S = 20.0
"""For a step on a slow machine and its checkpoint; a worker that trains is given more time."""
_LOOK_S = 0.2


class Interrupted(BaseException):
    """Raised in the midst of a task; unwinding it hands back what it holds.

    No `Exception`, so that nothing takes it for a failure of the work.
    """


class Stopping:
    """Whether a worker has been told to stop; made by the parent before it forks."""

    def __init__(self) -> None:
        # Shared memory without a lock: a child may be killed at any instruction, also at one that
        # holds a lock, and the others would wait for it for ever.
        self._parent_told = mmap.mmap(-1, 1)
        self._child_told = False
        self._busy = False
        self._patience_s = PATIENCE_S
        self._main = 0

    def tell(self) -> None:
        """Tell the parent and every child."""
        self._parent_told[0] = 1

    @property
    def parent_told(self) -> bool:
        """Whether the whole worker stops."""
        return self._parent_told[0] == 1

    def told(self) -> bool:
        """Whether the task that runs here has to end."""
        return self._child_told or self.parent_told

    def watch(self) -> None:
        """Begin to watch over this child's tasks; called once, in the child's main thread."""
        # Whoever tells a whole process group tells the parent too, which then waits for us; and
        # Celery's own way for a child, to exit at any instruction, would tear a task apart.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._main = threading.get_ident()
        threading.Thread(target=self._watch, name="stopping", daemon=True).start()

    @contextmanager
    def task(self, patience_s: float = PATIENCE_S) -> Iterator[None]:
        """Run a task that may take so long to end.

        Raises:
            Interrupted: it was told to end, and did not.
        """
        # Here and not in `watch`: Celery puts handlers of its own in place after that.
        signal.signal(signal.SIGTERM, self._tell_child)
        signal.signal(signal.SIGALRM, self._interrupt)
        self._patience_s = patience_s
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            self._child_told = False
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def interrupt(self) -> None:
        """Interrupt the task that runs in this child, unless it has just ended; from any thread."""
        signal.pthread_kill(self._main, signal.SIGALRM)

    def _tell_child(self, _number: int, _frame: FrameType | None) -> None:
        self._child_told = True

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # The task may have ended since the signal was sent.
        if self._busy:
            raise Interrupted

    def _watch(self) -> None:
        looks = 0
        while True:
            time.sleep(_LOOK_S)
            looks = looks + 1 if self._busy and self.told() else 0
            # Once: the second time would interrupt the handing back.
            if looks == round(self._patience_s / _LOOK_S):
                self.interrupt()
