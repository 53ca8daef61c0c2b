"""The model calls that one worker has in flight: sent, collected, taken back.

The pump of a run and a job that asks many questions run the same loop. They collect the calls that
have ended, share in a transaction what those say about the endpoints, and send new calls as far as
there is free capacity.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from app.errors import ItemError, Outage, ProviderError
from app.llm.parallel.calls import Calls
from app.llm.parallel.fanout import LONG_QUIET_S
from app.llm.parallel.outcomes import Outcome
from app.llm.prices import cost_usd
from app.pipeline.budget import Amount
from app.pipeline.types import Completion, Request
from app.services.context import ServiceContext
from app.services.model_calls.count_calls import count_answered, count_unanswered
from app.services.model_calls.endpoint_streaks import EndpointStreaks
from app.services.model_calls.endpoints import Endpoints, Report
from app.services.model_calls.streaks import is_refusal

COLLECT_S = 0.1
"""Longest wait of one look for calls to end."""
DATABASE_PATIENCE_S = 60.0
"""Longest time to retry a transaction: the database may restart, and calls in flight are billed."""
_BATCH = 32


class Call(Protocol):
    """A call as its owner describes it."""

    @property
    def key(self) -> int:
        """Identifies the call among those in flight."""

    @property
    def request(self) -> Request:
        """The request to send."""

    @property
    def endpoint(self) -> str:
        """The name of the endpoint that it is sent to."""

    @property
    def reserved(self) -> Amount:
        """The most that the call can take."""

    @property
    def attempts(self) -> int:
        """Failures so far."""


CallT = TypeVar("CallT", bound=Call)


@dataclass(frozen=True, slots=True)
class Ended(Generic[CallT]):
    """A call that is no longer in flight."""

    call: CallT
    answer: Completion | ProviderError
    latency_s: float
    is_to_blame: bool
    """The call failed, and not because of its endpoint: the failure counts as an attempt."""


class InFlight(Generic[CallT]):
    """The calls of one worker; for one thread.

    Args:
        context: what this process works with.
        calls: the endpoints.
        model: the model that they are asked for.
        counts_answers: True: answered calls are counted here, for monitoring; False: by the owner,
            who records them.
    """

    def __init__(
        self, context: ServiceContext, calls: Calls, model: str, *, counts_answers: bool = False
    ) -> None:
        self.endpoints = Endpoints(context, calls, model)
        self._calls = calls
        self._model = model
        self._prices = context.prices
        self._counts_answers = counts_answers
        self._throttled: dict[str, int] = {}
        """Throttled calls that are counted, by endpoint."""
        self._shared_throttled = self._throttled
        """The same, once the commit is confirmed."""
        self._concurrency = context.concurrency
        self._sent: dict[int, CallT] = {}
        self._report = Report()
        self._streaks = EndpointStreaks()

    def __len__(self) -> int:
        return len(self._sent)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the keys of the calls in flight."""
        return iter(self._sent)

    @property
    def free(self) -> int:
        """Number of further calls that may be sent now, as far as this process knows."""
        lanes = self._calls.lanes.values()
        capacity = sum(lane.capacity for lane in lanes)
        set_aside = sum(lane.set_aside for lane in lanes)
        return max(0, min(capacity, self._concurrency - len(self._sent) + set_aside))

    @property
    def has_news(self) -> bool:
        """Return True when there is something to share with other workers."""
        return bool(self._report.away or self._report.answered) or self.endpoints.want_a_turn

    def send(self, calls: Iterable[CallT]) -> None:
        """Send calls to their endpoints."""
        for call in calls:
            self._sent[call.key] = call
            self._calls.lanes[call.endpoint].submit(call.key, call.request)

    def collect(self, wait_s: float) -> list[Ended[CallT]]:
        """Return the calls that ended, in the order they did, after at most `wait_s` seconds.

        With few calls in flight it waits for few, or their places would stay empty. It takes all
        that are there, up to a batch: they are lost if this process dies before they are recorded.
        """
        enough = max(1, min(_BATCH, len(self._sent) // 4))
        return self._ended(self._calls.collect(wait_s, _BATCH, wait_for=enough))

    def collect_rest(self) -> list[Ended[CallT]]:
        """Return every call that has ended by now."""
        return self._ended(self._calls.collect(0.0, len(self._sent)))

    def share(self, session: Session) -> None:
        """Record for all workers what the calls that ended say about their endpoints.

        Safe to repeat until `shared` confirms the commit.
        """
        self.endpoints.report(session, self._report)
        throttled = self._throttled_calls()
        new = {name: number - self._throttled.get(name, 0) for name, number in throttled.items()}
        outcomes = {(name, "throttled"): number for name, number in new.items()}
        count_unanswered(session, self._model, {**outcomes, **self._report.unanswered})
        for name, completion in self._report.answers:
            cost = cost_usd(completion, self._model, self._prices)
            count_answered(session, self._model, name, completion, cost)
        self._shared_throttled = throttled

    def shared(self) -> None:
        """Confirm the commit; calls that wait here obey what other workers have found."""
        self.endpoints.obey()
        self._throttled = self._shared_throttled
        self._report = Report()

    def _throttled_calls(self) -> dict[str, int]:
        return {name: lane.throttled_calls for name, lane in self._calls.lanes.items()}

    def withdraw(self) -> list[CallT]:
        """Take back the calls that wait here and were not sent yet, in the order of their keys."""
        lanes = self._calls.lanes.values()
        return [self._sent.pop(key) for lane in lanes for key in lane.withdraw()]

    def withdraw_held(self) -> list[CallT]:
        """Take back the calls that wait for an endpoint with a long hold, if another has none.

        The same with an endpoint that refuses every call.
        """
        lanes, set_aside = self._calls.lanes, self.endpoints.set_aside
        held = [
            lane for name, lane in lanes.items() if lane.held_s > LONG_QUIET_S or name in set_aside
        ]
        if len(held) == len(lanes):
            return []
        return [self._sent.pop(key) for lane in held for key in lane.withdraw()]

    def abandon(self) -> list[CallT]:
        """Cancel everything in flight; return the calls that were never sent.

        They still count as in flight. Calls that had ended can still be collected.
        """
        return [self._sent[one.key] for one in self._calls.abandon() if not one.was_out]

    def waits_in_vain(self) -> str | None:
        """Explain why a person should look; None while an endpoint answers often enough."""
        return self.endpoints.exhausted()

    def _ended(self, outcomes: Iterable[Outcome]) -> list[Ended[CallT]]:
        return [self._end(one) for one in outcomes]

    def _end(self, outcome: Outcome) -> Ended[CallT]:
        call, report = self._sent.pop(outcome.key), self._report
        name, is_to_blame = call.endpoint, False
        match outcome.answer:
            case ItemError() as trouble:
                report.answered.add(name)
                report.unanswered[name, "failed"] += 1
                is_to_blame = not self._is_refused_by_one(call, trouble)
            case Outage() as trouble:
                blamed = self.endpoints.blames(name, call.attempts)
                is_to_blame = blamed and name not in report.away
                report.away[name] = trouble
                report.unanswered[name, "outage"] += 1
            case ProviderError() as trouble:
                self.endpoints.set_aside[name] = str(trouble)
                report.unanswered[name, "refused"] += 1
            case completion:
                report.answered.add(name)
                if self._counts_answers:
                    report.answers.append((name, completion))
                self._see_text(call, completion)
                tokens = completion.prompt_tokens + completion.completion_tokens
                report.taken.setdefault(name, []).append((call.reserved.tokens, tokens))
        return Ended(call, outcome.answer, outcome.latency_s, is_to_blame)

    def _is_refused_by_one(self, call: CallT, trouble: ItemError) -> bool:
        """Return True when its endpoint refuses what another one answers."""
        if not is_refusal(trouble, prompts_vary=False):
            return False
        kind = call.request.prompt_version
        is_suspect = self._streaks.refused(call.endpoint, kind, str(trouble))
        self.endpoints.set_aside.update(self._streaks.useless)
        return is_suspect

    def _see_text(self, call: CallT, completion: Completion) -> None:
        """Notice an endpoint that answers without text, while another has one."""
        kind = call.request.prompt_version
        if completion.text.strip() or completion.cut_off:
            self._streaks.answered(call.endpoint, kind)
        else:
            self._streaks.refused(call.endpoint, kind, "Its replies have no text.")
        self.endpoints.set_aside.update(self._streaks.useless)
