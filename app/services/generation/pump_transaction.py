"""One transaction of a pump: replies are recorded, and what can be asked next is claimed.

Everything a pump knows is in the database, so it may die at any instruction.
"""

import itertools
from collections.abc import Collection, Sequence
from functools import partial

from sqlalchemy.orm import Session

from app.services.context import ServiceContext
from app.services.generation.batch_api.plan import BatchPlanner, Next
from app.services.generation.disk_wait import DiskWait
from app.services.generation.work import learned
from app.services.generation.work.claiming import Claim, Claimer
from app.services.generation.work.end_run import finish_if_over
from app.services.generation.work.item_call import Answered, ItemCall, read_ended
from app.services.generation.work.material import PreparedRun, as_known_now
from app.services.generation.work.pool import Pool, loaded_pool
from app.services.generation.work.record_replies import Recorder
from app.services.model_calls.dialects import SharedDialects
from app.services.model_calls.in_flight import DATABASE_PATIENCE_S, Ended, InFlight
from app.services.model_calls.streaks import streaks_from
from app.states import Status
from app.store.runs import runs, slots, waiting
from app.store.runs.runs import Hold
from app.store.tables.runs import Run
from app.store.work import item_counts, work_items


class Turns:
    """The transactions of one pump, one after the other."""

    def __init__(
        self,
        context: ServiceContext,
        prepared: PreparedRun,
        hold: Hold,
        in_flight: InFlight[ItemCall],
    ) -> None:
        self.pending: Sequence[Answered] = ()
        """Calls that have ended, until they are recorded: a full disk may delay that."""
        self._database = context.database
        self._prices = context.prices
        self._model = prepared.model
        self._hold = hold
        self._in_flight = in_flight
        self._material = prepared.material
        self._claimer = Claimer(context, prepared, hold.token)
        self._recorder = Recorder(hold.token)
        self._batch_planner = BatchPlanner(context, prepared, hold.token)
        self._has_several = len(context.endpoints) > 1
        self._dialects = SharedDialects(context.endpoints, prepared.model)
        self._pool: Pool | None = None
        self.disk = DiskWait(hold.run_id)

    def any_batch_due(self, session: Session) -> bool:
        """Return True when a batch of the run has to be polled."""
        return self._batch_planner.is_due(session, self._hold.run_id)

    def collect(self, wait_s: float) -> None:
        """Take over calls that have ended, after at most `wait_s` seconds."""
        self._add(self._in_flight.collect(wait_s))

    def collect_rest(self) -> None:
        """Take over every call that has ended by now."""
        self._add(self._in_flight.collect_rest())

    def _add(self, ended: Sequence[Ended[ItemCall]]) -> None:
        read = (read_ended(one, self._model, self._prices) for one in ended)
        self.pending = [*self.pending, *read]

    def take(self, *, is_leaving: bool) -> tuple[Claim, Next]:
        """Record the calls that have ended and claim as many as may be sent; safe to repeat.

        Args:
            is_leaving: the pump sends no more calls and makes no batches.

        Returns:
            The claim, and what the pump should do when it got nothing.
        """
        tries = itertools.count()
        if self._pool is None:
            # Before the transaction and without the lock: a large run takes a second or two.
            load = partial(loaded_pool, self._material)
            self._pool = self._database.retrying(load, patience_s=DATABASE_PATIENCE_S, writes=False)

        def turn(session: Session) -> tuple[Pool, Claim, Next]:
            run = self._locked(session)
            # Put back below, after the commit: what it takes in may never be committed, and a pool
            # that is ahead of the rows would miss neighbours.
            pool, self._pool = self._pool or Pool(self._material), None
            # Also what came while other workers held the row: it is lost if this process dies.
            self.collect(0.0)
            self._recorder.record(session, run, self._material, self.pending, pool)
            if next(tries):
                self._release_stale(session)
            session.flush()
            self._in_flight.share(session)
            self._set_aside(session, run)
            self._record_wait(session, run)
            recorded = [answer.asked.item.id for answer in self.pending]
            free = 0 if is_leaving else self._in_flight.free
            claim, step = self._go_on(session, run, free, recorded, is_leaving=is_leaving)
            return pool, claim, step

        self._pool, claim, step = self._database.retrying(turn, patience_s=DATABASE_PATIENCE_S)
        # Claimed items whose replies were there already: the next turn records them.
        self.pending = claim.answered
        self._in_flight.shared()
        self.disk.recorded()
        return claim, step

    def _locked(self, session: Session) -> Run:
        run = runs.lock(session, self._hold.run_id)
        if run is None:
            raise LookupError(f"run {self._hold.run_id} is gone")
        if self._dialects.is_due:
            self._dialects.add(learned.raised_by(run))
            learned.record(session, run, self._dialects.exchange(session))
        self._material = as_known_now(run, self._material)
        return run

    def _set_aside(self, session: Session, run: Run) -> None:
        """Share with the other workers of the run which endpoints refuse every call."""
        endpoints = self._in_flight.endpoints
        if run.status == Status.RUNNING and self._has_several:
            runs.set_aside(session, run, endpoints.set_aside)
        endpoints.set_aside.update(run.set_aside)

    def _record_wait(self, session: Session, run: Run) -> None:
        """Let a person see that a disk is full or no endpoint answers, and with which words."""
        wait = None
        if run.status == Status.RUNNING:
            wait = self.disk.wait() or self._in_flight.endpoints.wait()
        if wait is not None:
            waiting.begin(session, run.id, wait)
        elif run.waiting_since is not None:
            waiting.end(session, run.id)

    def _release_stale(self, session: Session) -> None:
        """Reopen what an earlier try of this transaction claimed, whose answer was lost."""
        leased = work_items.leased_by(session, self._hold.run_id, self._hold.token)
        work_items.reopen(session, leased.keys() - set(self._in_flight), self._hold.token)

    def _go_on(
        self,
        session: Session,
        run: Run,
        free: int,
        recorded: Collection[int],
        *,
        is_leaving: bool,
    ) -> tuple[Claim, Next]:
        """Claim what can be asked, end the run when it is over, or make batches."""
        if run.status != Status.RUNNING or not slots.is_held(session, self._hold):
            return Claim(), Next.STAY
        if self.disk.shortage is not None:
            # Nothing was claimed, so nothing shows that the run is over.
            return Claim(), Next.STAY
        claim = self._claim(session, run, free, recorded) if free else Claim()
        is_idle = not claim and not self._in_flight
        over = finish_if_over(session, run, self._material, idle=is_idle)
        if is_idle and not over and not is_leaving:
            return claim, self._batch_planner.next(session, run, self._material, claim)
        return claim, Next.STAY

    def _claim(self, session: Session, run: Run, free: int, recorded: Collection[int]) -> Claim:
        endpoints = self._in_flight.endpoints
        # While calls are refused, those that were not refused yet show whether all are.
        probing = endpoints.any_away or streaks_from(run.refusals).any_open
        if probing and not item_counts.any_open(session, run.id):
            # A probe must not be taken when there is nothing to ask.
            return Claim()
        shares = endpoints.shares(session, free)
        claim = self._claimer.claim(
            session, run, self._material, shares, probing=probing, excluding=recorded
        )
        endpoints.charge(session, ((one.endpoint, one.reserved) for one in claim.to_ask))
        return claim
