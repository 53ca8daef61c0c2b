"""`seedbed doctor`: check a model endpoint before a run."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import AsJson
from app.cli.exits import ExitCode, exit_with
from app.cli.output import Output, clean
from app.cli.runs.options import GrowingProfile
from app.cli.service.find_service import read_settings
from app.errors import ConfigurationError
from app.pipeline.options import RunOptions
from app.settings import EndpointSettings, Settings

if TYPE_CHECKING:
    from app.services.runs.check_endpoint import EndpointCheck


def doctor(
    model: Annotated[
        str | None,
        typer.Option("--model", help="Name of the model. Default: SEEDBED_MODEL."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            "--base-url", metavar="URL", help="Address of the endpoint. Default: OPENAI_BASE_URL."
        ),
    ] = None,
    profile: GrowingProfile = None,
    timeout_s: Annotated[
        float,
        typer.Option("--timeout", min=1.0, help="Seconds after which a check ends."),
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Check that a run could start, by sending calls of the kinds that a run sends.

    Sends at most 10 calls to each endpoint. Exit code 0: all endpoints can be used; 6: a run can
    start, but some of several endpoints can't be used; 1: no run can start.
    """
    # Takes half a second, which the other commands need not wait for.
    from app.services.runs.check_endpoint import EndpointChecker  # noqa: PLC0415

    output = Output(as_json=as_json)
    with output.failures_reported():
        settings = read_settings()
        options = RunOptions(profile=profile or "default", target=1)
        checks = []
        for given in _endpoints(settings, base_url):
            output.message(f"Checking {given.base_url} ...")
            checker = EndpointChecker(given, settings, timeout_s, output.message)
            checks.append(checker.check(model or settings.model, options))
    usable = sum(each.trouble is None for each in checks)
    found = [check_json(each) for each in checks]
    output.result({"can_start": usable > 0, "endpoints": found})
    for each in checks:
        output.show(check_table(each), Text())
        output.show(*[Text(clean(line)) for line in conclusion(each, usable)])
    if len(checks) > 1:
        output.show(Text(), Text(summary(usable, len(checks))))
    exit_with(exit_code(usable, len(checks)))


def _endpoints(settings: Settings, base_url: str | None) -> tuple[EndpointSettings, ...]:
    """Return the endpoint at a given address, or those of the settings.

    Raises:
        ConfigurationError: there is none.
    """
    from app.services.context import endpoint_settings  # noqa: PLC0415 see above

    if base_url is not None:
        key = settings.openai_api_key
        return (EndpointSettings(name="default", base_url=base_url, api_key=key),)
    if settings.embedded_model:
        raise ConfigurationError(
            "No endpoint is set, so runs use the embedded model. Give the address of an endpoint "
            "with --base-url, or set OPENAI_BASE_URL."
        )
    return tuple(endpoint_settings(settings))


def check_json(check: "EndpointCheck") -> dict[str, Any]:
    """Return a check as JSON; `Any` because that is what JSON is."""
    capabilities = check.capabilities
    return {
        "endpoint": check.endpoint,
        "base_url": check.base_url,
        "model": check.model,
        "can_start": check.trouble is None,
        "trouble": check.trouble,
        "key_is_set": check.key_is_set,
        "models": None if check.listed is None else [one.name for one in check.listed],
        "model_is_listed": check.is_listed,
        "context_tokens": check.context_tokens,
        "json_schema": capabilities and capabilities.json_schema and not check.has_json_mode,
        "json_mode": check.has_json_mode if capabilities else None,
        "logprobs": capabilities and capabilities.logprobs,
        "system_role": check.has_system_role if capabilities else None,
        "usage_reported": check.reports_usage if check.stages else None,
        "cached_tokens": sum(call.cached_tokens for call in check.stages),
        "learned": [_lesson_json(asdict(lesson)) for lesson in check.lessons],
        "price_is_set": check.price_is_set,
        "stages": [
            {**asdict(call), "cost_usd": None if call.cost_usd is None else str(call.cost_usd)}
            for call in check.stages
        ],
        "loading_s": check.loading_s,
        "skipped": check.skipped,
        "calls": check.calls,
        "median_s": check.median_s,
        "tokens_per_s": check.tokens_per_s,
    }


