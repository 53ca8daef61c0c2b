"""Two tiny questions at the start of a run: does the endpoint answer, and what can it do."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from app.errors import ItemTrouble, ParameterTrouble, ProviderTrouble, RunTrouble
from app.llm.fanout import Fanout
from app.llm.provider import ProviderFactory
from app.pipeline.types import (
    Capabilities,
    ChatPrompt,
    Completion,
    JsonSchema,
    Message,
    Parameters,
    Request,
    TextPrompt,
)

PROMPT_VERSION = "preflight@1"
PATIENCE_S = 60.0
"""How long a throttled preflight waits before it gives the throttle to its caller."""

_QUESTION = (Message("user", "Is a stone heavier than a feather?"),)
# The key is no word of the question: an endpoint that ignores the schema does not hit it by chance.
_SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
# Temperature 1 is the one that picky endpoints accept too; a refusal must be about what is probed.
_LOGPROBS = Request(
    ChatPrompt(_QUESTION), Parameters(1.0, 1.0, max_tokens=1, top_logprobs=5), PROMPT_VERSION
)
# Room for a thinking model's thoughts; others stop at the closing brace.
_FORM = Request(
    ChatPrompt(_QUESTION, _SCHEMA), Parameters(1.0, 1.0, max_tokens=512), PROMPT_VERSION
)
_PLAIN = Request(ChatPrompt(_QUESTION), Parameters(1.0, 1.0, max_tokens=16), PROMPT_VERSION)
_TEXT = Request(TextPrompt("A stone is"), Parameters(1.0, 1.0, max_tokens=1), PROMPT_VERSION)


@dataclass(frozen=True, slots=True)
class Probe:
    """One question of the preflight and its answer, to be recorded like every other reply."""

    request: Request
    completion: Completion
    latency_s: float


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the preflight learned, and the calls it took."""

    capabilities: Capabilities
    probes: tuple[Probe, ...]
    """Only what was answered: a refused question has no reply to record."""


def questions(endpoint: Literal["chat", "completions"]) -> tuple[Request, ...]:
    """Name all that may be asked, to know what it can cost."""
    return (_TEXT,) if endpoint == "completions" else (_LOGPROBS, _FORM, _PLAIN)


def preflight(
    provider_factory: ProviderFactory,
    endpoint: Literal["chat", "completions"],
    patience_s: float = PATIENCE_S,
) -> Preflight:
    """Ask, one question after the other, and say what came back.

    A refusal of logprobs or of the schema is an answer: not supported. Raises `RunTrouble` and
    `Outage` at the first call that meets them, `Throttled` when the endpoint still throttles after
    `patience_s`. On the completions endpoint nothing but answering is tried.
    """
    probes: list[Probe] = []
    try:
        with Fanout(provider_factory, 1) as fanout:
            return _preflight(partial(_answer, fanout, patience_s=patience_s), endpoint, probes)
    except ProviderTrouble as trouble:
        trouble.may_be_paid = trouble.may_be_paid or bool(probes)
        raise


_Asker: TypeAlias = Callable[[Request], Probe | ProviderTrouble]


def _preflight(
    ask: _Asker, endpoint: Literal["chat", "completions"], probes: list[Probe]
) -> Preflight:
    """Ask; `probes` holds what was answered, also when this raises."""
    if endpoint == "completions":
        probes.append(_must_answer(ask(_TEXT)))
        return Preflight(Capabilities(), tuple(probes))
    logprobs = _unless_refused(ask(_LOGPROBS))
    probes += filter(None, [logprobs])
    form = _unless_refused(ask(_FORM))
    probes += filter(None, [form])
    if not probes:
        # Both refused: because of what was asked for, or because nothing is answered at all?
        probes.append(_must_answer(ask(_PLAIN)))
    capabilities = Capabilities(
        json_schema=form is not None and _is_in_form(form.completion.text),
        logprobs=logprobs is not None and logprobs.completion.top_logprobs is not None,
    )
    return Preflight(capabilities, tuple(probes))


def _must_answer(answer: Probe | ProviderTrouble) -> Probe:
    if isinstance(answer, ItemTrouble):
        # If the plainest question cannot be answered, none can.
        raise RunTrouble(str(answer))
    if isinstance(answer, ProviderTrouble):
        raise answer
    return answer


def _unless_refused(answer: Probe | ProviderTrouble) -> Probe | None:
    """None when the endpoint refuses this question."""
    if isinstance(answer, ItemTrouble | ParameterTrouble):
        return None
    if isinstance(answer, ProviderTrouble):
        raise answer
    return answer


def _answer(fanout: Fanout, request: Request, *, patience_s: float) -> Probe | ProviderTrouble:
    fanout.submit(0, request)
    until_s = time.monotonic() + patience_s
    while True:
        for outcome in fanout.collect(timeout_s=0.25, most=1):
            if isinstance(outcome.answer, ProviderTrouble):
                return outcome.answer
            return Probe(request, outcome.answer, outcome.latency_s)
        throttle = fanout.last_throttle
        if throttle is not None and time.monotonic() + fanout.held_s > until_s:
            fanout.abandon()
            return throttle


def _is_in_form(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, Mapping) and value.get("verdict") in ("yes", "no")
