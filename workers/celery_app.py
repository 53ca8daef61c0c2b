"""The worker's entry: ``celery -A workers.celery_app worker``. One task for each kind of work.

Prefork, one piece of work at a time in each child. Everything a child works with is made after the
fork.
"""

import logging
import time
from typing import Any

from app.start_up import collector_rests

with collector_rests():
    from celery import signals
    from celery.worker.consumer import Consumer

    from app.logging_setup import log_to_stderr
    from app.messaging import make_celery
    from app.services.context import ServiceContext, open_service_context
    from app.services.work_kinds import KINDS, Stop, WorkKind, WorkRef, load_work, send
    from app.settings import Settings
    from app.stack.die_with_parent import die_with_parent
    from workers.heartbeat import EVERY_S, touch_heartbeat_file
    from workers.stopping import Interrupted, Stopping

_log = logging.getLogger(__name__)
_STILL_READING_S = 1.0
"""Longest time that a worker that was asked to stop may still read from the queue."""

_settings = Settings()
celery = make_celery(_settings)
_stopping = Stopping()
_contexts: list[ServiceContext] = []


def _set_up_logging(**_: Any) -> None:  # noqa: ANN401 - Celery's signals have any arguments
    log_to_stderr(_settings.log_format)


def _keep_output_json(instance: Any, **_: Any) -> None:  # noqa: ANN401 - Celery's signals
    if _settings.log_format == "json":
        # Before Celery warns of anything; and its banner is printed, not logged.
        log_to_stderr("json")
        instance.quiet = True


def _start_heartbeat(sender: Consumer, **_: Any) -> None:  # noqa: ANN401 - Celery's signals
    # In the event loop, which stands still while there is no broker to read from.
    sender.timer.call_repeatedly(EVERY_S, touch_heartbeat_file, (_settings.pulse_file,))


def _begin_child(**_: Any) -> None:  # noqa: ANN401 - Celery's signals have any arguments
    # A parent that was killed can't end its children: they end by themselves.
    die_with_parent()
    _stopping.watch()
    _contexts.append(open_service_context(_settings))


def _end_child(**_: Any) -> None:  # noqa: ANN401 - Celery's signals have any arguments
    while _contexts:
        _contexts.pop().close()


def _stop_all(**_: Any) -> None:  # noqa: ANN401 - Celery's signals have any arguments
    _stopping.request_stop()


signals.setup_logging.connect(_set_up_logging)
signals.celeryd_init.connect(_keep_output_json)
signals.worker_ready.connect(_start_heartbeat)
signals.worker_process_init.connect(_begin_child)
signals.worker_process_shutdown.connect(_end_child)
signals.worker_shutting_down.connect(_stop_all)


def _register(kind: WorkKind) -> None:
    """Make the task of a kind: it works for a turn, and sends itself again while there is more."""

    def task(identifier: str, slot: int = 0) -> None:
        again: WorkRef | None = WorkRef(identifier, slot)
        if _stopping.is_whole_worker_stopping:
            # Read from the queue in the last moment: it is for another worker.
            time.sleep(_STILL_READING_S)
        else:
            again = _work(kind, WorkRef(identifier, slot))
        if again is not None:
            send(celery, kind, again)

    celery.task(name=kind.task)(task)


def _work(kind: WorkKind, ref: WorkRef) -> WorkRef | None:
    stop = Stop(_stopping.stop_requested, _stopping.interrupt)
    try:
        with _stopping.task(kind.patience_s):
            return kind.work(_contexts[-1], ref, stop)
    except Interrupted:
        _log.warning("%s %s was handed back before its turn had ended", kind.name, ref.id)
        return ref


for _kind in KINDS:
    _register(_kind)
with collector_rests():
    load_work()
