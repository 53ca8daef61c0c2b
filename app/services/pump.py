"""The pump: one worker's hold on one run, keeping model calls in the air while there is work.

It claims work under its token, sends it, and records what comes back in small batches. Everything
it knows is in the database, so it may die at any instruction.
"""

import logging
import time
from collections.abc import Callable
from enum import Enum, auto

from sqlalchemy.orm import Session

from app.errors import ItemTrouble, Outage, ProviderTrouble
from app.llm.fanout import Fanout, Outcome
from app.llm.prices import cost_usd
from app.pipeline.run_state import Status
from app.pipeline.shapes import Asking
from app.pipeline.types import Completion
from app.services import requests
from app.services.patience import Patience
from app.services.pool import Pool
from app.services.recording import Answered, Recorder
from app.services.starting import Beginning, pause_for_provider
from app.services.workshop import Workshop
from app.store import runs, work
from app.store.completions import Reply

_log = logging.getLogger(__name__)

_COLLECT_S = 0.1
_BATCH = 32
_LONGEST_HOLD_S = 600.0
"""Far below any broker's visibility timeout: then the run is sent again even if none waits."""


class PumpLost(Exception):
    """The lease ran out and another pump took the run; nothing of ours may be recorded."""


class Ending(Enum):
    """How a pump's turn ended."""

    AGAIN = auto()
    """There is work left: send the run again."""
    ENOUGH = auto()
    """Finished, paused or lost: nobody has to look at once."""


class Pump:
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
        self._refusal: ProviderTrouble | None = None
        self._draining = False
        self._over = False
        self._heartbeat_at = 0.0
        self._taken_at = self._outcome_at = time.monotonic()
        self._look_at = self._taken_at + workshop.slice_s

    def work(self) -> Ending:
        """Keep calls in the air until the run ends, another waits, or the process has to end."""
        # Nothing may be open: then this is all there is to do.
        self._record([])
        while not self._stop():
            now = time.monotonic()
            if self._over or not self._beat(now):
                return Ending.ENOUGH
            if self._hands_over(now):
                return Ending.AGAIN
            self._refill(now)
            self._settle(self._fanout.collect(_COLLECT_S, self._batch()))
            why = self._cannot_go_on(time.monotonic())
            if why is not None:
                self._pause(why)
                return Ending.ENOUGH
            if not self._asked:
                # Nothing in the air: the endpoint is being given time, or the end is near.
                time.sleep(_COLLECT_S)
        return Ending.AGAIN

    def _hands_over(self, now: float) -> bool:
        """Whether this pump is done with its turn: another run waits and nothing is in the air."""
        if now >= self._look_at:
            self._look_at = now + self._workshop.slice_s
            held_long = now - self._taken_at > _LONGEST_HOLD_S
            self._draining = self._draining or held_long or self._others_wait()
        # What only waits for the provider's leave was not paid for: it is handed back as it is.
        stuck = self._throttled_s(now) > self._workshop.slice_s
        return self._draining and (stuck or not self._asked)

    def _cannot_go_on(self, now: float) -> str | None:
        """Say why the run has to wait for a person; None while it has not."""
        if self._refusal is not None:
            return str(self._refusal)
        if self._throttled_s(now) > self._workshop.throttle_patience_s:
            return f"For {self._throttled_s(now):.0f} s: {self._fanout.last_throttle}"
        return self._patience.exhausted(now)

    def _throttled_s(self, now: float) -> float:
        """For how long nothing has been answered while the provider throttles."""
        throttled = self._asked and self._fanout.last_throttle is not None
        return now - self._outcome_at if throttled else 0.0

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
            raise PumpLost
        return status is Status.RUNNING

    def _others_wait(self) -> bool:
        with self._database.read() as session:
            return runs.others_wait(session, self._run_id)

    def _refill(self, now: float) -> None:
        if self._draining:
            return
        room = min(self._fanout.capacity, self._workshop.concurrency - len(self._asked))
        if room <= 0 or not self._patience.may_ask(now, in_air=len(self._asked)):
            return
        most = 1 if self._patience.probing else room

        def claim(session: Session) -> list[requests.Asked]:
            if not self._asked:
                # What bears our token and is not out was claimed by a commit whose answer was lost.
                work.hand_back(session, self._run_id, self._token)
            items = work.claim(session, self._run_id, self._token, most)
            return requests.build(session, items, self._material, self._asking)

        for asked in self._database.retrying(claim):
            self._asked[asked.item.id] = asked
            self._fanout.submit(asked.item.id, asked.request)

    def _settle(self, outcomes: list[Outcome]) -> None:
        """Record what came back."""
        if not outcomes:
            return
        self._outcome_at = time.monotonic()
        answers: list[Answered] = []
        away: list[int] = []
        for outcome in outcomes:
            asked = self._asked.pop(outcome.key)
            answer = self._answer(asked, outcome)
            if answer is None:
                away.append(asked.item.id)
            else:
                answers.append(answer)
        if away:
            self._database.retrying(lambda session: work.reopen(session, away, self._token))
        if answers:
            self._record(answers)

    def _answer(self, asked: requests.Asked, outcome: Outcome) -> Answered | None:
        """Take an outcome as what it means for its item; None: it is to be asked again."""
        match outcome.answer:
            case ItemTrouble():
                return Answered(asked, str(outcome.answer))
            case Outage():
                first = not self._patience.probing
                self._patience.outage(time.monotonic(), outcome.answer)
                # The first of an outage burns an attempt: it may be this item that fails.
                return Answered(asked, str(outcome.answer)) if first else None
            case ProviderTrouble():
                self._refusal = outcome.answer
                return None
            case completion:
                self._patience.answered()
                return Answered(asked, self._reply(asked, completion, outcome))

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
        def record(session: Session) -> tuple[Pool, bool]:
            run = runs.lock(session, self._run_id)
            if run is None or run.pump_token != self._token:
                raise PumpLost
            # Given back below, after the commit: what it takes in may never be committed, and a
            # pool that is ahead of the rows would miss neighbours.
            pool, self._pool = self._pool or Pool(self._material), None
            return pool, self._recorder.record(session, run, answers, pool)

        self._pool, self._over = self._database.retrying(record)

    def _pause(self, message: str) -> None:
        _log.warning("run %s pauses: %s", self._run_id, message)
        pause_for_provider(self._workshop, self._run_id, self._token, message)
