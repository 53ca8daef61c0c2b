"""The worker's entry: ``celery -A workers.celery_app worker``. Ids in, one service call each.

Prefork, one pump a child. Whatever a child works with is made after the fork.
"""

import logging
import time
from typing import Any

from celery import signals
from celery.worker.consumer import Consumer

from app.logging_setup import log_to_stderr
from app.messaging import (
    ADVANCE_RUN,
    MAKE_DATASET,
    TRAIN,
    make_celery,
    send_dataset,
    send_run,
    send_training_job,
)
from app.services.context import ServiceContext, open_service_context
from app.services.datasets import make
from app.services.generation import worker_turn
from app.services.training.jobs import work
from app.services.training.jobs.watch import Interruption
from app.settings import Settings
from app.stack.leash import die_with_parent
from app.store.runs.slots import Slot
from workers.pulse import EVERY_S, beat
from workers.stopping import TRAINING_PATIENCE_S, Interrupted, Stopping

_log = logging.getLogger(__name__)
_STILL_READING_S = 1.0
"""How long a worker that was told to stop may still read from the queue."""

_settings = Settings()
celery = make_celery(_settings)
_stopping = Stopping()
_contexts: list[ServiceContext] = []


def _set_up_logging(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    log_to_stderr()


def _live(sender: Consumer, **_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    # In the event loop, which stands still while there is no broker to read from.
    sender.timer.call_repeatedly(EVERY_S, beat, (_settings.pulse_file,))


def _begin(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    # A parent that was killed cannot end its children: they go by themselves.
    die_with_parent()
    _stopping.watch()
    _contexts.append(open_service_context(_settings))


def _end(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    while _contexts:
        _contexts.pop().close()


def _stop(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    _stopping.tell()


signals.setup_logging.connect(_set_up_logging)
signals.worker_ready.connect(_live)
signals.worker_process_init.connect(_begin)
signals.worker_process_shutdown.connect(_end)
signals.worker_shutting_down.connect(_stop)


@celery.task(name=ADVANCE_RUN)  # type: ignore[untyped-decorator]  # Celery ships no types
def advance_run(run_id: str, slot: int) -> None:
    """Work on a run for a slice; sent again by itself while there is more to do."""
    again: Slot | None = Slot(run_id, slot)
    if _stopping.parent_told:
        # Read from the queue in the last moment: it is for another worker.
        time.sleep(_STILL_READING_S)
    else:
        again = _advance(Slot(run_id, slot))
    if again is not None:
        send_run(celery, *again)


@celery.task(name=MAKE_DATASET)  # type: ignore[untyped-decorator]  # Celery ships no types
def make_dataset(dataset_id: str) -> None:
    """Make a version of a data set; sent again when this process has to end before."""
    if _stopping.parent_told:
        # Read from the queue in the last moment: it is for another worker.
        time.sleep(_STILL_READING_S)
        again = True
    else:
        again = _make(dataset_id)
    if again:
        send_dataset(celery, dataset_id)


def _make(dataset_id: str) -> bool:
    try:
        with _stopping.task():
            return make.make_dataset(_contexts[-1], dataset_id, _stopping.told)
    except Interrupted:
        _log.warning("data set %s was handed back in the midst of something", dataset_id)
        return True


@celery.task(name=TRAIN)  # type: ignore[untyped-decorator]  # Celery ships no types
def train(job_id: str) -> None:
    """Work on a training job; sent again when this process has to end before."""
    if _stopping.parent_told:
        # Read from the queue in the last moment: it is for another worker.
        time.sleep(_STILL_READING_S)
        again = True
    else:
        again = _train(job_id)
    if again:
        send_training_job(celery, job_id)


def _train(job_id: str) -> bool:
    try:
        with _stopping.task(TRAINING_PATIENCE_S):
            return work.work_on_job(
                _contexts[-1],
                job_id,
                _stopping.told,
                interruption=Interruption(TRAINING_PATIENCE_S, _stopping.interrupt),
            )
    except Interrupted:
        _log.warning("training job %s was interrupted in the midst of something", job_id)
        return True


def _advance(slot: Slot) -> Slot | None:
    try:
        with _stopping.task():
            return worker_turn.advance_run(_contexts[-1], slot, _stopping.told)
    except Interrupted:
        _log.warning("run %s was handed back in the midst of something", slot.run_id)
        return slot
