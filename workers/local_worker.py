"""A worker without a broker: ``python -m workers.local_worker``, for machines where none can run.

The API starts it. It looks for work in the database, and does one piece after the other.
"""

import logging
import signal
import threading
from contextlib import closing

from app.start_up import collector_rests

with collector_rests():
    from app.logging_setup import log_to_stderr
    from app.services.context import ServiceContext, open_service_context
    from app.services.work_kinds import KINDS, Stop, WorkRef
    from app.settings import Settings
    from app.stack.process_specs import WORKING_ALONE
    from workers.heartbeat import touch_heartbeat_file

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 0.5


def main() -> None:
    """Work until a signal ends the process."""
    settings = Settings()
    log_to_stderr(settings.log_format)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with closing(open_service_context(settings)) as context:
        _log.info(WORKING_ALONE)
        while not stopping.wait(_LOOK_EVERY_S):
            try:
                work_on_all(context, stopping)
            except Exception:  # noqa: BLE001 - the edge of this process, logged with its traceback
                # Nobody else works here: it logs a defect and continues.
                _log.exception("the worker failed")
            touch_heartbeat_file(settings.pulse_file)


def work_on_all(context: ServiceContext, stopping: threading.Event) -> None:
    """Do all the work that waits, until there is none or the process should stop."""
    stop = Stop(stopping.is_set)
    for kind in KINDS:
        for ref in kind.sweep(context):
            again: WorkRef | None = ref
            while again is not None and not stopping.is_set():
                again = kind.work(context, again, stop)


if __name__ == "__main__":
    main()
