"""The pump: one worker's hold on one run, keeping model calls in the air while there is work.

Each turn is one transaction: what came back is recorded, and what can be asked next is claimed.
Everything it knows is in the database, so it may die at any instruction.
"""

import itertools
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from functools import partial

from sqlalchemy.orm import Session

from app.llm.calls import Calls
from app.llm.fanout import Fanout
from app.llm.inbox import Outcome
from app.pipeline.shapes import Asking
from app.services.context import ServiceContext
from app.services.generation.batch_api.plan import Batching, Next
from app.services.generation.call_outcomes import Reading
from app.services.generation.slots import should_yield
from app.services.generation.work.claiming import Claim, Claimer
from app.services.generation.work.completion import finish_if_over
from app.services.generation.work.pool import Pool, loaded_pool, with_target_of
from app.services.generation.work.prepare import Beginning, pause_for_provider
from app.services.generation.work.recording import Answered, Recorder
from app.services.generation.work.requests import Asked
from app.services.model_calls.endpoints import Endpoints, Report
from app.states import Status
from app.store.database import Result
from app.store.runs import runs, slots
from app.store.runs.runs import Hold
from app.store.tables.runs import Run
from app.store.work import work_items as work

_log = logging.getLogger(__name__)

_COLLECT_S = 0.1
_BATCH = 32
_CLAIM_AGAIN_S = 0.25
_IDLE_S = 1.0
_LAST_REPLIES_S = 20.0
"""How long a pump that has to leave waits for the replies of calls in the air: they are paid."""
_DATABASE_PATIENCE_S = 60.0
"""The database may restart; what is in the air was paid for, and is worth waiting for."""
_LONGEST_HOLD_S = 600.0
"""Far below any broker's visibility timeout: then the run is sent again even if none waits."""


class Ending(Enum):
    """How a pump's turn ended."""

    AGAIN = auto()
    """There is work left: send the run again."""
    ENOUGH = auto()
    """Finished, paused, lost or idle: nobody has to look at once."""


