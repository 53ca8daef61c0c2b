"""The pump: one worker's hold on one run, keeping model calls in the air until there are none left.

It takes the run under a lease, claims work, sends it, records what comes back in small batches, and
goes on for a slice; when another run waits it hands over. Everything it knows is in the database,
so it may die at any instruction: another pump takes over when the lease is out.
"""

import logging
import secrets
import time
from collections.abc import Callable
from enum import Enum, auto

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from app.errors import ItemTrouble, Outage, ProviderTrouble
from app.llm.fanout import Fanout, Outcome
from app.llm.prices import cost_usd
from app.pipeline.run_state import EndReason, Status
from app.pipeline.shapes import Asking
from app.pipeline.types import Completion
from app.services import requests
from app.services.patience import Patience
from app.services.pool import Pool
from app.services.recording import Answered, Recorder
from app.services.starting import Beginning, begin
from app.services.workshop import Workshop
from app.store import runs, work
from app.store.completions import Reply
from app.store.models import Run

_log = logging.getLogger(__name__)

_COLLECT_S = 0.1
_BATCH = 32
_LONGEST_HOLD_S = 600.0
"""Far below any broker's visibility timeout: then the run is sent again even if none waits."""


class _PumpLost(Exception):
    """The lease ran out and another pump took the run; nothing of ours may be recorded."""


class _Ending(Enum):
    AGAIN = auto()
    """There is work left: send the run again."""
    ENOUGH = auto()
    """Finished, paused or lost: nobody has to look at once."""


def advance_run(workshop: Workshop, run_id: str, stop: Callable[[], bool]) -> bool:
    """Work on a run for a while; safe to repeat and to call from anywhere at once.

    Args:
        workshop: what this process works with.
        run_id: the run; one that is unknown, finished or held by another pump is left alone.
        stop: whether this process has been asked to end; looked at ten times a second.

    Returns whether the run should be sent again at once. A defect is logged here and pauses the
    run: sent again and again, it would pay for the same calls for ever.
    """
    token = secrets.token_hex(8)

    def take(session: Session) -> bool:
        taken = runs.take_pump(session, run_id, token, workshop.lease_s)
        if taken:
            work.take_over(session, run_id, token)
        return taken

    if not workshop.database.retrying(take):
        return False
    try:
        return _hold(workshop, run_id, token, stop) is _Ending.AGAIN
    except _PumpLost:
        _log.warning("run %s: the lease was lost to another pump", run_id)
        return False
    except (OperationalError, InterfaceError):
        # The database is away: whoever looks next goes on from what was committed.
        raise
    except Exception:  # noqa: BLE001 - the edge of a worker, logged here once with its run
        _log.exception("run %s pauses: a defect of the service", run_id)
        message = "A defect of the service; the worker's log has the details."
        workshop.database.retrying(
            lambda session: runs.move(
                session, run_id, Status.PAUSED, reason=EndReason.DEFECT, message=message
            )
        )
        return False
    finally:
        workshop.database.retrying(lambda session: _let_go(session, run_id, token))


def _let_go(session: Session, run_id: str, token: str) -> None:
    work.hand_back(session, run_id, token)
    runs.release_pump(session, run_id, token)
    _finish_cancelling(session, run_id)


def _finish_cancelling(session: Session, run_id: str) -> None:
    run = session.get(Run, run_id)
    if run is not None and run.status == Status.CANCELLING and run.pump_token is None:
        runs.move(session, run_id, Status.CANCELLED, reason=EndReason.CANCELLED)


def _hold(workshop: Workshop, run_id: str, token: str, stop: Callable[[], bool]) -> _Ending:
    beginning = begin(workshop, run_id, token)
    if beginning is None:
        return _Ending.ENOUGH
    factory = workshop.provider_for(beginning.model)
    with Fanout(factory, workshop.concurrency) as fanout:
        return _Pump(workshop, beginning, token, fanout, stop).work()


