"""Leased work: the heartbeat while it is done, and every way it can end, handled in one place."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from app.errors import SeedbedError
from app.logging_setup import log_fields
from app.services.context import ServiceContext
from app.store import leases
from app.store.database import AWAY

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


@contextmanager
def kept_lease(
    context: ServiceContext, extend: Callable[[Session, float], object]
) -> Iterator[None]:
    """Prolong a lease in a thread of its own until the block ends.

    Without it, a preflight that takes longer than the lease would lose the run to another worker,
    whose preflight would lose it in turn, and every one of them would be paid for.

    Args:
        context: what this process works with.
        extend: prolongs the lease by a number of seconds, while this process holds it.
    """
    done = threading.Event()

    def beat() -> None:
        while not done.wait(context.lease_s / 3):
            try:
                context.database.retrying(lambda session: extend(session, context.lease_s))
            except AWAY as error:
                # It may be back before the lease has expired, or before another takes the work.
                _log.warning("a lease can't be extended now: %s", error)

    thread = threading.Thread(target=copy_context().run, args=(beat,), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class LeasedTask(Generic[Result]):
    """Work whose lease this process has taken, with what follows each way it can end."""

    name: str
    """For the log, such as ``run run_1``."""
    work: Callable[[], Result]
    fail: Callable[[SeedbedError], object]
    """Records an anticipated failure in the row."""
    fail_by_defect: Callable[[], object]
    """Records a defect in the row, so that the work is not begun again and paid for again."""
    release: Callable[[], object]
    """Frees the row for the next process; does nothing when this process holds it no more."""
    log_fields: Mapping[str, str] = field(default_factory=dict)
    """Ids for every record that is logged meanwhile, such as ``run_id``."""
    anticipated: type[SeedbedError] = SeedbedError
    """Failures that `fail` records; any other exception is a defect."""
    release_always: bool = False
    """True: release it however the work ended, as with a run's slot, which is free between two
    turns. False: release it only when this process is interrupted; otherwise `work` and `fail`
    have recorded the end, which frees the row."""


def run_leased(task: LeasedTask[Result]) -> Result | None:
    """Do work whose lease was taken, and see to every way it can end.

    A defect is logged here, once, with the name of the work.

    Returns:
        What the work returned; None when it failed, which its row says then.

    Raises:
        OperationalError, InterfaceError, InternalError, DatabaseFull: the database is down, or its
            disk is full. Nothing is recorded; the next process continues from what was committed.
        BaseException: this process is interrupted; the row is released before.
    """
    with log_fields(**task.log_fields):
        return _run(task)


def _run(task: LeasedTask[Result]) -> Result | None:
    try:
        return task.work()
    except AWAY:
        raise
    except task.anticipated as error:
        _log.warning("%s failed: %s", task.name, error)
        task.fail(error)
    except Exception:  # noqa: BLE001 - the edge of a worker, logged here once with its work
        _log.exception("%s failed: a defect of the service", task.name)
        task.fail_by_defect()
    except BaseException:
        if not task.release_always:
            task.release()
        raise
    finally:
        if task.release_always:
            task.release()
    return None


def notify_waiting(
    context: ServiceContext,
    table: type[leases.LeasedWork],
    waiting: Callable[[Session], Sequence[str]],
) -> Sequence[str]:
    """Name the rows that a worker should look at now, and record that workers are notified."""
    with context.database.read() as session:
        found = waiting(session)
    if found:
        context.database.retrying(lambda session: leases.record_notified(session, table, found))
    return found
