"""Holding what is leased while something else takes its time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from app.services.context import ServiceContext


@contextmanager
def kept_lease(
    context: ServiceContext, extend: Callable[[Session, float], object]
) -> Iterator[None]:
    """Prolong the lease in a thread of its own until the block ends.

    Args:
        context: what this process works with.
        extend: prolongs it, by so many seconds, as long as it is ours.

    Without it a preflight that outlasts the lease loses the run to another worker, whose preflight
    loses it in turn, and every one of them is paid for.
    """
    done = threading.Event()

    def beat() -> None:
        while not done.wait(context.lease_s / 3):
            context.database.retrying(lambda session: extend(session, context.lease_s))

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
