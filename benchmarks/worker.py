"""A worker of the service without its broker, as a process of its own.

    python -m benchmarks.worker RUN_ID SLOT

It takes its settings from the environment as every worker does, calls what the Celery task calls,
and ends when the run is over.
"""

import os
import sys
import time

from app.logging_setup import log_to_stderr
from app.services.context import ServiceContext, open_service_context
from app.services.generation.advance_run import advance_run
from app.services.runs.control import get_run
from app.settings import Settings
from app.stack.die_with_parent import die_with_parent
from app.store.runs.slots import Slot

_LOOK_S = 0.05


def advance(context: ServiceContext, run_id: str, slot: int) -> bool:
    """Work for a slice; the one place that knows how the service is called."""
    return advance_run(context, Slot(run_id, slot), lambda: False) is not None


def work(context: ServiceContext, run_id: str, slot: int) -> None:
    """Work until the run ends."""
    while get_run(context, run_id).status in ("queued", "running"):
        if not advance(context, run_id, slot):
            time.sleep(_LOOK_S)


def main(arguments: list[str]) -> None:
    """Work on the run that the command line names."""
    die_with_parent(os.getppid())
    log_to_stderr()
    run_id, slot = arguments
    context = open_service_context(Settings())
    try:
        work(context, run_id, int(slot))
    finally:
        context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