def _lesson_json(lesson: dict[str, Any]) -> dict[str, Any]:
    """Return a lesson without its time: a check learns everything anew."""
    return {name: value for name, value in lesson.items() if name != "learned_at"}


def check_table(check: "EndpointCheck") -> Table:
    """Return a check as a table of what was asked and what was found."""
    table = Table("", "", box=None, show_header=False, pad_edge=False)
    for name, finding in _lines(check):
        table.add_row(Text(name), Text(clean(finding)))
    return table


def _lines(check: "EndpointCheck") -> Iterator[tuple[str, str]]:
    yield "address", check.base_url
    yield "model", check.model or "none"
    yield "API key", "set" if check.key_is_set else "not set (OPENAI_API_KEY)"
    listed = {None: "the endpoint has no list of models", True: "yes", False: "no"}
    yield "model is listed", listed[check.is_listed]
    if check.capabilities is not None:
        tokens = check.context_tokens
        yield "context", f"{tokens:,} tokens" if tokens else "the endpoint does not say"
        yield "JSON schema", _json_form(check)
        yield "logprobs", _yes_no(check.capabilities.logprobs, "answers are read from the word")
        yield "system role", _yes_no(check.has_system_role, "it goes into the first user message")
    if check.loading_s is not None:
        yield "loading", f"the model was loading; waited {check.loading_s:.0f} s"
    for lesson in check.lessons:
        yield f"learnt: {lesson.parameter}", _lesson(lesson.action, lesson.value, lesson.stage)
    yield from _books(check)


def _json_form(check: "EndpointCheck") -> str:
    if check.has_json_mode:
        return "no: replies are JSON without a schema (json_object)"
    has_schema = bool(check.capabilities and check.capabilities.json_schema)
    return _yes_no(has_schema, "replies are read from text")


def _books(check: "EndpointCheck") -> Iterator[tuple[str, str]]:
    if check.stages:
        yield "usage", _yes_no(check.reports_usage, "tokens are estimated from the text")
        cached = sum(call.cached_tokens for call in check.stages)
        yield "cached tokens", f"{cached:,} reported" if cached else "none reported"
        yield "price", "set" if check.price_is_set else "not set (SEEDBED_PRICES): cost unknown"
    for call in check.stages:
        cost = "" if call.cost_usd is None else f", ${call.cost_usd:.6f}"
        tokens = f"{call.prompt_tokens:,} + {call.completion_tokens:,} tokens"
        yield f"a call of {call.stage}", f"{tokens}{cost}, {call.latency_s:.1f} s"
    if check.median_s is not None:
        speed = "" if check.tokens_per_s is None else f", {check.tokens_per_s:.0f} tokens/s a call"
        yield "speed", f"{check.median_s:.2f} s (median){speed}"
    yield "calls sent", str(check.calls)


def _yes_no(is_so: bool, otherwise: str) -> str:
    return "yes" if is_so else f"no: {otherwise}"


def _lesson(action: str, value: float | str | None, stage: str) -> str:
    words = {
        "dropped": "not sent",
        "renamed": f"sent as {value}",
        "replaced": f"sent as {value}",
        "folded": "sent in the first user message",
        "at_most": f"at most {value}",
        "at_least": f"at least {value}",
        "raised": f"raised to {value} for {stage}",
    }
    return words.get(action, action)


def conclusion(check: "EndpointCheck", usable: int) -> Iterator[str]:
    """Yield what a check means for a run.

    Args:
        check: the check of one endpoint.
        usable: number of endpoints that can be used.
    """
    if check.skipped is not None:
        yield check.skipped
    if check.trouble is None:
        yield "A run can start."
    else:
        meaning = "Runs leave this endpoint out." if usable else "No run can start."
        yield f"{meaning} {check.trouble}"


def summary(usable: int, checked: int) -> str:
    """Return what the checks of several endpoints mean together."""
    if not usable:
        return f"No run can start: none of {checked} endpoints can be used."
    if usable == checked:
        return f"A run can start: all {checked} endpoints can be used."
    return f"A run can start: {usable} of {checked} endpoints can be used."


def exit_code(usable: int, checked: int) -> ExitCode:
    """Return the exit code after a check of all endpoints."""
    if usable == checked:
        return ExitCode.OK
    return ExitCode.PARTLY if usable else ExitCode.SERVICE_FAILED
