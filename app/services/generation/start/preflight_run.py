"""The preflight of a run: every endpoint is asked what it can do, within the run's caps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from app.errors import ProviderError, Throttled
from app.llm.dialects.dialect import Dialect
from app.llm.preflight.preflight import Preflight
from app.llm.prices import cost_usd
from app.pipeline.budget import Amount
from app.pipeline.types import Capabilities, Stage
from app.services.context import ServiceContext
from app.services.generation.start.asked_endpoints import AskedEndpoints, most_of
from app.services.generation.start.loading_model import ask_until_loaded, is_passing
from app.services.generation.trouble import messages
from app.services.generation.work import accounting
from app.services.generation.work.material import RunMaterial
from app.services.model_calls.dialects import SharedDialects
from app.services.model_calls.endpoints import is_loading, refuses_until, words_of
from app.services.run_leased import kept_lease
from app.states import EndReason, Status, WaitKind
from app.store.runs import runs, slots, waiting
from app.store.runs.runs import Hold
from app.store.runs.waiting import NOTICEABLE_S, Wait
from app.store.tables.runs import Run
from app.store.work import completions, endpoint_states
from app.store.work.completions import Reply
from app.store.work.endpoint_states import State, Throttle

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
    asking = AskedEndpoints(context, model, material, hold)
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
        unread=most_of(context, model, (q for one in asked.values() for q in one.unread)),
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
