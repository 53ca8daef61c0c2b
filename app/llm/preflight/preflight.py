"""The preflight of a run: short questions that test the endpoint and find its capabilities.

They send what the stages will send: the same parameters, roles, and keywords of the JSON schema.
What a refusal names is learnt by the provider itself; where a refusal names nothing, the preflight
finds out by leaving things out.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from app.errors import (
    ItemError,
    NoAnswer,
    Outage,
    ParameterError,
    ProviderError,
    RunError,
    Throttled,
)
from app.llm.classify_errors import NO_MODEL
from app.llm.dialects.dialect import Lesson
from app.llm.dialects.raised_limit import raised_limit
from app.llm.dialects.shared import SharedDialect
from app.llm.parallel.fanout import Fanout
from app.llm.preflight.parts import PARTS, bare
from app.llm.preflight.questions import Question, kind_of
from app.llm.provider import ProviderFactory
from app.pipeline.types import Capabilities, Completion, Request

PATIENCE_S = 60.0
"""Longest wait of a throttled preflight before it returns the throttle to its caller."""
_LONG_S = 5.0
"""A wait for a throttle that is shown: a shorter one is part of every day."""
CAN_NOTHING = Capabilities()


@dataclass(frozen=True, slots=True)
class Probe:
    """A question and its answer, to be recorded like every other reply."""

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


MayAsk: TypeAlias = Callable[[Sequence[Request]], bool]
"""Returns True when the caps allow further questions."""


MayGoOn: TypeAlias = Callable[[Probe], bool]
"""Returns True when the caps allow the rest of the questions after what an answer took."""


ReportWait: TypeAlias = Callable[[Throttled], None]
"""Shows that a question waits for an endpoint that throttles."""


def _always(_: Sequence[Request] | Probe) -> bool:
    return True


def _nothing(_: Throttled) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Caller:
    """The calls of a preflight to the code that runs it."""

    may_ask: MayAsk = _always
    """Called before further questions, which follow a refusal that names nothing."""
    may_go_on: MayGoOn = _always
    """Called after each answer; an endpoint may bill more than a question allows."""
    report_wait: ReportWait = _nothing
    """Called once for each question that waits long for an endpoint that throttles."""


_NOBODY = Caller()


def preflight(
    provider_factory: ProviderFactory,
    questions: Sequence[Question],
    dialect: SharedDialect,
    patience_s: float = PATIENCE_S,
    caller: Caller = _NOBODY,
) -> Preflight:
    """Ask the questions one after the other, and return the capabilities.

    The preflight ends at the first `RunError` or `Outage`, and with `Throttled` when the endpoint
    still throttles after `patience_s`.

    Args:
        provider_factory: makes the provider.
        questions: what to ask.
        dialect: that of the provider; it gets what the preflight learns.
        patience_s: longest wait for an endpoint that throttles.
        caller: what the caller allows, and wants to know.
    """
    with Fanout(provider_factory, 1) as fanout:
        answer = partial(_answer, fanout, patience_s=patience_s, report_wait=caller.report_wait)
        asking = _Asking(answer, dialect, caller)
        try:
            return asking.finished(asking.capabilities(questions))
        except ProviderError as trouble:
            return asking.finished(CAN_NOTHING, trouble)


class _Asking:
    """A preflight in progress; it keeps the answers also when it fails."""

    def __init__(
        self,
        answer: Callable[[Request], Probe | ProviderError],
        dialect: SharedDialect,
        caller: Caller,
    ) -> None:
        self._answer = answer
        self._dialect = dialect
        self._may_ask = caller.may_ask
        self._may_go_on = caller.may_go_on
        self._probes: list[Probe] = []
        self._unread: list[Request] = []

    def finished(
        self, capabilities: Capabilities, trouble: ProviderError | None = None
    ) -> Preflight:
        return Preflight(capabilities, tuple(self._probes), tuple(self._unread), trouble)

    def capabilities(self, questions: Sequence[Question]) -> Capabilities:
        json_schema = logprobs = False
        for question in questions:
            answer = self._answered(question)
            if answer is None:
                continue
            asks_for_logprobs, has_schema = kind_of(question.request)
            logprobs |= asks_for_logprobs and answer.top_logprobs is not None
            any_form = self._dialect.now.has_json_mode
            json_schema |= has_schema and _is_in_form(answer, any_form=any_form)
        if not self._probes and questions:
            self._must_answer(bare(questions[0].request))
        now = self._dialect.now
        return Capabilities(
            json_schema=json_schema and not now.drops("response_format"),
            logprobs=logprobs and not now.drops("logprobs"),
        )

    def _answered(self, question: Question) -> Completion | None:
        """Return the answer; None: there was one, but it can't be used."""
        answer = self._unless_refused(question.request)
        if answer is None or not _ended_before_answer(answer) or not question.stages:
            return answer
        limit = raised_limit(question.request.parameters.max_tokens, has_thought=True)
        words = "The reply ended at the limit before its first word."
        self._dialect.add(
            Lesson("max_tokens", "raised", limit, stage, words) for stage in question.stages
        )
        if not kind_of(question.request)[1]:
            return answer
        # The form can only be seen in an answer.
        parameters = replace(question.request.parameters, max_tokens=limit)
        longer = replace(question.request, parameters=parameters)
        return self._unless_refused(longer) if self._may_ask([longer]) else answer

    def _unless_refused(self, request: Request) -> Completion | None:
        try:
            return self._ask(request)
        except ProviderError as trouble:
            if trouble.may_be_paid and isinstance(trouble, ItemError):
                return None
            if not _is_refusal(trouble):
                raise
            refusal = trouble
        return self._without_what_is_refused(request, refusal)

    def _without_what_is_refused(self, request: Request, refusal: ProviderError) -> Completion:
        """Find out what an endpoint refuses without naming it: add one thing after the other."""
        parts = [part for part in PARTS if part.is_in(request)]
        accepted = bare(request)
        tries = [accepted]
        for part in parts:
            tries.append(part.add(tries[-1], request))
        if not parts or not self._may_ask(tries):
            raise _for_all_calls(refusal)
        try:
            answer = self._ask(accepted)
        except ProviderError as trouble:
            # An endpoint that refuses the simplest question refuses every call.
            raise (_for_all_calls(refusal) if _is_refusal(trouble) else trouble) from None
        for part in parts:
            tried = part.add(accepted, request)
            # Only the last try of a part can be answered, so it was allowed for above.
            for lessons in part.lessons(request, str(refusal)):
                try:
                    answer, accepted = self._ask(tried), tried
                    break
                except ProviderError as trouble:
                    if not _is_refusal(trouble):
                        raise
                    self._dialect.add(lessons)
        return answer

    def _must_answer(self, request: Request) -> None:
        if not self._may_ask([request]):
            return
        try:
            self._ask(request)
        except NoAnswer as trouble:
            raise RunError(f"{trouble} {NO_MODEL}") from None
        except ItemError as trouble:
            raise RunError(str(trouble)) from None

    def _ask(self, request: Request) -> Completion:
        answer = self._answer(request)
        if isinstance(answer, ProviderError):
            if answer.may_be_paid:
                self._unread.append(request)
            raise answer
        self._probes.append(answer)
        if not self._may_go_on(answer):
            raise RunError("The budget does not allow the rest of the preflight.")
        return answer.completion


