"""A worker of the service without its broker, as a process of its own.

    python -m benchmarks.worker RUN_ID SLOT

It takes its settings from the environment as every worker does, calls what the Celery task calls,
and ends when the run is over.
"""

import os
import sys
import time

from app.logging_setup import log_to_stderr
from app.services.advance import advance_run
from app.services.runs import get_run
from app.services.workshop import Workshop, open_workshop
from app.settings import Settings
from app.stack.leash import die_with_parent
from app.store.slots import Slot

_LOOK_S = 0.05


def advance(workshop: Workshop, run_id: str, slot: int) -> bool:
    """Work for a slice; the one place that knows how the service is called."""
    return advance_run(workshop, Slot(run_id, slot), lambda: False) is not None


def work(workshop: Workshop, run_id: str, slot: int) -> None:
    """Work until the run is over."""
    while get_run(workshop, run_id).status in ("queued", "running"):
        if not advance(workshop, run_id, slot):
            time.sleep(_LOOK_S)


def main(arguments: list[str]) -> None:
    """Work on the run of the command line."""
    die_with_parent(os.getppid())
    log_to_stderr()
    run_id, slot = arguments
    workshop = open_workshop(Settings())
    try:
        work(workshop, run_id, int(slot))
    finally:
        workshop.close()


if __name__ == "__main__":
    main(sys.argv[1:])
