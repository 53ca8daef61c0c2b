"""Slots of runs: which worker works on which run. They are leased, and shared out fairly."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy.orm import Session

from app.counters import CALLS
from app.pipeline.budget import NOTHING
from app.services.context import ServiceContext
from app.services.generation.work.accounting import presume_spent
from app.states import WORKABLE, EndReason, Status
from app.store.counting import count
from app.store.runs import runs, slots
from app.store.runs.runs import Hold
from app.store.runs.slots import Slot
from app.store.tables.runs import Run
from app.store.work import batches, work_items

_NOTIFY_AGAIN_S = 5.0


def take(session: Session, hold: Hold, lease_s: float) -> bool:
    """Take a slot of a run that has work, and reopen what its last pump left unfinished.

    Safe to repeat. The preflight, and the end of a cancelled run, are for one pump alone.
    """
    run = runs.lock(session, hold.run_id)
    if run is None or run.status not in WORKABLE:
        return False
    before = slots.holder(session, Slot(hold.run_id, hold.slot))
    if before != hold.token and run.status != Status.RUNNING and slots.any_live(session, run.id):
        return False
    if not slots.take(session, hold, lease_s):
        return False
    # If this worker dies now, the next one must be notified at once.
    run.idle_until = None
    if before is not None and before != hold.token:
        give_back(session, run, before)
    return True


def release(session: Session, hold: Hold) -> None:
    """Release a slot and reopen what was not finished; safe to repeat.

    The last pump to leave a run that is being cancelled ends it.
    """
    run = runs.lock(session, hold.run_id)
    if run is None:
        return
    give_back(session, run, hold.token)
    slots.release(session, hold)
    runs.record_served(session, hold.run_id)
    if run.status == Status.CANCELLING and not slots.any_live(session, run.id):
        _end_cancelled(session, run)


def _end_cancelled(session: Session, run: Run) -> None:
    """End a cancelled run, once its batches are ended and their results collected."""
    run.idle_until = batches.next_at(session, run.id)
    session.flush()
    if run.idle_until is None:
        runs.move(session, run.id, Status.CANCELLED, reason=EndReason.CANCELLED)


def give_back(session: Session, run: Run, token: str) -> None:
    """Reopen what a pump leased and did not finish; no attempt is used up.

    Its calls in flight may be billed, so their maximum cost counts as spent until the reply arrives
    after all.
    """
    leased = work_items.leased_by(session, run.id, token)
    if leased:
        lost = sum(leased.values(), NOTHING)
        presume_spent(run, lost)
        count(session, CALLS, run.model, "", "lost", by=lost.calls)
        work_items.reopen(session, leased.keys(), token)


def fairer(session: Session, hint: Slot) -> Slot:
    """Choose the slot to take when a worker was notified of this one.

    This one, unless another run that could use a pump has fewer, or as few and has waited longer.
    """
    waiting = slots.neediest(session)
    return waiting if waiting is not None and waiting.run_id != hint.run_id else hint


def should_yield(session: Session, hold: Hold) -> bool:
    """Return True when this pump should leave its run for one that has fewer.

    One pump leaves at a time, the one in the highest slot; the only pump of a run leaves it for a
    run that has none, and its turn comes again.
    """
    mine = slots.live(session, hold.run_id)
    fewest = slots.fewest_elsewhere(session, hold.run_id)
    if fewest is None or not mine or mine[-1] != hold.slot:
        return False
    return fewest + 1 < len(mine) or (fewest == 0 and len(mine) == 1)


def sweep(context: ServiceContext) -> Sequence[Slot]:
    """Release the slots of dead pumps; name those that a worker should look at now.

    Any number of sweepers may do so at once.
    """
    with context.database.read() as session:
        dead = slots.expired(session)
        if not dead and not runs.any_workable(session):
            return ()
    for hold in dead:
        context.database.retrying(partial(_release_expired, hold=hold))

    def notify(session: Session) -> Sequence[Slot]:
        waiting = slots.waiting(session, again_after_s=_NOTIFY_AGAIN_S)
        return slots.record_notified(session, waiting)

    return context.database.retrying(notify)


def _release_expired(session: Session, hold: Hold) -> None:
    # A process that froze while it held the row must not keep the sweeper from all other runs.
    run = runs.lock_if_free(session, hold.run_id)
    if run is not None and slots.release_expired(session, hold):
        give_back(session, run, hold.token)