def _is_refusal(trouble: ProviderError) -> bool:
    """Return True when a call without some parameters may fare better."""
    if isinstance(trouble, ItemError | ParameterError):
        return True
    # Some servers answer so to a parameter that they don't know.
    return trouble.status in (403, 500, 501) and isinstance(trouble, RunError | Outage)


def _for_all_calls(refusal: ProviderError) -> ProviderError:
    return RunError(str(refusal)) if isinstance(refusal, ItemError) else refusal


def _answer(
    fanout: Fanout, request: Request, *, patience_s: float, report_wait: ReportWait
) -> Probe | ProviderError:
    fanout.submit(0, request)
    began_s = time.monotonic()
    until_s, is_reported = began_s + patience_s, False
    while True:
        for outcome in fanout.collect(timeout_s=0.25, limit=1):
            if isinstance(outcome.answer, ProviderError):
                return outcome.answer
            return Probe(request, outcome.answer, outcome.latency_s)
        throttle, quiet_s = fanout.last_throttle, fanout.quiet_s
        if throttle is None:
            continue
        quiet_until_s = time.monotonic() + quiet_s
        if quiet_until_s > until_s:
            fanout.abandon()
            return throttle
        if quiet_s and quiet_until_s - began_s >= _LONG_S and not is_reported:
            is_reported = True
            report_wait(throttle)


def _ended_before_answer(completion: Completion) -> bool:
    return completion.cut_off and not completion.text.strip()


def _is_in_form(completion: Completion, *, any_form: bool) -> bool:
    """Return True when an answer is a JSON object that follows the schema, or any one."""
    try:
        value = json.loads(completion.text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, Mapping) and (any_form or value.get("verdict") in ("yes", "no"))
