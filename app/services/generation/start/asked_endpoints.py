"""The endpoints of a run during its preflight: each is asked, within the caps of the run."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from app.errors import ConfigurationError, RunError, Throttled
from app.llm import prices
from app.llm.dialects.dialect import old_lessons
from app.llm.parallel.calls import Endpoint
from app.llm.preflight.preflight import Caller, Preflight, Probe, preflight
from app.llm.prices import cost_usd
from app.llm.request_body import request_body
from app.pipeline.budget import NO_TOKENS, NOTHING, Amount, Tokens
from app.pipeline.types import Request, Stage
from app.services.context import ServiceContext
from app.services.generation.start.loading_model import is_passing
from app.services.generation.start.sample_requests import questions_of
from app.services.generation.work import accounting
from app.services.generation.work.material import RunMaterial
from app.states import WaitKind
from app.store.runs import runs, slots, stage_usage, waiting
from app.store.runs.runs import Hold
from app.store.runs.waiting import Wait

_TRIED_AGAIN_AFTER_S = 3600.0
"""Age in seconds from which a new run sends a refused parameter again."""


def most_of(
    context: ServiceContext, model: str, asked: Iterable[Request], seen: Tokens = NO_TOKENS
) -> Amount:
    """Return the most that requests can take.

    Args:
        context: Has the prices.
        model: Name of the model.
        asked: The requests.
        seen: The largest bill so far beyond the maximum of a request.
    """
    known = context.prices
    return sum((prices.max_usage(request, model, known, seen=seen) for request in asked), NOTHING)


class AskedEndpoints:
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
        return self._presume(most_of(self._context, self._model, requests, seen))

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
        reserved = most_of(self._context, self._model, [probe.request])
        paid = cost_usd(probe.completion, self._model, known) or NOTHING.usd
        self._over += Amount(0, used.over(most), max(NOTHING.usd, paid - reserved.usd))
        next_most = most_of(self._context, self._model, [probe.request], self._seen)
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
