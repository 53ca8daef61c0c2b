"""The preflight of a run: every endpoint is asked what it can do, within the run's caps."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from app.errors import ConfigurationError, ProviderError, RunError, Throttled
from app.llm import prices
from app.llm.dialects.dialect import Dialect, old_lessons
from app.llm.parallel.calls import Endpoint
from app.llm.preflight.preflight import Caller, Preflight, Probe, preflight
from app.llm.prices import cost_usd
from app.llm.request_body import request_body
from app.pipeline.budget import NO_TOKENS, NOTHING, Amount, Tokens
from app.pipeline.types import Capabilities, Request, Stage
from app.services.context import ServiceContext
from app.services.generation.start.loading_model import ask_until_loaded, is_passing
from app.services.generation.start.sample_requests import questions_of
from app.services.generation.trouble import messages
from app.services.generation.work import accounting
from app.services.generation.work.material import RunMaterial
from app.services.model_calls.dialects import SharedDialects
from app.services.model_calls.endpoints import is_loading, refuses_until, words_of
from app.services.run_leased import kept_lease
from app.states import EndReason, Status, WaitKind
from app.store.runs import runs, slots, stage_usage, waiting
from app.store.runs.runs import Hold
from app.store.runs.waiting import NOTICEABLE_S, Wait
from app.store.tables.runs import Run
from app.store.work import completions, endpoint_states
from app.store.work.completions import Reply
from app.store.work.endpoint_states import State, Throttle

_TRIED_AGAIN_AFTER_S = 3600.0
"""Age in seconds from which a new run sends a refused parameter again."""
_HOLD_S = 5.0
"""The wait for an endpoint that refuses the preflight and states none."""


@dataclass(frozen=True, slots=True)
class Preflighted:
    """The findings of the preflights of all endpoints together."""

    capabilities: Capabilities
    there: Sequence[str]
    """The names of the endpoints that answer."""
    replies: Sequence[Reply]
    reserved: Amount
    """The most that all calls could take; presumed spent before they were sent."""
    unread: Amount
    """The most that the calls without a reply can have taken."""
    trouble: str | None
    """Why the run cannot begin; None: it can."""
    is_loading: bool = False
    """True when the endpoints are still loading the model, and the run should go on waiting."""
    dialects: Mapping[str, Dialect] = field(default_factory=dict)
    """The known refusals of the endpoints, by name."""
    throttles: Mapping[str, Throttle] = field(default_factory=dict)
    """Endpoints that refuse calls by a rate limit, and for how long."""
    patience_s: float = 0.0
    """The longest wait for such endpoints."""
    refusing: Mapping[str, str] = field(default_factory=dict)
    """Endpoints that refuse every call until a person acts, with their words."""

    @property
    def may_wait(self) -> bool:
        """Return True when the run cannot begin only because of rate limits that end soon."""
        longest_s = max((one.hold_s + one.since_s for one in self.throttles.values()), default=None)
        return longest_s is not None and longest_s <= self.patience_s and not self.there


def ask(
    context: ServiceContext, model: str, material: RunMaterial, hold: Hold
) -> Preflighted | None:
    """Ask every endpoint what it can do; None when a throttle, the caps or a lost slot forbid it.

    The calls are presumed spent at their most before they are sent. Afterwards, `settle` them.
    """
    states = _states(context, model)
    for state in states.values():
        if 0 < state.held_s <= context.throttle_patience_s:
            # The run stays in the queue, and is looked at again.
            _show_wait(context, hold.run_id, state)
            return None
    if states and all(_is_left_alone(context, state) for state in states.values()):
        state = min(states.values(), key=lambda state: state.down_for_s)
        _show_outage(context, hold.run_id, state)
        return None
    known = SharedDialects(context.endpoints, model)
    context.database.retrying(known.exchange)
    asking = _Asking(context, model, material, hold)
    if not asking.reserve(asking.first):
        return None
    with kept_lease(context, lambda session, more_s: slots.extend(session, hold, more_s)):
        asked, is_loading = ask_until_loaded(context, model, hold, asking.ask_all)
    dialects = context.database.retrying(known.exchange)
    found = _found(context, model, asked, asking.reserved, hold.token)
    throttles = {
        name: Throttle(
            trouble.retry_after_s or _HOLD_S,
            states[name].throttled_s or 0.0 if name in states else 0.0,
            str(trouble),
        )
        for name, one in asked.items()
        if isinstance(trouble := one.trouble, Throttled)
    }
    return replace(
        found,
        is_loading=is_loading,
        dialects=dialects,
        throttles=throttles,
        patience_s=context.throttle_patience_s,
    )


def settle(session: Session, run: Run, asked: Preflighted, *, waits: bool) -> None:
    """Enter what the preflight took in place of the most it could; safe to repeat.

    What was paid for is stored, even if the run was paused, cancelled or taken away meanwhile.

    Args:
        session: of the transaction that holds the run's row.
        run: the run.
        asked: the findings.
        waits: the run is still queued, and the slot is ours.
    """
    calls = [reply.call for reply in asked.replies]
    settled = completions.any_of_calls(session, run.id, calls) if calls else not waits
    if not settled:
        accounting.take_back(run, asked.reserved)
        accounting.presume_spent(run, asked.unread)
        completions.add(session, run.id, asked.replies)
        accounting.record_replies(session, run, asked.replies)


def record_throttles(session: Session, run: Run, asked: Preflighted, *, is_waiting: bool) -> None:
    """Let all workers know which endpoints refuse calls by a rate limit; show what a run waits for.

    Args:
        session: of the transaction that holds the run's row.
        run: the run.
        asked: the findings.
        is_waiting: the run can't begin because of them.
    """
    endpoint_states.add(session, asked.throttles, run.model)
    for name, throttle in sorted(asked.throttles.items()):
        endpoint_states.record_throttled(session, name, run.model, throttle)
    if is_waiting:
        words = min(asked.throttles.values()).words
        waiting.begin(session, run.id, Wait(WaitKind.THROTTLE, words))


def pause_run_for_provider(session: Session, hold: Hold, message: str) -> None:
    """Pause a run with the provider's words, unless the slot was lost meanwhile."""
    runs.move(
        session,
        hold.run_id,
        Status.PAUSED,
        reason=EndReason.PROVIDER,
        message=f"{message} {messages.to_resume(hold.run_id)}",
        hold=hold,
    )


