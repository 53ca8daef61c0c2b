"""Model calls of a job that is no run: to the same endpoints, with the same care for them.

Throttles, outages and limits a minute are shared with all runs through the database. What is asked
and answered is the caller's to keep. What it costs stays under the cap of the job's `Spending`.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from sqlalchemy.orm import Session

from app.errors import ItemTrouble, Outage, ProviderTrouble, SeedbedError
from app.llm.calls import Calls
from app.llm.inbox import Outcome
from app.llm.prices import cost_usd, most
from app.pipeline.budget import Amount
from app.pipeline.types import Completion, Request
from app.services.context import ServiceContext
from app.services.model_calls.endpoints import Endpoints, Report
from app.services.model_calls.spending import Spending

_COLLECT_S = 0.1
_BATCH = 32
_MOST_ATTEMPTS = 4
"""Of a call that an endpoint goes away on; others are asked as long as the patience lasts."""
_DATABASE_PATIENCE_S = 60.0
"""The database may restart; what is in the air was paid for, and is worth waiting for."""
_LAST_REPLIES_S = 5.0
"""How long who has to leave waits for the replies of calls in the air: they are paid."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How a call ended."""

    key: int
    answer: Completion | ProviderTrouble
    """An `ItemTrouble`, or what it could not be asked by after several attempts."""


@dataclass(frozen=True, slots=True)
class _Call:
    key: int
    request: Request
    most: Amount
    attempts: int = 0
    entry: str = ""
    """Its name in the books, once it is out."""


class Asking:
    """Some requests to one model; for one thread, and to be used once."""

    def __init__(
        self, context: ServiceContext, model: str, spending: Spending, stop: Callable[[], bool]
    ) -> None:
        self._context = context
        self._model = model
        self._spending = spending
        self._stop = stop
        self._waiting: deque[_Call] = deque()
        self._asked: dict[int, tuple[str, _Call]] = {}
        """In the air: where, and what."""
        self._answered_at = time.monotonic()
        self.trouble: SeedbedError | None = None
        """What no further call will get past until a person acts; not all has been asked then."""

    def answers(self, requests: Mapping[int, Request]) -> Iterator[Sequence[Answered]]:
        """Yield answers as they come, until all are there, or it is to stop, or `trouble` is met.

        Raises:
            ConfigurationError: when an endpoint's address or key cannot be used at all.
            OutOfSpace: when the disk is full.
        """
        prices = self._context.prices
        self._waiting.extend(
            _Call(key, request, most(request, self._model, prices))
            for key, request in requests.items()
        )
        endpoints = self._context.endpoints
        with Calls(endpoints, self._model, self._context.concurrency) as calls:
            shared = Endpoints(self._context, calls, self._model)
            while (self._waiting or self._asked) and not self._stop():
                report = Report()
                if answered := self._collect(calls, shared, report):
                    yield answered
                self._turn(calls, shared, report)
                self.trouble = self.trouble or self._cannot_go_on(calls, shared)
                if self.trouble is not None:
                    break
            yield from self._last(calls, shared)

    def _collect(self, calls: Calls, shared: Endpoints, report: Report) -> Sequence[Answered]:
        batch = max(1, min(_BATCH, len(self._asked) // 4))
        outcomes = calls.collect(_COLLECT_S, batch)
        taken = {self._asked[one.key][1].entry: self._taken(one) for one in outcomes}
        self._spending.settle({entry: usd for entry, usd in taken.items() if usd is not None})
        read = [self._read(one, shared, report) for one in outcomes]
        return [each for each in read if each is not None]

    def _taken(self, outcome: Outcome) -> Decimal | None:
        """US dollars; None: nobody knows, so it stays counted at its most."""
        match outcome.answer:
            case ProviderTrouble() as trouble:
                return None if trouble.may_be_paid else Decimal(0)
            case completion:
                prices = self._context.prices
                return cost_usd(completion, self._model, prices) or Decimal(0)

    def _read(self, outcome: Outcome, shared: Endpoints, report: Report) -> Answered | None:
        """Say how a call ended; None: it is asked again, or nothing more is asked."""
        name, call = self._asked.pop(outcome.key)
        self._answered_at = time.monotonic()
        match outcome.answer:
            case ItemTrouble() as trouble:
                report.answered.add(name)
                return Answered(call.key, trouble)
            case Outage() as trouble:
                counts = shared.blames(name, call.attempts) and name not in report.away
                report.away[name] = str(trouble)
                again = replace(call, attempts=call.attempts + counts)
                if again.attempts == _MOST_ATTEMPTS:
                    return Answered(call.key, trouble)
                self._waiting.appendleft(again)
                return None
            case ProviderTrouble() as trouble:
                self.trouble = trouble
                return None
            case completion:
                report.answered.add(name)
                tokens = completion.prompt_tokens + completion.completion_tokens
                report.taken.setdefault(name, []).append((call.most.tokens, tokens))
                return Answered(call.key, completion)

    def _turn(self, calls: Calls, shared: Endpoints, report: Report) -> None:
        """Tell all others what was learnt, and send what may go out now."""
        waiting = self._payable(self._room(calls)) if self.trouble is None else []
        if not (waiting or report.away or report.answered or shared.want_a_turn):
            return

        def turn(session: Session) -> list[tuple[str, _Call]]:
            shared.report(session, report)
            rooms = shared.rooms(session, len(waiting)) if waiting else {}
            places = [name for name, count in rooms.items() for _ in range(count)]
            sent = list(zip(places, waiting, strict=False))
            shared.charge(session, ((name, call.most) for name, call in sent))
            return sent

        sent = self._context.database.retrying(turn, patience_s=_DATABASE_PATIENCE_S)
        shared.heed()
        entries = self._spending.reserve([call.most for _, call in sent])
        for (name, call), entry in zip(sent, entries, strict=True):
            self._waiting.popleft()
            self._asked[call.key] = (name, replace(call, entry=entry))
            calls.lanes[name].submit(call.key, call.request)

    def _payable(self, room: int) -> Sequence[_Call]:
        """What waits, as far as there is room and money for it."""
        waiting = list(islice(self._waiting, room))
        return waiting[: self._spending.affordable([call.most for call in waiting])]

    def _room(self, calls: Calls) -> int:
        free = self._context.concurrency - len(self._asked)
        return max(0, min(sum(lane.capacity for lane in calls.lanes.values()), free))

    def _cannot_go_on(self, calls: Calls, shared: Endpoints) -> SeedbedError | None:
        throttles = [words for lane in calls.lanes.values() if (words := lane.last_throttle)]
        silent_s = time.monotonic() - self._answered_at
        if self._asked and throttles and silent_s > self._context.throttle_patience_s:
            return SeedbedError(f"For {silent_s:.0f} s: {throttles[0]}")
        exhausted = shared.exhausted()
        if exhausted is None and self._waiting and not self._asked:
            # With calls in the air there may be money left once they are answered.
            exhausted = self._spending.refusal(self._waiting[0].most)
        return None if exhausted is None else SeedbedError(exhausted)

    def _last(self, calls: Calls, shared: Endpoints) -> Iterator[Sequence[Answered]]:
        """Wait a little for what is in the air, and cut off the rest."""
        self._waiting.clear()
        for lane in calls.lanes.values():
            for key in lane.withdraw():
                _, call = self._asked.pop(key)
                self._spending.settle({call.entry: Decimal(0)})
        leave_by = time.monotonic() + _LAST_REPLIES_S
        while self._asked and time.monotonic() < leave_by:
            if answered := self._collect(calls, shared, Report()):
                yield answered
