"""A worker as a thread of the API process, for machines where no broker can run."""

import logging
import threading

from app.services.context import ServiceContext
from app.services.work_kinds import KINDS, Stop, WorkRef

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0


class LocalWorker:
    """Works on one piece of work after the other until it is closed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._stopping = threading.Event()
        self._wake_up = threading.Event()
        self._thread = threading.Thread(target=self._work, name="local worker", daemon=True)
        self._thread.start()

    def notify(self, _identifier: str) -> None:
        """Look for work now rather than within a second."""
        self._wake_up.set()

    def close(self) -> None:
        """Hand the work back and end the thread."""
        self._stopping.set()
        self._wake_up.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake_up.wait(_LOOK_EVERY_S)
            self._wake_up.clear()
            try:
                self._work_on_all()
            except Exception:  # noqa: BLE001 - the edge of this thread, logged with its traceback
                # No other thread works here: it logs a defect and continues.
                _log.exception("the local worker failed")
                self._stopping.wait(_LOOK_EVERY_S)

    def _work_on_all(self) -> None:
        stop = Stop(self._stopping.is_set)
        for kind in KINDS:
            for ref in kind.sweep(self._context):
                again: WorkRef | None = ref
                while again is not None and not self._stopping.is_set():
                    again = kind.work(self._context, again, stop)
