"""The pump: one worker's loop over one run, which keeps model calls in flight while there is work.

Each turn of the loop collects the calls that have ended and hands them to one transaction
(`Turns`), which records them and claims the next ones.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from sqlalchemy.orm import Session

from app.errors import DatabaseFull
from app.llm.parallel.calls import Calls
from app.services.context import ServiceContext
from app.services.free_space import database_shortage
from app.services.generation.batch_api.plan import Next
from app.services.generation.pump_transaction import Turns
from app.services.generation.slots import should_yield
from app.services.generation.start.prepare import pause_for_provider
from app.services.generation.work.claiming import Claim
from app.services.generation.work.item_call import ItemCall
from app.services.generation.work.material import PreparedRun
from app.services.model_calls.in_flight import COLLECT_S, DATABASE_PATIENCE_S, InFlight
from app.states import Status
from app.store.database import Result
from app.store.runs import slots
from app.store.runs.runs import Hold
from app.store.work import work_items as work

_log = logging.getLogger(__name__)

_CLAIM_AGAIN_S = 0.25
_FULL_S = 0.3
"""Between two tries to write to a full disk: soon, before a sweeper finds an expired lease."""
_IDLE_S = 1.0
_LAST_REPLIES_S = 20.0
"""Longest wait of a pump that has to leave for the calls in flight: they are billed."""
_CANCELLED_S = 2.0
"""The same when the run is being cancelled: a person waits for that."""
_LONGEST_HOLD_S = 600.0
"""After this the run is sent again even if no other run waits: a message must be acknowledged well
within any broker's visibility timeout."""


class Ending(Enum):
    """The end of a pump's turn."""

    AGAIN = auto()
    """There is work left: send the run again."""
    ENOUGH = auto()
    """Finished, paused, lost or idle: no worker has to look at once."""


@dataclass(slots=True)
class _Due:
    """The times at which a pump checks things, in seconds of the monotonic clock."""

    began_at: float
    busy_at: float
    """When there was last something to claim or to wait for."""
    beat_at: float
    """When to extend the lease."""
    claim_at: float
    """When to look for open work again, after none was found."""
    yield_at: float
    """When to ask whether another run needs this pump more."""


@dataclass(slots=True)
class _Departure:
    """The state of a pump that leaves: how its turn ends, and until when it waits for replies."""

    ending: Ending | None = None
    leave_by: float = float("inf")

    def begin(self, ending: Ending, within_s: float) -> None:
        """Leave within `within_s` seconds; the first ending counts, and the earliest time."""
        if self.ending is None:
            self.ending = ending
        self.leave_by = min(self.leave_by, time.monotonic() + within_s)


