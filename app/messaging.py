"""The broker: its messages only say "look at this run, data set or job". Losing it loses nothing.

Celery over Redis may lose a message or deliver it twice: the sweeper sends again what is lost, and
the lease makes a second delivery do nothing. So no results, no chords, no countdowns.
"""

import logging

from amqp.exceptions import ChannelError
from celery import Celery
from kombu.entity import Exchange, Queue
from kombu.exceptions import OperationalError

from app.settings import Settings

_log = logging.getLogger(__name__)

GENERATION_QUEUE = "generation"
"""Runs: any number of workers, which wait for model endpoints most of the time."""
TRAINING_QUEUE = "training"
"""Training with its evaluation, for workers that have the extra and, better, a GPU."""
MAINTENANCE_QUEUE = "maintenance"
"""Data sets to make."""
QUEUES = (GENERATION_QUEUE, TRAINING_QUEUE, MAINTENANCE_QUEUE)
_VISIBILITY_S = 3600
"""Far longer than a pump holds a run, so that no message comes back while its task still works."""


def make_celery(settings: Settings) -> Celery:
    """Build the Celery application that API, workers and sweepers share."""
    celery = Celery("seedbed", broker=settings.broker_url)
    celery.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_queues=[_queue(name) for name in QUEUES],
        # A queue with a misspelt name would fill up unnoticed.
        task_create_missing_queues=False,
        task_default_queue=GENERATION_QUEUE,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": _VISIBILITY_S,
            "socket_connect_timeout": 2.0,
            "socket_timeout": 10.0,
        },
    )
    return celery


def _queue(name: str) -> Queue:
    # Without its own exchange and key it would get those of the default queue.
    exchange = Exchange(name)  # type: ignore[no-untyped-call] # kombu's
    return Queue(name, exchange, routing_key=name)  # type: ignore[no-untyped-call] # kombu's


def send_task(celery: Celery, task: str, queue: str, identifier: str, *rest: int) -> None:
    """Send a message to a queue; without a broker it is only logged."""
    try:
        celery.send_task(task, args=[identifier, *rest], queue=queue, retry=False)
    except OperationalError as error:
        _log.warning("%s waits for the sweeper, the broker is down: %s", identifier, error)


def backlog(celery: Celery, queue: str) -> int:
    """Count the messages that wait for a worker; 0 when the broker does not answer."""
    try:
        with celery.connection_for_write() as connection:
            declared = connection.default_channel.queue_declare(queue, passive=True)
    except (OperationalError, OSError, ChannelError):
        return 0
    return int(declared.message_count)


def broker_trouble(celery: Celery) -> str | None:
    """Say what is wrong with the broker; None when it answers."""
    try:
        with celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except (OperationalError, OSError) as error:
        return f"The broker does not answer ({type(error).__name__})."
    return None