class _Pump:
    """The loop; its state is what is in the air."""

    def __init__(
        self,
        workshop: Workshop,
        beginning: Beginning,
        token: str,
        fanout: Fanout,
        stop: Callable[[], bool],
    ) -> None:
        self._workshop = workshop
        self._database = workshop.database
        self._run_id = beginning.material.run_id
        self._material = beginning.material
        self._model = beginning.model
        self._asking = Asking(beginning.material.options, beginning.capabilities)
        self._token = token
        self._fanout = fanout
        self._stop = stop
        self._asked: dict[int, requests.Asked] = {}
        self._recorder = Recorder(beginning.material, token)
        self._pool: Pool | None = None
        self._patience = Patience(workshop.outage_patience_s)
        self._heartbeat_at = 0.0

    def work(self) -> _Ending:
        """Keep calls in the air until the run ends, another waits, or the process has to end."""
        # Nothing may be open: then this is all there is to do.
        self._record([])
        taken_at = time.monotonic()
        look_at = taken_at + self._workshop.slice_s
        draining = False
        while not self._stop():
            now = time.monotonic()
            if not self._beat(now):
                return _Ending.ENOUGH
            if now >= look_at:
                look_at = now + self._workshop.slice_s
                draining = draining or now - taken_at > _LONGEST_HOLD_S or self._others_wait()
            if not draining:
                self._refill(now)
            if draining and not self._asked:
                return _Ending.AGAIN
            if not self._settle(self._fanout.collect(_COLLECT_S, self._batch())):
                return _Ending.ENOUGH
            if not self._asked:
                # Nothing in the air: the endpoint is being given time, or the end is near.
                time.sleep(_COLLECT_S)
        return _Ending.AGAIN

    def _batch(self) -> int:
        """How many replies to wait for: few while few are out, or their places would stay empty."""
        return max(1, min(_BATCH, len(self._asked) // 4))

    def _beat(self, now: float) -> bool:
        """Prolong the lease at a third of it; whether the run still wants work."""
        if now < self._heartbeat_at:
            return True
        # Also how soon a pause or a cancellation is noticed.
        self._heartbeat_at = now + min(1.0, self._workshop.lease_s / 3)
        lease_s = self._workshop.lease_s
        status = self._database.retrying(
            lambda session: runs.extend_pump(session, self._run_id, self._token, lease_s)
        )
        if status is None:
            raise _PumpLost
        return status is Status.RUNNING

    def _others_wait(self) -> bool:
        with self._database.read() as session:
            return runs.others_wait(session, self._run_id)

    def _refill(self, now: float) -> None:
        room = min(self._fanout.capacity, self._workshop.concurrency - len(self._asked))
        if room <= 0 or not self._patience.may_ask(now, in_air=len(self._asked)):
            return
        most = 1 if self._patience.probing else room

        def claim(session: Session) -> list[requests.Asked]:
            items = work.claim(session, self._run_id, self._token, most)
            return requests.build(session, items, self._material, self._asking)

        for asked in self._database.retrying(claim):
            self._asked[asked.item.id] = asked
            self._fanout.submit(asked.item.id, asked.request)

    def _settle(self, outcomes: list[Outcome]) -> bool:
        """Record what came back; whether the run goes on."""
        answers: list[Answered] = []
        away: list[int] = []
        refusal: ProviderTrouble | None = None
        for outcome in outcomes:
            asked = self._asked.pop(outcome.key)
            match outcome.answer:
                case ItemTrouble():
                    answers.append(Answered(asked, str(outcome.answer)))
                case Outage():
                    away.append(asked.item.id)
                    self._patience.outage(time.monotonic(), outcome.answer)
                case ProviderTrouble():
                    refusal = outcome.answer
                case completion:
                    self._patience.answered()
                    answers.append(Answered(asked, self._reply(asked, completion, outcome)))
        if away:
            self._database.retrying(lambda session: work.reopen(session, away, self._token))
        if answers:
            self._record(answers)
        why = str(refusal) if refusal else self._patience.exhausted(time.monotonic())
        if why is not None:
            self._pause(why)
        return why is None

    def _reply(self, asked: requests.Asked, completion: Completion, outcome: Outcome) -> Reply:
        return Reply(
            work_item_id=asked.item.id,
            stage=asked.item.stage,
            request=asked.request,
            completion=completion,
            latency_s=outcome.latency_s,
            cost_usd=cost_usd(completion, self._model, self._workshop.prices),
            demonstrations=asked.demonstrations,
        )

    def _record(self, answers: list[Answered]) -> None:
        def record(session: Session) -> Pool:
            run = runs.lock(session, self._run_id)
            if run is None or run.pump_token != self._token:
                raise _PumpLost
            # Given back below, after the commit: what it takes in may never be committed, and a
            # pool that is ahead of the rows would miss neighbours.
            pool, self._pool = self._pool or Pool(self._material), None
            self._recorder.record(session, run, answers, pool)
            return pool

        self._pool = self._database.retrying(record)

    def _pause(self, message: str) -> None:
        _log.warning("run %s pauses: %s", self._run_id, message)
        self._database.retrying(
            lambda session: runs.move(
                session,
                self._run_id,
                Status.PAUSED,
                reason=EndReason.PROVIDER,
                message=f"{message} Then resume the run.",
            )
        )
