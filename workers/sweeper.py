"""The sweeper: ``python -m workers.sweeper``. Sends again what the broker or a dead worker lost.

Any number may run; what was sent a moment ago is not sent again.
"""

import logging
import signal
import threading
from contextlib import closing

from celery import Celery

from app.logging_setup import log_to_stderr
from app.messaging import (
    TRAINING_QUEUE,
    backlog,
    make_celery,
    send_dataset,
    send_run,
    send_training_job,
)
from app.services.context import ServiceContext, open_service_context
from app.services.datasets.make import sweep_datasets
from app.services.generation.slots import sweep
from app.services.journeys.waiting_jobs import advance_waiting_jobs
from app.services.training.jobs.work import sweep_training
from app.settings import Settings
from app.store.database import AWAY
from workers.pulse import beat

_log = logging.getLogger(__name__)
_EVERY_S = 1.0
_MOST_BACKLOG = 100
"""Messages: when so many wait, the workers are busy, and sending again would only add to them."""


def main() -> None:
    """Look for waiting runs every second until told to stop."""
    log_to_stderr()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    settings = Settings()
    celery = make_celery(settings)
    with closing(open_service_context(settings)) as context:
        while not stopping.wait(_EVERY_S):
            try:
                send_what_waits(celery, context)
                beat(settings.pulse_file)
            except AWAY as error:
                _log.warning("the database is away: %s", error)


def send_what_waits(celery: Celery, context: ServiceContext) -> None:
    """Tell workers of all that waits for one and that they were not told of lately."""
    if backlog(celery) < _MOST_BACKLOG:
        for slot in sweep(context):
            send_run(celery, *slot)
    advance_waiting_jobs(context)
    for dataset_id in sweep_datasets(context):
        send_dataset(celery, dataset_id)
    jobs = sweep_training(context)
    # A training lasts for hours, and there may be no worker for it at all.
    if jobs and backlog(celery, TRAINING_QUEUE) < _MOST_BACKLOG:
        for job_id in jobs:
            send_training_job(celery, job_id)


if __name__ == "__main__":
    main()
