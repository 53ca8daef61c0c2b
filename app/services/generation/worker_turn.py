"""Advancing a run: take one of its slots under a lease, work for a while, hand it back.

Another worker may take over when the lease is out, whatever happened to this one.
"""

import logging
import secrets
from collections.abc import Callable
from functools import partial

from app.errors import ConfigurationError
from app.llm.calls import Calls
from app.services.context import ServiceContext
from app.services.generation import slots
from app.services.generation.batch_api.poll import tend
from app.services.generation.pump import Ending, Pump
from app.services.generation.work.prepare import begin, pause_for_provider
from app.states import EndReason, Status
from app.store.database import AWAY
from app.store.runs import runs
from app.store.runs.runs import Hold
from app.store.runs.slots import Slot

_log = logging.getLogger(__name__)


def advance_run(context: ServiceContext, named: Slot, stop: Callable[[], bool]) -> Slot | None:
    """Work for a while on a run; safe to repeat and to call from anywhere at once.

    Args:
        context: what this process works with.
        named: a slot that somebody should look at. It is a hint: a run that needs a worker more is
            served in its place, and one that is unknown, finished or held is left alone.
        stop: whether this process has been asked to end; looked at ten times a second.

    Returns the slot that should be sent again at once, if any. A defect is logged here and pauses
    the run: sent again and again, it would pay for the same calls for ever.
    """
    hold = _take(context, named)
    if hold is None:
        return None
    try:
        again = _hold(context, hold, stop) is Ending.AGAIN
        return Slot(hold.run_id, hold.slot) if again else None
    except ConfigurationError as error:
        pause_for_provider(context, hold, str(error))
        return None
    except AWAY:
        # The database is away: whoever looks next goes on from what was committed.
        raise
    except Exception:  # noqa: BLE001 - the edge of a worker, logged here once with its run
        _log.exception("run %s pauses: a defect of the service", hold.run_id)
        message = "A defect of the service; the worker's log has the details."
        context.database.retrying(
            lambda session: runs.move(
                session,
                hold.run_id,
                Status.PAUSED,
                reason=EndReason.DEFECT,
                message=message,
                hold=hold,
            )
        )
        return None
    finally:
        context.database.retrying(lambda session: slots.let_go(session, hold))


def _take(context: ServiceContext, named: Slot) -> Hold | None:
    tried: set[Slot] = set()
    while True:
        with context.database.read() as session:
            chosen = slots.fairer(session, named)
        if chosen in tried:
            return None
        # Another worker may have chosen the same: then there may be another one to serve.
        tried.add(chosen)
        hold = Hold(*chosen, token=secrets.token_hex(8))
        if context.database.retrying(partial(slots.take, hold=hold, lease_s=context.lease_s)):
            return hold


def _hold(context: ServiceContext, hold: Hold, stop: Callable[[], bool]) -> Ending:
    beginning = begin(context, hold)
    if beginning is None:
        return Ending.ENOUGH
    tend(context, beginning, hold, stop)
    with Calls(context.endpoints, beginning.model, context.concurrency) as calls:
        pump = Pump(context, beginning, hold, calls, stop)
        try:
            return pump.work()
        finally:
            pump.abandon()
