"""Holding a slot of a run while something else takes its time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.services.workshop import Workshop
from app.store import slots
from app.store.runs import Hold


@contextmanager
def kept_lease(workshop: Workshop, hold: Hold) -> Iterator[None]:
    """Prolong the lease in a thread of its own until the block ends.

    Without it a preflight that outlasts the lease loses the run to another worker, whose preflight
    loses it in turn, and every one of them is paid for.
    """
    done = threading.Event()

    def beat() -> None:
        while not done.wait(workshop.lease_s / 3):
            workshop.database.retrying(
                lambda session: slots.extend(session, hold, workshop.lease_s)
            )

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
