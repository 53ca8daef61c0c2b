"""Many questions to one model, for a job that is not a run.

The calls obey the throttles, outages and per-minute limits that all workers share through the
database, and stay under the cap of the job's `Spending`. Storing the questions and the answers is
the caller's work.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from sqlalchemy.orm import Session

from app.errors import ItemError, Outage, ProviderError, SeedbedError
from app.llm.parallel.calls import Calls
from app.llm.prices import cost_usd, max_usage
from app.pipeline.budget import Amount
from app.pipeline.types import Completion, Request, Stage
from app.services.context import ServiceContext
from app.services.model_calls.in_flight import COLLECT_S, DATABASE_PATIENCE_S, Ended, InFlight
from app.services.model_calls.spending import Spending
from app.services.model_calls.streaks import Streaks, is_refusal

_MAX_ATTEMPTS = 4
"""Of a call during which its endpoint failed. Other calls are repeated until patience runs out."""
_STAGE = Stage.REVIEW
"""All questions count as one stage, whose prompts differ in length."""
_LAST_REPLIES_S = 5.0
"""Longest wait of a job that has to stop for the calls in flight: they are billed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of one question."""

    key: int
    answer: Completion | ProviderError
    """An `ItemError`, or the outage that the last of several attempts met."""


@dataclass(frozen=True, slots=True)
class _Question:
    key: int
    request: Request
    reserved: Amount
    attempts: int = 0
    endpoint: str = ""
    entry: str = ""
    """Its name in the spending file, once it was sent."""


class Asker:
    """Asks some questions of one model; for one thread, and to be used once."""

    def __init__(
        self, context: ServiceContext, model: str, spending: Spending, stop: Callable[[], bool]
    ) -> None:
        self._context = context
        self._model = model
        self._spending = spending
        self._stop = stop
        self._waiting: deque[_Question] = deque()
        self._streaks = Streaks()
        self._refused: list[Answer] = []
        """Withheld until another call is answered: if all are refused, they are asked later."""
        self.trouble: SeedbedError | None = None
        """Why questions are left unanswered until a person acts; None: nothing is in the way."""

    def answers(self, requests: Mapping[int, Request]) -> Iterator[Sequence[Answer]]:
        """Yield answers in the order they arrive, until all are there, `stop` or `trouble`.

        Raises:
            ConfigurationError: when an endpoint's address or key cannot be used at all.
            OutOfSpace: when the disk is full.
        """
        prices = self._context.prices
        extra_body = self._context.extra_body
        requests = {key: replace(one, extra_body=extra_body) for key, one in requests.items()}
        self._waiting.extend(
            _Question(key, request, max_usage(request, self._model, prices))
            for key, request in requests.items()
        )
        context = self._context
        patience_s = context.throttle_patience_s
        with Calls(context.endpoints, self._model, context.concurrency, patience_s) as calls:
            in_flight = InFlight[_Question](self._context, calls, self._model, counts_answers=True)
            while (self._waiting or in_flight) and not self._stop():
                if answers := self._collect(in_flight):
                    yield answers
                self._take_back_held(in_flight)
                self._send(in_flight)
                self.trouble = self._all_refused() or self._waits_in_vain(in_flight)
                if self.trouble is not None:
                    break
            yield from self._last(in_flight)

    def _collect(self, in_flight: InFlight[_Question]) -> Sequence[Answer]:
        ended = in_flight.collect(COLLECT_S)
        taken = {one.call.entry: self._cost_usd(one) for one in ended}
        self._spending.settle({entry: usd for entry, usd in taken.items() if usd is not None})
        answers = [self._answer(one, in_flight) for one in ended]
        found = [each for each in answers if each is not None]
        return found if self._streaks.any_open else [*found, *self._released()]

    def _released(self) -> Sequence[Answer]:
        released, self._refused = self._refused, []
        return released

    def _all_refused(self) -> SeedbedError | None:
        """Return the words of the endpoint once it has refused many calls in a row."""
        long = self._streaks.long
        if long is None:
            return None
        _, streak = long
        count = streak.all_calls
        return SeedbedError(f"The endpoint refused {count} calls in a row. {streak.words}")

    def _cost_usd(self, ended: Ended[_Question]) -> Decimal | None:
        """Return what a call cost; None when nobody knows, so that it stays reserved."""
        match ended.answer:
            case ProviderError() as trouble:
                if not trouble.may_be_paid:
                    return Decimal(0)
                if trouble.usage is None:
                    return None
                answer = Completion("", "", self._model, *trouble.usage)
            case completion:
                answer = completion
        return cost_usd(answer, self._model, self._context.prices) or Decimal(0)

    def _answer(self, ended: Ended[_Question], in_flight: InFlight[_Question]) -> Answer | None:
        """Read how a call ended; None when it is asked again, or others may be refused, too."""
        question = ended.call
        match ended.answer:
            case ItemError() as trouble if ended.is_to_blame and _is_refusal(trouble):
                words = str(trouble)
                self._streaks.refused(_STAGE, question.key, words, lambda: len(in_flight))
                self._refused.append(Answer(question.key, trouble))
                return None
            case ItemError() as trouble if ended.is_to_blame:
                return Answer(question.key, trouble)
            case Outage() as trouble:
                again = replace(question, attempts=question.attempts + ended.is_to_blame)
                if again.attempts == _MAX_ATTEMPTS:
                    return Answer(question.key, trouble)
                self._waiting.appendleft(again)
                return None
            case ProviderError():
                # Another endpoint may answer it.
                self._waiting.appendleft(question)
                return None
            case completion:
                self._streaks.answered(_STAGE)
                return Answer(question.key, completion)

    def _take_back_held(self, in_flight: InFlight[_Question]) -> None:
        """Take questions back from an endpoint with a long hold: another one can answer them."""
        for question in in_flight.withdraw_held():
            self._spending.settle({question.entry: Decimal(0)})
            self._waiting.appendleft(question)

    def _send(self, in_flight: InFlight[_Question]) -> None:
        """Share what was learnt with other workers, and send what may go out now."""
        waiting = self._affordable(in_flight.free)
        if not (waiting or in_flight.has_news):
            return

        def turn(session: Session) -> list[_Question]:
            in_flight.share(session)
            shares = in_flight.endpoints.shares(session, len(waiting)) if waiting else {}
            places = [name for name, count in shares.items() for _ in range(count)]
            sent = [
                replace(question, endpoint=name)
                for name, question in zip(places, waiting, strict=False)
            ]
            charged = ((question.endpoint, question.reserved) for question in sent)
            in_flight.endpoints.charge(session, charged)
            return sent

        sent = self._context.database.retrying(turn, patience_s=DATABASE_PATIENCE_S)
        in_flight.shared()
        entries = self._spending.reserve([question.reserved for question in sent])
        for _ in sent:
            self._waiting.popleft()
        in_flight.send(
            replace(question, entry=entry) for question, entry in zip(sent, entries, strict=True)
        )

    def _affordable(self, limit: int) -> Sequence[_Question]:
        """Return the next questions that capacity and the cap allow."""
        waiting = list(islice(self._waiting, limit))
        return waiting[: self._spending.affordable([question.reserved for question in waiting])]

    def _waits_in_vain(self, in_flight: InFlight[_Question]) -> SeedbedError | None:
        why = in_flight.waits_in_vain()
        if why is None and self._waiting and not in_flight:
            # While calls are in flight, money may be left once they have ended.
            why = self._spending.refusal(self._waiting[0].reserved)
        return None if why is None else SeedbedError(why)

    def _last(self, in_flight: InFlight[_Question]) -> Iterator[Sequence[Answer]]:
        """Wait a little for the calls in flight; what does not end in time is cut off."""
        self._waiting.clear()
        for question in in_flight.withdraw():
            self._spending.settle({question.entry: Decimal(0)})
        leave_by = time.monotonic() + _LAST_REPLIES_S
        while in_flight and time.monotonic() < leave_by:
            if answers := self._collect(in_flight):
                yield answers
        if self.trouble is None and (why := in_flight.waits_in_vain()) is not None:
            self.trouble = SeedbedError(why)
        if self.trouble is None and self._refused and not self._stop():
            # Fewer than many: they are taken to be about their own texts.
            yield self._released()


def _is_refusal(trouble: ItemError) -> bool:
    return is_refusal(trouble, prompts_vary=True)
