"""Errors as providers and gateways report them, in the middle of a run: paused, or asked again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.calls import Endpoint
from app.llm.scripted.behaviours.combine import Behaviour, after, every, in_method, on, playing
from app.llm.scripted.behaviours.refusals import answers, error, fails, limits_context
from app.llm.scripted.server import ScriptedReply, ScriptedServer, scripted_server
from app.services.runs import control
from tests.bench import OpenBench
from tests.integration.endpoints.runs import PLAIN, SMALL, Switch, given_up, grown, work

SUSPENDED = "Your account org-x is suspended, please check your plan and billing details"
LOW = (
    "Your credit balance is too low to access the Anthropic API. "
    "Please go to Plans & Billing to upgrade or purchase credits."
)
ARREARS = "Access denied, please make sure your account is in good standing."
MUST_STOP: Mapping[str, tuple[Behaviour, str]] = {
    "credit_used_up_400_midrun": (fails(400, error(LOW)), "credit balance is too low"),
    "arrears_400_midrun": (
        fails(400, {"error": {"code": "Arrearage", "type": "Arrearage", "message": ARREARS}}),
        "in good standing",
    ),
    "quota_429_other_code": (
        fails(429, {"error": {"message": SUSPENDED, "type": "exceeded_current_quota_error"}}),
        "is suspended",
    ),
    "object_error_200": (
        fails(
            200,
            {
                "object": "error",
                "message": "The server is overloaded, try later",
                "type": "ServiceUnavailable",
                "code": 503,
            },
        ),
        "overloaded",
    ),
    "a text in quotes with 200": (fails(200, "Unauthorized"), "Unauthorized"),
}


class Stray(NamedTuple):
    """An error that some calls get, by status and body."""

    status: int
    body: object


UPSTREAM: dict[str, Any] = {
    "finish_reason": "error",
    "message": {"role": "assistant", "content": ""},
    "error": {"code": 502, "message": "Upstream error from Chutes: overloaded"},
}
STRAY: Mapping[str, Stray] = {
    "choices_null_with_error_429": Stray(
        200,
        {
            "id": None,
            "choices": None,
            "usage": None,
            "error": {
                "message": "Provider returned error",
                "code": 429,
                "metadata": {"raw": "Too Many Requests"},
            },
        },
    ),
    "error_inside_choice": Stray(200, {"choices": [UPSTREAM]}),
    "bedrock_throttle_400": Stray(
        400,
        {
            "detail": "An error occurred (ThrottlingException) when calling the Converse "
            "operation: Too many tokens, please wait before trying again."
        },
    ),
}


@pytest.mark.parametrize("case", MUST_STOP)
def test_a_run_pauses_with_the_providers_words_and_can_go_on(
    open_bench: OpenBench, case: str
) -> None:
    trouble, words = MUST_STOP[case]
    _, plain = grown(open_bench, *PLAIN)
    switch = Switch(after(9, trouble))
    with open_bench(playing(*PLAIN, switch)) as bench:
        run_id = bench.start(**SMALL)
        seen = work(bench, run_id)
        asked = bench.server.counts.calls
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert words in (seen.message or "")
        assert given_up(seen) == 0
        # No item is asked again and again before the run pauses.
        assert asked <= 9 + 2 * bench.context.concurrency
        switch.is_on = False
        control.resume_run(bench.context, run_id)
        seen = work(bench, run_id)
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
        assert bench.alpaca(run_id) == plain


@pytest.mark.parametrize("case", STRAY)
def test_a_stray_throttle_or_outage_costs_no_attempt_and_no_row(
    open_bench: OpenBench, case: str
) -> None:
    _, plain = grown(open_bench, *PLAIN)
    stray = every(4, fails(*STRAY[case]))
    with open_bench(playing(*PLAIN, in_method(stray)), outage_patience_s=60.0) as bench:
        # The first call of an outage counts as an attempt; no call meets that many.
        run_id = bench.start(**SMALL, max_attempts=1 if case != "error_inside_choice" else 10)
        seen = work(bench, run_id)
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
        assert bench.alpaca(run_id) == plain
        assert given_up(seen) == 0
        assert seen.funnel.unknown == 0
        assert seen.budget.written_off.tokens == 0


def test_a_context_that_is_too_small_pauses_with_the_providers_words(
    open_bench: OpenBench,
) -> None:
    # context_too_small
    words = (
        "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum context "
        "length is 1024 tokens and your request has 700 input tokens (1024 > 1024 - 700)."
    )
    body = {"object": "error", "message": words, "code": 400}
    small = on(("generate", "input_first"), limits_context(1000, body=body))
    with open_bench(playing(*PLAIN, small)) as bench:
        seen = work(bench, bench.start(**SMALL))
        assert seen.status == "paused"
        assert "maximum context length is 1024 tokens" in (seen.message or "")
        assert "stronger model" not in (seen.message or "")
        assert bench.server.counts.calls < 60


NO_TEXT = (
    b'{"choices": [{"message": {"role": "assistant", "content": null}, "finish_reason": "stop"}],'
    b' "usage": {"prompt_tokens": 90, "completion_tokens": 1, "total_tokens": 91}}'
)


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"choices": [null]}', NO_TEXT])
def test_replies_with_nothing_in_them_pause_the_run_and_lose_no_row(
    open_bench: OpenBench, body: bytes
) -> None:
    _, plain = grown(open_bench, *PLAIN)
    switch = Switch(after(9, answers(ScriptedReply(raw=body))))
    with open_bench(playing(*PLAIN, switch)) as bench:
        run_id = bench.start(**SMALL)
        seen = work(bench, run_id)
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert "The answer is empty" in (seen.message or "") or "answered with" in (
            seen.message or ""
        )
        assert given_up(seen) == 0
        switch.is_on = False
        control.resume_run(bench.context, run_id)
        seen = work(bench, run_id)
        assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
        assert bench.alpaca(run_id) == plain


def test_a_run_does_not_wait_for_one_of_two_endpoints_that_refuses_calls_for_a_day(
    open_bench: OpenBench,
) -> None:
    body = error("Too many requests")
    throttled = playing(*PLAIN, after(2, fails(429, body, {"Retry-After": "86400"})))
    with scripted_server(playing(*PLAIN)) as one, scripted_server(throttled) as other:
        endpoints = [endpoint_of("one", one), endpoint_of("other", other)]
        with open_bench(playing(*PLAIN), endpoints=endpoints) as bench:
            seen = work(bench, bench.start(**SMALL))
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met"), seen.message
    assert other.counts.calls > 2


def endpoint_of(name: str, server: ScriptedServer) -> Endpoint:
    return Endpoint(name, lambda model: lambda: OpenAIProvider(server.base_url, "k", model, 10.0))