class Pump:
    """The loop of one worker over one run."""

    def __init__(
        self,
        context: ServiceContext,
        prepared: PreparedRun,
        hold: Hold,
        calls: Calls,
        stop: Callable[[], bool],
    ) -> None:
        self._context = context
        self._hold = hold
        self._stop = stop
        self._in_flight = InFlight[ItemCall](context, calls, prepared.model)
        self._turns = Turns(context, prepared, hold, self._in_flight)
        now = time.monotonic()
        self._due = _Due(now, now, now, now, now + context.slice_s)
        self._departure = _Departure()

    def work(self) -> Ending:
        """Keep calls in flight until the run ends, another needs it more, or the process ends."""
        while not self._stop():
            try:
                if (ending := self._step(time.monotonic())) is not None:
                    return ending
            except DatabaseFull as full:
                self._turns.disk.refused(str(full))
                time.sleep(_FULL_S)
        return Ending.AGAIN

    def _step(self, now: float) -> Ending | None:
        """Do one round of the loop; return how the turn ends, once it does."""
        self._look_up(now)
        if self._departure.ending is not None:
            self._hand_back()
            if not (self._in_flight or self._turns.pending):
                return self._departure.ending
            # Replies that the full disk keeps from being recorded were paid for.
            if now > self._departure.leave_by and not self._turns.disk.is_full:
                return self._departure.ending
        self._turns.collect(0.0 if self._turns.pending else COLLECT_S)
        self._turn()
        self._pause_if_stuck()
        self._reopen(self._in_flight.withdraw_held())
        if not self._in_flight and not self._turns.pending:
            # Nothing is in flight: the endpoint is held back, or the end is near.
            time.sleep(COLLECT_S)
        return None

    def abandon(self) -> None:
        """Cut off the calls in flight; those that were never sent are reopened.

        Replies that are here already were paid for, so they are recorded first.
        """
        self._leave(Ending.AGAIN, 0.0)
        never_sent = self._in_flight.abandon()
        self._turns.collect_rest()
        if self._turns.pending:
            self._turn()
        self._reopen(never_sent)

    def _leave(self, ending: Ending, within_s: float = _LAST_REPLIES_S) -> None:
        """Claim nothing more, and leave once all calls in flight have ended, or in time."""
        self._departure.begin(ending, within_s)

    @property
    def _is_leaving(self) -> bool:
        return self._departure.ending is not None

    def _look_up(self, now: float) -> None:
        """Extend the lease; see whether the run goes on, and whether another needs us more."""
        due = self._due
        if now >= due.beat_at:
            # Also how soon a pause or a cancellation is noticed.
            due.beat_at = now + min(1.0, self._context.lease_s / 3)
            self._turns.disk.look(database_shortage(self._context))
            self._obey(self._retrying(self._beat))
        if now >= due.yield_at and not self._is_leaving:
            due.yield_at = now + self._context.slice_s
            if self._retrying(self._is_needed, writes=False) or (
                now - due.began_at > _LONGEST_HOLD_S
            ):
                self._leave(Ending.AGAIN)
        if self._in_flight:
            due.busy_at = now
        if now - due.busy_at > _IDLE_S and not self._is_leaving and self._others_work():
            # What is left is in flight elsewhere; this process may be of use to another run.
            self._leave(Ending.ENOUGH)

    def _is_needed(self, session: Session) -> bool:
        """Return True when another run needs this pump more, or a batch has to be polled."""
        return should_yield(session, self._hold) or self._turns.any_batch_due(session)

    def _beat(self, session: Session) -> Status | None:
        return slots.extend(session, self._hold, self._context.lease_s)

    def _obey(self, status: Status | None) -> None:
        """Leave when the run no longer runs, or the slot was lost (None)."""
        if status is None and not self._is_leaving:
            _log.warning("run %s: the lease of slot %d was lost", *self._hold[:2])
        if status is not Status.RUNNING:
            cancelled = status is Status.CANCELLING
            self._leave(Ending.ENOUGH, _CANCELLED_S if cancelled else _LAST_REPLIES_S)

    def _others_work(self) -> bool:
        self._due.busy_at = time.monotonic()
        live = self._retrying(partial(slots.live, run_id=self._hold.run_id), writes=False)
        return len(live) > 1

    def _retrying(self, work: Callable[[Session], Result], *, writes: bool = True) -> Result:
        database = self._context.database
        return database.retrying(work, patience_s=DATABASE_PATIENCE_S, writes=writes)

    def _pause_if_stuck(self) -> None:
        """Pause the run when it cannot go on before a person acts."""
        why = self._in_flight.waits_in_vain()
        if why is not None and not self._is_leaving:
            _log.warning("run %s pauses: %s", self._hold.run_id, why)
            pause_for_provider(self._context, self._hold, why)
            self._leave(Ending.ENOUGH)

    def _hand_back(self) -> None:
        """Reopen what was not sent yet: it costs nothing, and other workers may ask it."""
        self._reopen(self._in_flight.withdraw())

    def _reopen(self, never_sent: Sequence[ItemCall]) -> None:
        if never_sent:
            ids, token = [asked.item.id for asked in never_sent], self._hold.token
            self._retrying(lambda session: work.reopen(session, ids, token))

    def _turn(self) -> None:
        """Record what came back and claim what can be asked next, if there is any of both."""
        now, pending = time.monotonic(), self._turns.pending
        free = 0 if self._is_leaving or self._turns.disk.shortage else self._in_flight.free
        is_idle = not pending and (not free or now < self._due.claim_at)
        if is_idle and not (self._in_flight.has_news or self._turns.disk.has_news):
            return
        claim, step = self._turns.take(is_leaving=self._is_leaving)
        self._send(claim, now)
        if step is not Next.STAY:
            self._leave(Ending.AGAIN if step is Next.AGAIN else Ending.ENOUGH)

    def _send(self, claim: Claim, now: float) -> None:
        self._in_flight.send(claim.to_ask)
        if claim or self._in_flight:
            self._due.busy_at = now
        else:
            # The run may be over, or waiting: look soon, and at its status first.
            self._due.claim_at, self._due.beat_at = now + _CLAIM_AGAIN_S, now
