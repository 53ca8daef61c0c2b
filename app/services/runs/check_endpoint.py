"""The check of an endpoint: everything that a run would ask it, in few calls."""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from app.errors import Outage, RunError, SeedbedError, Throttled
from app.llm.dialects.dialect import Dialect, Lesson
from app.llm.dialects.shared import SharedDialect
from app.llm.model_list import ListedModel, list_models
from app.llm.openai_provider import OpenAIProvider
from app.llm.preflight.preflight import Caller, Preflight, preflight
from app.llm.prices import cost_usd
from app.pipeline.options import RunOptions
from app.pipeline.types import Capabilities, Completion, Request, Stage
from app.services.context import extra_body_of, extra_headers_of
from app.services.generation.start.loading_model import is_loading_trouble
from app.services.generation.start.sample_requests import questions_of, samples_of
from app.services.model_calls.endpoints import refuses_until
from app.settings import EndpointSettings, Settings

MOST_CALLS = 10
"""HTTP requests that a check sends at most, with those that are refused."""
_THROTTLED_S = 1.0
"""Wait after a throttle that names no wait."""
_LOADING_S = 2.0
"""Wait before a model that is loading is asked again, where the endpoint names no wait."""
_SHORTEST_S = 0.1


@dataclass(frozen=True, slots=True)
class StageCall:
    """A typical call of one stage."""

    stage: Stage
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    is_estimated: bool
    """True when the endpoint reports no usage."""
    cost_usd: Decimal | None
    """None: the model has no price."""
    latency_s: float


@dataclass(slots=True)
class EndpointCheck:
    """The findings about an endpoint."""

    endpoint: str
    base_url: str
    model: str | None
    key_is_set: bool
    price_is_set: bool = False
    trouble: str | None = None
    """Why no run could start, with the setting to change; None: a run could start."""
    listed: tuple[ListedModel, ...] | None = None
    """None: the endpoint has no list of models."""
    capabilities: Capabilities | None = None
    """None: it did not answer."""
    lessons: tuple[Lesson, ...] = ()
    """Parts of requests that are sent differently because the endpoint refuses something."""
    stages: list[StageCall] = field(default_factory=list)
    loading_s: float | None = None
    """Seconds for which the endpoint was loading the model; None: it was loaded."""
    skipped: str | None = None
    """Why some stages were not tried; None: all were."""
    calls: int = 0
    """Without those that found a model that was still loading."""
    latencies_s: list[float] = field(default_factory=list)

    @property
    def is_listed(self) -> bool | None:
        """Return True when the model is in the list; None: there is no list."""
        if self.listed is None:
            return None
        return self.model in {model.name for model in self.listed}

    @property
    def context_tokens(self) -> int | None:
        """The context of the model; None: the endpoint doesn't say it."""
        lengths = [one.context_tokens for one in self.listed or () if one.name == self.model]
        return lengths[0] if lengths else None

    @property
    def has_system_role(self) -> bool:
        """Return True when system messages are accepted."""
        return not any(one.action == "folded" for one in self.lessons)

    @property
    def has_json_mode(self) -> bool:
        """Return True when JSON is accepted without a schema only."""
        can_json = self.capabilities is not None and self.capabilities.json_schema
        return can_json and Dialect(self.lessons).has_json_mode

    @property
    def reports_usage(self) -> bool:
        """Return True when the endpoint reports tokens."""
        return bool(self.stages) and not any(call.is_estimated for call in self.stages)

    @property
    def median_s(self) -> float | None:
        """Median duration of a call; None: none was answered."""
        return statistics.median(self.latencies_s) if self.latencies_s else None

    @property
    def tokens_per_s(self) -> float | None:
        """Completion tokens per second of one call at a time; None: no stage was tried."""
        taken_s = sum(call.latency_s for call in self.stages)
        return sum(call.completion_tokens for call in self.stages) / taken_s if taken_s else None


