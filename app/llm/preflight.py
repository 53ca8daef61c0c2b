"""The preflight of a run: short questions that test the endpoint and find its capabilities."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.errors import ItemError, ParameterError, ProviderError, RunError
from app.llm.parallel.fanout import Fanout
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
"""Longest wait of a throttled preflight before it returns the throttle to its caller."""

_QUESTION = (Message("user", "Is a stone heavier than a feather?"),)
# The key is not in the question: an endpoint that ignores the schema will not use it by chance.
_SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
# Every endpoint accepts temperature 1, so a refusal must be about the capability that is tested.
_LOGPROBS = Request(
    ChatPrompt(_QUESTION), Parameters(1.0, 1.0, max_tokens=1, top_logprobs=5), PROMPT_VERSION
)
# Enough tokens for a reasoning model; others stop at the closing brace.
_FORM = Request(
    ChatPrompt(_QUESTION, _SCHEMA), Parameters(1.0, 1.0, max_tokens=512), PROMPT_VERSION
)
_PLAIN = Request(ChatPrompt(_QUESTION), Parameters(1.0, 1.0, max_tokens=16), PROMPT_VERSION)
_TEXT = Request(TextPrompt("A stone is"), Parameters(1.0, 1.0, max_tokens=1), PROMPT_VERSION)


CAN_NOTHING = Capabilities()


@dataclass(frozen=True, slots=True)
class Probe:
    """One question of the preflight and its answer, to be recorded like every other reply."""

    request: Request
    completion: Completion
    latency_s: float


@dataclass(frozen=True, slots=True)
class Preflight:
    """The capabilities that the preflight found, and its calls."""

    capabilities: Capabilities = CAN_NOTHING
    probes: tuple[Probe, ...] = ()
    """Answered questions only: a refused one has no reply to record."""
    unread: tuple[Request, ...] = ()
    """Questions without a usable reply for which the provider may charge."""
    trouble: ProviderError | None = None
    """Why the endpoint cannot be used; None when it can."""


def questions(endpoint: Literal["chat", "completions"]) -> tuple[Request, ...]:
    """Return all requests that the preflight may send, to compute its maximum cost."""
    return (_TEXT,) if endpoint == "completions" else (_LOGPROBS, _FORM, _PLAIN)


def preflight(
    provider_factory: ProviderFactory,
    endpoint: Literal["chat", "completions"],
    patience_s: float = PATIENCE_S,
) -> Preflight:
    """Ask the questions one after the other, and return the capabilities.

    A refusal of logprobs or of the schema means that the endpoint does not support them. The
    preflight ends at the first `RunError` or `Outage`, and with `Throttled` when the endpoint still
    throttles after `patience_s`. The completions endpoint is only tested for an answer.
    """
    with Fanout(provider_factory, 1) as fanout:
        asking = _Asking(fanout, patience_s)
        try:
            return asking.finished(asking.capabilities(endpoint))
        except ProviderError as trouble:
            return asking.finished(CAN_NOTHING, trouble)


class _Asking:
    """A preflight in progress; it keeps the answers also when it fails."""

    def __init__(self, fanout: Fanout, patience_s: float) -> None:
        self._fanout = fanout
        self._patience_s = patience_s
        self._probes: list[Probe] = []
        self._unread: list[Request] = []

    def finished(
        self, capabilities: Capabilities, trouble: ProviderError | None = None
    ) -> Preflight:
        return Preflight(capabilities, tuple(self._probes), tuple(self._unread), trouble)

    def capabilities(self, endpoint: Literal["chat", "completions"]) -> Capabilities:
        if endpoint == "completions":
            self._must_answer(_TEXT)
            return CAN_NOTHING
        logprobs = self._unless_refused(_LOGPROBS)
        form = self._unless_refused(_FORM)
        if not self._probes:
            # Both were refused: because of the options, or because every call is?
            self._must_answer(_PLAIN)
        return Capabilities(
            json_schema=form is not None and _is_in_form(form.text),
            logprobs=logprobs is not None and logprobs.top_logprobs is not None,
        )

    def _must_answer(self, request: Request) -> None:
        try:
            self._ask(request)
        except ItemError as trouble:
            # An endpoint that refuses the simplest question refuses every call.
            raise RunError(str(trouble)) from None

    def _unless_refused(self, request: Request) -> Completion | None:
        """Return the answer; None: the endpoint refuses this question."""
        try:
            return self._ask(request)
        except (ItemError, ParameterError):
            return None

    def _ask(self, request: Request) -> Completion:
        answer = _answer(self._fanout, request, patience_s=self._patience_s)
        if isinstance(answer, ProviderError):
            if answer.may_be_paid:
                self._unread.append(request)
            raise answer
        self._probes.append(answer)
        return answer.completion


def _answer(fanout: Fanout, request: Request, *, patience_s: float) -> Probe | ProviderError:
    fanout.submit(0, request)
    until_s = time.monotonic() + patience_s
    while True:
        for outcome in fanout.collect(timeout_s=0.25, limit=1):
            if isinstance(outcome.answer, ProviderError):
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
