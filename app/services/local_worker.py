"""A worker as a thread of the API process, for machines where no broker can run."""

import logging
import threading

from app.services.context import ServiceContext
from app.services.datasets.make import make_dataset, sweep_datasets
from app.services.generation.slots import sweep
from app.services.generation.worker_turn import advance_run
from app.services.journeys.waiting_jobs import advance_waiting_jobs
from app.services.training.jobs.work import sweep_training, work_on_job
from app.store.runs.slots import Slot

_log = logging.getLogger(__name__)
_LOOK_AGAIN_S = 1.0


class InlineWorker:
    """Works on one run or data set after the other until closed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._stopping = threading.Event()
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._work, name="inline worker", daemon=True)
        self._thread.start()

    def look(self, _identifier: str) -> None:
        """Look for work now rather than within a second."""
        self._news.set()

    def close(self) -> None:
        """Hand the work back and end the thread."""
        self._stopping.set()
        self._news.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._news.wait(_LOOK_AGAIN_S)
            self._news.clear()
            try:
                self._advance_all()
            except Exception:  # noqa: BLE001 - the edge of this thread, logged with its traceback
                # The thread is all there is: it reports a defect and stays.
                _log.exception("the inline worker failed")
                self._stopping.wait(_LOOK_AGAIN_S)

    def _advance_all(self) -> None:
        for slot in sweep(self._context):
            again: Slot | None = slot
            while again is not None and not self._stopping.is_set():
                again = advance_run(self._context, again, self._stopping.is_set)
        advance_waiting_jobs(self._context)
        for dataset_id in sweep_datasets(self._context):
            make_dataset(self._context, dataset_id, self._stopping.is_set)
        for job_id in sweep_training(self._context):
            work_on_job(self._context, job_id, self._stopping.is_set)