class EndpointChecker:
    """A check of one endpoint with the limits of its calls.

    Args:
        given: The endpoint.
        settings: With prices, and further headers and fields of every call.
        timeout_s: Longest duration of the whole check, in seconds.
        notify: Called with a message when the check waits for a model that is loading.
    """

    def __init__(
        self,
        given: EndpointSettings,
        settings: Settings,
        timeout_s: float,
        notify: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self._given = given
        self._prices = settings.prices
        self._extra_body = extra_body_of(settings)
        self._extra_headers = extra_headers_of(settings)
        self._timeout_s = timeout_s
        self._notify = notify
        self._until_s = time.monotonic() + timeout_s
        self._dialect = SharedDialect()
        self._calls = 0

    def check(self, model: str | None, options: RunOptions) -> EndpointCheck:
        """Ask the endpoint for its models, then what a run with `options` would ask.

        Args:
            model: The model; None: the only one that the endpoint lists.
            options: Of the run.
        """
        key = self._given.api_key
        has_key = bool(key and key.get_secret_value().strip())
        found = EndpointCheck(self._given.name, self._given.base_url, model, has_key)
        try:
            self._fill(found, options)
        except SeedbedError as error:
            found.trouble = self._words_of(error)
        found.lessons = self._dialect.now.lessons
        found.calls = self._calls
        return found

    def _words_of(self, error: SeedbedError) -> str:
        """Return why no run could start, or that the check needs more time to find out."""
        if isinstance(error, Throttled) and error.retry_after_s is not None:
            return refuses_until(str(error), error.retry_after_s)
        if is_loading_trouble(error):
            return (
                f"The endpoint was still loading the model after {self._timeout_s:g} s. "
                f"--timeout {2 * self._timeout_s:g} waits longer. {error}"
            )
        if isinstance(error, Outage) and self._left_s <= 0:
            return (
                f"The endpoint did not answer within the {self._timeout_s:g} s of the check. Is it "
                f"overloaded? --timeout {2 * self._timeout_s:g} waits longer."
            )
        return str(error)

    def _fill(self, found: EndpointCheck, options: RunOptions) -> None:
        found.listed = list_models(self._provider(""))
        if found.model is None:
            found.model = _only_one(found.listed)
        found.price_is_set = found.model in self._prices
        asked = self._preflight_when_loaded(found, options)
        found.latencies_s += [probe.latency_s for probe in asked.probes]
        if asked.trouble is not None:
            raise asked.trouble
        found.capabilities = asked.capabilities
        for stage, request in self._requests(options, asked.capabilities):
            if self._left_s <= 0 or self._calls >= MOST_CALLS:
                limit = f"{MOST_CALLS} calls" if self._left_s > 0 else f"{self._timeout_s:g} s"
                found.skipped = f"The check ended after {limit}."
                return
            call = self._patient_call(found.model, stage, request)
            found.stages.append(call)
            found.latencies_s.append(call.latency_s)

    def _preflight_when_loaded(self, found: EndpointCheck, options: RunOptions) -> Preflight:
        """Ask the questions of a preflight, and again while the endpoint is loading the model."""
        began_s = time.monotonic()
        while True:
            calls = self._calls
            asked = self._preflight(found.model or "", options)
            if asked.probes or asked.trouble is None or not is_loading_trouble(asked.trouble):
                return asked
            found.loading_s = time.monotonic() - began_s
            wait_s = max(_SHORTEST_S, asked.trouble.retry_after_s or _LOADING_S)
            if wait_s >= self._left_s:
                return asked
            # It answers none of the questions, so it counts as none of the calls.
            self._calls = calls
            self._notify(f"The endpoint is loading the model. {asked.trouble}")
            time.sleep(wait_s)
            found.loading_s += wait_s

    def _preflight(self, model: str, options: RunOptions) -> Preflight:
        return preflight(
            lambda: self._provider(model),
            [
                replace(one, request=replace(one.request, extra_body=self._extra_body))
                for one in questions_of(options)
            ],
            self._dialect,
            patience_s=self._left_s,
            caller=Caller(may_ask=lambda requests: self._calls + len(requests) <= MOST_CALLS),
        )

    def _requests(
        self, options: RunOptions, capabilities: Capabilities
    ) -> Iterator[tuple[Stage, Request]]:
        """Yield a request of each stage, with the length limit that the preflight found."""
        stages = set[Stage]()
        for sample in samples_of(options, capabilities):
            # A calibration is a classification without content.
            if sample.stage in stages or sample.stage is Stage.CALIBRATE:
                continue
            stages.add(sample.stage)
            parameters = sample.request.parameters
            limit = self._dialect.now.raised_limit_for(sample.stage) or 0
            longer = replace(parameters, max_tokens=max(limit, parameters.max_tokens))
            yield (
                sample.stage,
                replace(sample.request, parameters=longer, extra_body=self._extra_body),
            )

    def _patient_call(self, model: str, stage: Stage, request: Request) -> StageCall:
        """Ask a stage's question; wait for an endpoint that throttles, as a run does."""
        while True:
            try:
                return self._call(model, stage, request)
            except Throttled as trouble:
                wait_s = trouble.retry_after_s or _THROTTLED_S
                if wait_s >= self._left_s or self._calls >= MOST_CALLS:
                    raise
                time.sleep(wait_s)

    def _call(self, model: str, stage: Stage, request: Request) -> StageCall:
        began_s = time.monotonic()
        completion = asyncio.run(_answer(self._provider(model), request))
        return StageCall(
            stage=stage,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            cached_tokens=completion.cached_tokens,
            is_estimated=completion.is_estimated,
            cost_usd=cost_usd(completion, model, self._prices),
            latency_s=time.monotonic() - began_s,
        )

    @property
    def _left_s(self) -> float:
        return self._until_s - time.monotonic()

    def _provider(self, model: str) -> OpenAIProvider:
        key = self._given.api_key
        return OpenAIProvider(
            self._given.base_url,
            key.get_secret_value() if key else None,
            model,
            # At least one call is tried.
            max(1.0, self._left_s),
            self._dialect,
            self._extra_headers,
            before_sending=self._count,
        )

    def _count(self) -> None:
        """Count a request that is about to be sent; `RunError`: there were too many."""
        if self._calls >= MOST_CALLS:
            raise RunError(
                f"The endpoint refused so much that {MOST_CALLS} calls did not show what it "
                "accepts. Start a run, which asks longer."
            )
        self._calls += 1


async def _answer(provider: OpenAIProvider, request: Request) -> Completion:
    try:
        return await provider.complete(request)
    finally:
        await provider.aclose()


def _only_one(listed: Sequence[ListedModel] | None) -> str:
    """Return the only model of a list.

    Raises:
        RunError: There are several, or none.
    """
    names = [model.name for model in listed or ()]
    if len(names) == 1:
        return names[0]
    some = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
    has = f"The endpoint has {some}." if names else "The endpoint lists no models."
    raise RunError(f"No model is chosen. {has} Name one with --model, or set SEEDBED_MODEL.")
