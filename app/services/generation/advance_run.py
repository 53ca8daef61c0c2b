"""A worker's turn at a run: take one of its slots under a lease, work for a slice, release it.

Another worker may take the slot over once the lease has expired, whatever happened to this one.
"""

import secrets
from collections.abc import Callable
from functools import partial

from app.errors import ConfigurationError
from app.llm.parallel.calls import Calls
from app.services.context import ServiceContext
from app.services.generation import slots
from app.services.generation.batch_api.poll import poll_due
from app.services.generation.pump import Ending, Pump
from app.services.generation.start.prepare import pause_for_provider, prepare
from app.services.run_leased import LeasedTask, run_leased
from app.states import EndReason, Status
from app.store.runs import runs
from app.store.runs.runs import Hold
from app.store.runs.slots import Slot


def advance_run(context: ServiceContext, hint: Slot, stop: Callable[[], bool]) -> Slot | None:
    """Work on a run for a slice; safe to repeat and to call from anywhere at once.

    A defect is logged and pauses the run: sent again and again, it would pay for the same calls
    again and again.

    Args:
        context: what this process works with.
        hint: a slot that a worker should look at. A run that needs a worker more is served in its
            place; a run that is unknown, finished or held is left alone.
        stop: returns True once this process has been asked to stop; called ten times a second.

    Returns:
        The slot that should be sent again at once; None when there is none.
    """
    hold = _take(context, hint)
    if hold is None:
        return None
    task = LeasedTask(
        name=f"run {hold.run_id}",
        work=lambda: _hold(context, hold, stop),
        fail=lambda error: pause_for_provider(context, hold, str(error)),
        fail_by_defect=lambda: _pause_for_defect(context, hold),
        release=lambda: context.database.retrying(partial(slots.release, hold=hold)),
        # What the provider or a call got wrong is handled below; this is what a person has to set.
        anticipated=ConfigurationError,
        release_always=True,
        log_fields={"run_id": hold.run_id},
    )
    return Slot(hold.run_id, hold.slot) if run_leased(task) is Ending.AGAIN else None


def _pause_for_defect(context: ServiceContext, hold: Hold) -> None:
    pause = partial(
        runs.move,
        run_id=hold.run_id,
        to=Status.PAUSED,
        reason=EndReason.DEFECT,
        message="A defect of the service; the worker's log has the details.",
        hold=hold,
    )
    context.database.retrying(pause)


def _take(context: ServiceContext, hint: Slot) -> Hold | None:
    tried: set[Slot] = set()
    while True:
        with context.database.read() as session:
            chosen = slots.fairer(session, hint)
        if chosen in tried:
            return None
        # Another worker may have taken the same slot: then there may be another run to serve.
        tried.add(chosen)
        hold = Hold(*chosen, token=secrets.token_hex(8))
        if context.database.retrying(partial(slots.take, hold=hold, lease_s=context.lease_s)):
            return hold


def _hold(context: ServiceContext, hold: Hold, stop: Callable[[], bool]) -> Ending:
    prepared = prepare(context, hold)
    if prepared is None:
        return Ending.ENOUGH
    poll_due(context, prepared, hold, stop)
    patience_s = context.throttle_patience_s
    # After a restart with other settings, all that are left may have been set aside.
    asked = [one for one in context.endpoints if one.name not in prepared.set_aside]
    endpoints = asked or context.endpoints
    with Calls(endpoints, prepared.model, context.concurrency, patience_s) as calls:
        pump = Pump(context, prepared, hold, calls, stop)
        try:
            return pump.work()
        finally:
            pump.abandon()