def _states(context: ServiceContext, model: str) -> Mapping[str, State]:
    names = [endpoint.name for endpoint in context.endpoints]
    with context.database.read() as session:
        return endpoint_states.states(session, names, model, lock=False)


def _is_left_alone(context: ServiceContext, state: State) -> bool:
    """Return True when an endpoint that is down asked to be left alone for some more time."""
    if state.away_s is None or state.away_s > context.outage_patience_s:
        return False
    return 0 < state.down_for_s <= context.throttle_patience_s


def _show_outage(context: ServiceContext, run_id: str, outage: State) -> None:
    words = outage.trouble or ""
    kind = WaitKind.LOADING if is_loading(words) else WaitKind.OUTAGE
    wait = Wait(kind, words, outage.away_s or 0.0)
    context.database.retrying(lambda session: waiting.begin(session, run_id, wait))


def _show_wait(context: ServiceContext, run_id: str, throttle: State) -> None:
    """Let a person see why the run stays in the queue, unless it is for a moment only."""
    throttled_s = throttle.throttled_s or 0.0
    if max(throttled_s, throttle.held_s) < NOTICEABLE_S:
        return
    wait = Wait(WaitKind.THROTTLE, throttle.throttle or "", throttled_s)
    context.database.retrying(lambda session: waiting.begin(session, run_id, wait))


def _most_of(
    context: ServiceContext, model: str, asked: Iterable[Request], seen: Tokens = NO_TOKENS
) -> Amount:
    known = context.prices
    return sum((prices.max_usage(request, model, known, seen=seen) for request in asked), NOTHING)


