"""Endpoints that are still loading the model when a run begins: they are waited for.

llama.cpp, vLLM, Ollama and hosted inference answer with status 503 meanwhile. An endpoint that is
not there at all is another matter: its address may be wrong, so a person should know at once.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from app.errors import Outage, ProviderError, Throttled
from app.llm.preflight.preflight import Preflight
from app.services.context import ServiceContext
from app.services.model_calls.endpoints import is_loading
from app.states import WaitKind
from app.store.runs import runs, slots, waiting
from app.store.runs.runs import Hold
from app.store.runs.waiting import Wait
from app.store.work import endpoint_states

_UNAVAILABLE = 503
_LOOK_AGAIN_S = 1.0

Asked = Mapping[str, Preflight]


def ask_until_loaded(
    context: ServiceContext, model: str, hold: Hold, ask_all: Callable[[], Asked]
) -> tuple[Asked, bool]:
    """Ask all endpoints, and again while those that may answer are loading the model.

    Args:
        context: what this process works with.
        model: the model that is asked for.
        hold: the slot of the run, whose lease is kept meanwhile.
        ask_all: asks each endpoint; called again only when no call was answered.

    Returns:
        The answers, and True when they are still loading after a slice of time: the run stays in
        the queue, so that the worker can serve other runs.
    """
    asked = ask_all()
    until_s = time.monotonic() + context.slice_s
    while (words := _loading(asked)) is not None:
        names = [name for name, one in asked.items() if is_passing(one.trouble)]

        def report(
            session: Session,
            words: str = words,
            names: Sequence[str] = names,
            wait_s: float = _wait_s(asked),
        ) -> float:
            return _report(session, hold, names, model, words, wait_s)

        if context.database.retrying(report) > context.outage_patience_s:
            return asked, False
        wait_s = _wait_s(asked)
        if wait_s > context.throttle_patience_s:
            return asked, False
        if time.monotonic() + wait_s > until_s:
            return asked, True
        time.sleep(wait_s)
        asked = ask_all()
    return asked, False


def _loading(asked: Asked) -> str | None:
    """Return the words of endpoints that are all loading the model; None: one of them is not.

    Endpoints that refuse every call don't count.
    """
    passing = [one for one in asked.values() if is_passing(one.trouble)]
    loading = [
        str(one.trouble) for one in passing if not one.probes and is_loading_trouble(one.trouble)
    ]
    return loading[-1] if loading and len(loading) == len(passing) else None


def is_loading_trouble(trouble: Exception | None) -> bool:
    """Return True when an endpoint answered that it is loading the model."""
    if not isinstance(trouble, Outage):
        return False
    return trouble.status == _UNAVAILABLE or is_loading(str(trouble))


def is_passing(trouble: ProviderError | None) -> bool:
    """Return True unless an endpoint refuses every call until a person acts."""
    return isinstance(trouble, Outage | Throttled | None)


def _wait_s(asked: Asked) -> float:
    """Return the seconds until one of the loading endpoints wants to be asked again."""
    troubles = [one.trouble for one in asked.values() if is_passing(one.trouble)]
    waits = [trouble.retry_after_s or 0.0 for trouble in troubles if trouble is not None]
    return max(_LOOK_AGAIN_S, min(waits, default=0.0))


def _report(
    session: Session, hold: Hold, names: Sequence[str], model: str, words: str, wait_s: float
) -> float:
    """Show in the run that it waits; return for how many seconds the endpoints have been away.

    Safe to repeat.

    Args:
        session: of the transaction.
        hold: the slot of the run.
        names: the endpoints.
        model: that was asked for.
        words: the endpoints' own.
        wait_s: the seconds until they want to be asked again.
    """
    run = runs.lock(session, hold.run_id)
    if run is None or not slots.is_held(session, hold):
        return 0.0
    endpoint_states.add(session, names, model)
    if run.waiting_since is None:
        # An outage before it, in which a run may have been paused, is another matter.
        for name in sorted(names):
            endpoint_states.record_up(session, name, model)
    for name in sorted(names):
        endpoint_states.record_down(
            session, name, model, words, was_probe=True, retry_after_s=wait_s
        )
    states = endpoint_states.states(session, names, model, lock=False)
    away_s = min(state.away_s or 0.0 for state in states.values())
    waiting.begin(session, run.id, Wait(WaitKind.LOADING, words, away_s))
    return away_s
