"""The worker's entry: ``celery -A workers.celery_app worker``. Ids in, one service call each.

Prefork, one pump a child. Whatever a child works with is made after the fork.
"""

import multiprocessing
from typing import Any

from celery import signals

from app.logging_setup import log_to_stderr
from app.messaging import ADVANCE_RUN, make_celery, send_run
from app.services import advance
from app.services.workshop import Workshop, open_workshop
from app.settings import Settings
from app.stack.leash import die_with_parent
from app.store.slots import Slot

celery = make_celery(Settings())

# Made before the fork, so that the parent's word reaches the children's pumps.
_stopping = multiprocessing.Event()
_workshops: list[Workshop] = []


def _set_up_logging(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    log_to_stderr()


def _begin(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    # A parent that was killed cannot end its children: they go by themselves.
    die_with_parent()
    _workshops.append(open_workshop(Settings()))


def _end(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    while _workshops:
        _workshops.pop().close()


def _stop(**_: Any) -> None:  # noqa: ANN401 - Celery sends what it likes
    _stopping.set()


signals.setup_logging.connect(_set_up_logging)
signals.worker_process_init.connect(_begin)
signals.worker_process_shutdown.connect(_end)
signals.worker_shutting_down.connect(_stop)


@celery.task(name=ADVANCE_RUN)  # type: ignore[untyped-decorator]  # Celery ships no types
def advance_run(run_id: str, slot: int) -> None:
    """Work on a run for a slice; sent again by itself while there is more to do."""
    again = advance.advance_run(_workshops[-1], Slot(run_id, slot), _stopping.is_set)
    if again is not None and not _stopping.is_set():
        send_run(celery, *again)
