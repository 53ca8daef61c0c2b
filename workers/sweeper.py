"""The sweeper: ``python -m workers.sweeper``. Sends again what the broker or a dead worker lost.

Any number may run; what was sent a moment ago is not sent again.
"""

import logging
import signal
import threading
from contextlib import closing

from app.start_up import collector_rests

with collector_rests():
    from celery import Celery

    from app.logging_setup import log_to_stderr
    from app.messaging import backlog, make_celery
    from app.services.context import ServiceContext, open_service_context
    from app.services.work_kinds import KINDS, send
    from app.settings import Settings
    from app.stack.process_specs import SWEEPING
    from app.store.database import AWAY
    from workers.heartbeat import touch_heartbeat_file

_log = logging.getLogger(__name__)
_EVERY_S = 1.0
_MAX_BACKLOG = 100
"""Messages in a queue. With this many waiting, its workers are busy, or there are none."""


def main() -> None:
    """Look for waiting work every second until a signal ends the process."""
    settings = Settings()
    log_to_stderr(settings.log_format)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    celery = make_celery(settings)
    with closing(open_service_context(settings)) as context:
        _log.info("the sweeper %s", SWEEPING)
        while not stopping.wait(_EVERY_S):
            try:
                send_waiting(celery, context)
                touch_heartbeat_file(settings.pulse_file)
            except AWAY as error:
                _log.warning("the database is down: %s", error)


def send_waiting(celery: Celery, context: ServiceContext) -> None:
    """Notify workers of all work that waits and that none was notified of lately."""
    for kind in KINDS:
        waiting = kind.sweep(context)
        if waiting and backlog(celery, kind.queue) < _MAX_BACKLOG:
            for ref in waiting:
                send(celery, kind, ref)


if __name__ == "__main__":
    main()