class _Asking:
    """The preflights of all endpoints, within the caps of the run."""

    def __init__(
        self, context: ServiceContext, model: str, material: RunMaterial, hold: Hold
    ) -> None:
        self._context = context
        self._model = model
        self._hold = hold
        self._questions = [
            replace(one, request=replace(one.request, extra_body=material.extra_body))
            for one in questions_of(material.options)
        ]
        self._seen = NO_TOKENS
        """The largest bill of this preflight beyond the maximum of its question."""
        self._over = self._expected = NOTHING
        """Cost of its answers beyond their maximum, without and with that of a next one."""
        self.reserved = NOTHING
        """The most that all calls could take that were allowed so far."""
        self._may_ask = True
        """False once the caps or a lost slot forbid further calls."""
        self._refused: dict[str, Preflight] = {}
        """The endpoints that refuse every call: they are not asked again."""

    @property
    def first(self) -> Sequence[Request]:
        """The requests that are sent in any case."""
        each = [question.request for question in self._questions]
        return each * len(self._context.endpoints)

    def reserve(self, requests: Sequence[Request]) -> bool:
        """Presume calls spent at their most, if the caps allow it; else pause the run."""
        with self._context.database.read() as session:
            bills = stage_usage.largest_bills(session, self._hold.run_id, self._model)
        seen = bills.of(Stage.PREFLIGHT).joined(self._seen)
        return self._presume(_most_of(self._context, self._model, requests, seen))

    def may_go_on(self, probe: Probe) -> bool:
        """Presume spent what an answer took beyond its maximum, and may take the next time.

        Returns:
            False when the caps do not allow it, so that the run is paused.
        """
        used = Tokens(probe.completion.prompt_tokens, probe.completion.completion_tokens)
        most = prices.max_tokens(probe.request)
        if used.beyond(most) == NO_TOKENS:
            return True
        self._seen = self._seen.joined(used.beyond(most))
        known = self._context.prices
        reserved = _most_of(self._context, self._model, [probe.request])
        paid = cost_usd(probe.completion, self._model, known) or NOTHING.usd
        self._over += Amount(0, used.over(most), max(NOTHING.usd, paid - reserved.usd))
        next_most = _most_of(self._context, self._model, [probe.request], self._seen)
        expected = self._over + (next_most - reserved)
        more, self._expected = expected - self._expected, expected
        return self._presume(more)

    def _presume(self, most: Amount) -> bool:
        def presume(session: Session) -> bool:
            run = runs.lock(session, self._hold.run_id)
            if run is None or not slots.is_held(session, self._hold):
                return False
            budget = accounting.affordable(session, run, [most])
            if budget.broken_cap is not None:
                accounting.pause_for_budget(session, run, budget.broken_cap)
                return False
            accounting.presume_spent(run, most)
            return True

        self._may_ask = self._context.database.retrying(presume)
        if self._may_ask:
            self.reserved += most
        return self._may_ask

    def ask_all(self) -> Mapping[str, Preflight]:
        """Ask all endpoints in order, except those that have refused every call."""
        asked: dict[str, Preflight] = {}
        for endpoint in self._context.endpoints:
            found = self._refused.get(endpoint.name) or self._ask_if_possible(endpoint)
            if not is_passing(found.trouble):
                self._refused[endpoint.name] = found
            asked[endpoint.name] = found
            if not self._may_ask:
                break
        return asked

    def _ask_if_possible(self, endpoint: Endpoint) -> Preflight:
        try:
            return self._ask(endpoint)
        except ConfigurationError as error:
            return Preflight(trouble=RunError(str(error)))

    def _show_throttle(self, throttle: Throttled) -> None:
        """Let a person see that the preflight waits for an endpoint that throttles."""
        hold = self._hold

        def show(session: Session) -> None:
            if slots.is_held(session, hold):
                waiting.begin(session, hold.run_id, Wait(WaitKind.THROTTLE, str(throttle)))

        self._context.database.retrying(show)

    def _ask(self, endpoint: Endpoint) -> Preflight:
        """Ask an endpoint, and try again what it refused long ago: servers are upgraded."""
        dialect = endpoint.dialects.of(self._model)
        bodies = [request_body(one.request, self._model)[1] for one in self._questions]
        tried = old_lessons(dialect.now, bodies, time.time() - _TRIED_AGAIN_AFTER_S)
        dialect.forget(tried)
        found = preflight(
            endpoint.provider_for(self._model),
            self._questions,
            dialect,
            caller=Caller(self.reserve, self.may_go_on, self._show_throttle),
        )
        if found.trouble is not None:
            dialect.add(tried)
        return found


def _found(
    context: ServiceContext,
    model: str,
    asked: Mapping[str, Preflight],
    reserved: Amount,
    token: str,
) -> Preflighted:
    """Join the findings: a run relies on what all endpoints that answer can do.

    The others are left to the pump, unless no endpoint answers.
    """
    there = [name for name, one in asked.items() if one.trouble is None]
    troubles = {name: one.trouble for name, one in asked.items() if one.trouble is not None}
    patience_s = context.throttle_patience_s
    words = {name: _words(trouble, patience_s) for name, trouble in troubles.items()}
    can = [asked[name].capabilities for name in there]
    return Preflighted(
        capabilities=Capabilities(
            json_schema=all(one.json_schema for one in can),
            logprobs=all(one.logprobs for one in can),
        ),
        there=there,
        replies=_replies(asked, model, context, token),
        reserved=reserved,
        unread=_most_of(context, model, (q for one in asked.values() for q in one.unread)),
        trouble=None if there else words_of(words),
        refusing={name: words[name] for name in words if not is_passing(troubles[name])},
    )


def _words(trouble: ProviderError, patience_s: float) -> str:
    """Return the words of an endpoint, with the end of a rate limit that nobody waits for."""
    wait_s = trouble.retry_after_s or 0.0
    return refuses_until(str(trouble), wait_s) if wait_s > patience_s else str(trouble)


def _replies(
    asked: Mapping[str, Preflight], model: str, context: ServiceContext, token: str
) -> Sequence[Reply]:
    probes = [(name, probe) for name, one in asked.items() for probe in one.probes]
    return [
        Reply(
            work_item_id=None,
            stage=Stage.PREFLIGHT,
            request=probe.request,
            completion=probe.completion,
            latency_s=probe.latency_s,
            cost_usd=cost_usd(probe.completion, model, context.prices),
            call=f"{token}.preflight.{n}",
            endpoint=name,
            requested_model=model,
        )
        for n, (name, probe) in enumerate(probes)
    ]