class Pump:
    """The loop; its state is what is in the air."""

    def __init__(
        self,
        context: ServiceContext,
        beginning: Beginning,
        hold: Hold,
        calls: Calls,
        stop: Callable[[], bool],
    ) -> None:
        self._context = context
        self._database = context.database
        self._material = beginning.material
        self._model = beginning.model
        self._hold = hold
        self._calls = calls
        self._stop = stop
        asking = Asking(beginning.material.options, beginning.capabilities)
        self._claimer = Claimer(context, self._material, asking, self._model, hold.token)
        self._recorder = Recorder(self._material, hold.token)
        self._batching = Batching(context, self._material, asking, self._model, hold.token)
        self._next_step = Next.STAY
        self._endpoints = Endpoints(context, calls, self._model)
        self._asked: dict[int, Asked] = {}
        self._found: list[Answered] = []
        self._pool: Pool | None = None
        self._reading = Reading(context, self._model, self._endpoints)
        now = time.monotonic()
        self._began_at = self._busy_at = now
        self._beat_at = self._claim_at = now
        self._look_at = now + context.slice_s
        self._ending: Ending | None = None
        self._leave_by = float("inf")

    def work(self) -> Ending:
        """Keep calls in the air until the run ends, another needs it more, or the process ends."""
        while not self._stop():
            now = time.monotonic()
            self._look_up(now)
            if self._ending is not None:
                self._hand_back()
            if self._ending is not None and (not self._asked or now > self._leave_by):
                return self._ending
            wait_s = 0.0 if self._found else _COLLECT_S
            self._turn(self._calls.collect(wait_s, self._batch()), time.monotonic())
            why = self._cannot_go_on(time.monotonic())
            if why is not None and self._ending is None:
                _log.warning("run %s pauses: %s", self._hold.run_id, why)
                pause_for_provider(self._context, self._hold, why)
                self._leave(Ending.ENOUGH)
            if not self._asked and not self._found:
                # Nothing in the air: the endpoint is being given time, or the end is near.
                time.sleep(_COLLECT_S)
        return Ending.AGAIN

    def _leave(self, ending: Ending, within_s: float = _LAST_REPLIES_S) -> None:
        """Claim nothing more; end once everything that is in the air has come, or in time."""
        if self._ending is None:
            self._ending = ending
        self._leave_by = min(self._leave_by, time.monotonic() + within_s)

    def _look_up(self, now: float) -> None:
        """Give a sign of life; see whether the run goes on, and whether another needs us more."""
        if now >= self._beat_at:
            # Also how soon a pause or a cancellation is noticed.
            self._beat_at = now + min(1.0, self._context.lease_s / 3)
            self._heed(self._patiently(self._beat))
        if now >= self._look_at and self._ending is None:
            self._look_at = now + self._context.slice_s
            if (
                self._patiently(self._is_needed, writes=False)
                or now - self._began_at > _LONGEST_HOLD_S
            ):
                self._leave(Ending.AGAIN)
        if now - self._busy_at > _IDLE_S and self._ending is None and self._others_work():
            # What is left is in the air elsewhere; this process may be of use to another run.
            self._leave(Ending.ENOUGH)

    def _is_needed(self, session: Session) -> bool:
        """Whether another run needs this pump more, or a batch has to be seen to."""
        return should_yield(session, self._hold) or self._batching.is_due(session)

    def _beat(self, session: Session) -> Status | None:
        return slots.extend(session, self._hold, self._context.lease_s)

    def _heed(self, status: Status | None) -> None:
        if status is None and self._ending is None:
            _log.warning("run %s: the lease of slot %d was lost", *self._hold[:2])
        if status is not Status.RUNNING:
            # Nobody waits for a run that is being cancelled but the one who cancelled it.
            cancelled = status is Status.CANCELLING
            self._leave(Ending.ENOUGH, 2.0 if cancelled else _LAST_REPLIES_S)

    def _others_work(self) -> bool:
        self._busy_at = time.monotonic()
        live = self._patiently(partial(slots.live, run_id=self._hold.run_id), writes=False)
        return len(live) > 1

    def _patiently(self, work: Callable[[Session], Result], *, writes: bool = True) -> Result:
        return self._database.retrying(work, patience_s=_DATABASE_PATIENCE_S, writes=writes)

    def _cannot_go_on(self, now: float) -> str | None:
        """Say why the run has to wait for a person; None while it has not."""
        if self._reading.refusal is not None:
            return str(self._reading.refusal)
        if self._throttled_s(now) > self._context.throttle_patience_s:
            words = next(filter(None, (lane.last_throttle for lane in self._lanes())), "")
            return f"For {self._throttled_s(now):.0f} s: {words}"
        return self._endpoints.exhausted()

    def _throttled_s(self, now: float) -> float:
        """For how long nothing has been answered while the provider throttles."""
        throttled = self._asked and any(lane.last_throttle for lane in self._lanes())
        return now - self._reading.answered_at if throttled else 0.0

    def _hand_back(self) -> None:
        """Open again what is not out yet: it was not paid for, and others may come to ask it."""
        waiting = [key for lane in self._lanes() for key in lane.withdraw()]
        for key in waiting:
            del self._asked[key]
        if waiting:
            token = self._hold.token
            self._patiently(lambda session: work.reopen(session, waiting, token))

    def _lanes(self) -> Iterable[Fanout]:
        return self._calls.lanes.values()

    def _batch(self) -> int:
        """How many replies to wait for: few while few are out, or their places would stay empty."""
        return max(1, min(_BATCH, len(self._asked) // 4))

    def _room(self) -> int:
        """How many calls may go out now, as far as this process knows."""
        if self._ending is not None:
            return 0
        room = min(sum(lane.capacity for lane in self._lanes()), self._context.concurrency)
        return max(0, min(room, self._context.concurrency - len(self._asked)))

    def _turn(self, outcomes: list[Outcome], now: float) -> None:
        """Record what came back and claim what can be asked next, in one transaction."""
        report = Report()
        answers = [
            *self._found,
            *(self._reading.read(self._asked[one.key], one, report) for one in outcomes),
        ]
        # From here on the batch's items are no longer in the air, whatever becomes of the turn.
        for outcome in outcomes:
            del self._asked[outcome.key]
        room = self._room()
        idle = not answers and (not room or now < self._claim_at)
        if idle and not self._endpoints.want_a_turn:
            return
        tries = itertools.count()
        if self._pool is None:
            # Beforehand and without the lock: of a large run this takes a second or two.
            self._pool = self._patiently(partial(loaded_pool, self._material), writes=False)

        def turn(session: Session) -> tuple[Pool, Claim]:
            run = runs.lock(session, self._hold.run_id)
            if run is None:
                raise LookupError(f"run {self._hold.run_id} is gone")
            # Given back below, after the commit: what it takes in may never be committed, and a
            # pool that is ahead of the rows would miss neighbours.
            pool, self._pool = self._pool or Pool(self._material), None
            material = self._material = with_target_of(run, self._material)
            self._recorder.material = self._claimer.material = self._batching.material = material
            self._recorder.record(session, run, answers, pool)
            if next(tries):
                self._disown(session)
            session.flush()
            self._endpoints.report(session, report)
            recorded = [answer.asked.item.id for answer in answers]
            return pool, self._next(session, run, room, recorded)

        self._pool, claim = self._patiently(turn)
        self._endpoints.heed()
        self._send(claim, now)
        if self._next_step is not Next.STAY:
            self._leave(Ending.AGAIN if self._next_step is Next.AGAIN else Ending.ENOUGH)

    def _next(self, session: Session, run: Run, room: int, recorded: Sequence[int]) -> Claim:
        """Claim what can be asked, or see that the run is over."""
        if run.status != Status.RUNNING or not slots.is_held(session, self._hold):
            return Claim()
        claim = self._claim(session, run, room, recorded) if room else Claim()
        idle = not claim and not self._asked
        over = finish_if_over(session, run, self._material, idle=idle)
        if idle and not over and self._ending is None:
            self._next_step = self._batching.next(session, run, claim)
        return claim

    def _claim(self, session: Session, run: Run, room: int, recorded: Sequence[int]) -> Claim:
        if self._endpoints.any_away and not work.any_open(session, run.id):
            return Claim()
        shares = self._endpoints.rooms(session, room)
        probing = self._endpoints.any_away
        claim = self._claimer.claim(session, run, shares, probing=probing, passing=recorded)
        self._endpoints.charge(session, ((one.endpoint, one.reserved) for one in claim.to_ask))
        return claim

    def _disown(self, session: Session) -> None:
        """Open what an earlier try of this turn claimed by a commit whose answer was lost."""
        leased = work.leased_by(session, self._hold.run_id, self._hold.token)
        work.reopen(session, leased.keys() - self._asked.keys(), self._hold.token)

    def _send(self, claim: Claim, now: float) -> None:
        self._found = claim.answered
        for asked in claim.to_ask:
            self._asked[asked.item.id] = asked
            self._calls.lanes[asked.endpoint].submit(asked.item.id, asked.request)
        if claim or self._asked:
            self._busy_at = now
        else:
            # The run may be over, or waiting: look soon, and at its status first.
            self._claim_at, self._beat_at = now + _CLAIM_AGAIN_S, now

    def abandon(self) -> None:
        """Cut off what is in the air; what had not been sent is handed back as it was.

        Replies that are here already were paid for, so they are recorded first.
        """
        self._leave(Ending.AGAIN, 0.0)
        dropped = self._calls.abandon()
        if rest := self._calls.collect(0.0, len(self._asked)):
            self._turn(rest, time.monotonic())
        waiting = [one.key for one in dropped if not one.was_out]
        if waiting:
            token = self._hold.token
            self._patiently(lambda session: work.reopen(session, waiting, token))
