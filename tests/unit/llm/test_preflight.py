"""The preflight against endpoints that can, cannot, and will not."""

import time

import pytest

from app.errors import Outage, ProviderError, RunError, Throttled
from app.llm.openai_provider import OpenAIProvider
from app.llm.preflight import Preflight, preflight
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply, scripted_server
from app.pipeline.types import Capabilities, TextPrompt

TOPS = {"Yes": -0.1, "No": -2.5}


def refused(parameter: str) -> ScriptedReply:
    error = {"message": f"{parameter} is not supported", "param": parameter}
    return ScriptedReply(status=400, error=error)


def able(call: ScriptedCall) -> ScriptedReply:
    if call.schema is not None:
        return ScriptedReply('{"verdict": "yes"}')
    return ScriptedReply("Yes", top_logprobs=TOPS if call.parameters.get("logprobs") else None)


def plain(call: ScriptedCall) -> ScriptedReply:
    """Ignores what it does not know, as many servers do."""
    return ScriptedReply("Yes, it is." if call.endpoint == "chat" else " heavy")


def picky(call: ScriptedCall) -> ScriptedReply:
    """Refuses what it does not know, as many others do."""
    if call.schema is not None:
        return refused("response_format")
    return refused("logprobs") if "logprobs" in call.parameters else ScriptedReply("Yes")


def learned(script: Script, patience_s: float = 5.0) -> tuple[Preflight, int]:
    with scripted_server(script) as server:
        result = preflight(
            lambda: OpenAIProvider(server.base_url, None, "m", 5), "chat", patience_s
        )
        if result.trouble is not None:
            raise result.trouble
        return result, server.counts.calls


def test_an_endpoint_that_can_do_both_is_asked_twice_and_both_replies_are_kept() -> None:
    result, calls = learned(able)
    assert result.capabilities == Capabilities(json_schema=True, logprobs=True)
    assert calls == len(result.probes) == 2
    first, second = result.probes
    assert (first.completion.text, first.completion.top_logprobs) == ("Yes", TOPS)
    assert first.request.parameters.max_tokens == 1
    assert second.completion.text == '{"verdict": "yes"}'
    assert first.latency_s > 0
    assert first.request.prompt_version == second.request.prompt_version == "preflight@1"


def test_an_endpoint_that_ignores_both_can_do_neither() -> None:
    result, _ = learned(plain)
    assert result.capabilities == Capabilities()
    assert len(result.probes) == 2


def test_an_endpoint_that_refuses_both_can_do_neither_but_must_answer_something() -> None:
    result, calls = learned(picky)
    assert result.capabilities == Capabilities()
    assert [probe.completion.text for probe in result.probes] == ["Yes"]
    assert calls == 3


def test_an_endpoint_that_refuses_everything_is_trouble_of_the_run() -> None:
    with pytest.raises(RunError, match="I only speak Latin"):
        learned(lambda _: ScriptedReply(status=400, error={"message": "I only speak Latin"}))


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (401, "invalid_api_key", RunError, "OPENAI_API_KEY"),
        (404, "model_not_found", RunError, "SEEDBED_MODEL"),
        (429, "insufficient_quota", RunError, "credit"),
        (503, None, Outage, "503"),
    ],
)
def test_trouble_comes_out_at_the_first_call(
    status: int, code: str | None, kind: type[ProviderError], says: str
) -> None:
    calls = []

    def troubled(call: ScriptedCall) -> ScriptedReply:
        calls.append(call)
        return ScriptedReply(status=status, error={"message": "no", "code": code})

    with pytest.raises(kind, match=says):
        learned(troubled)
    assert len(calls) == 1


def test_a_passing_throttle_is_waited_for() -> None:
    def throttled_once(call: ScriptedCall) -> ScriptedReply:
        if call.n == 1:
            return ScriptedReply(status=429, headers={"Retry-After-Ms": "50"})
        return able(call)

    result, calls = learned(throttled_once)
    assert result.capabilities == Capabilities(json_schema=True, logprobs=True)
    assert calls == 3


def test_a_throttle_longer_than_the_patience_is_given_to_the_caller() -> None:
    began_s = time.monotonic()
    with pytest.raises(Throttled) as caught:
        learned(lambda _: ScriptedReply(status=429, headers={"Retry-After": "900"}))
    assert caught.value.retry_after_s == 900
    assert time.monotonic() - began_s < 3


def test_on_the_completions_endpoint_one_question_is_asked_and_nothing_is_claimed() -> None:
    with scripted_server(plain) as server:
        result = preflight(lambda: OpenAIProvider(server.base_url, None, "m", 5), "completions", 5)
        assert server.counts.completions == server.counts.calls == 1
    assert result.capabilities == Capabilities()
    assert isinstance(result.probes[0].request.prompt, TextPrompt)


def test_what_was_answered_before_an_endpoint_went_away_is_kept() -> None:
    def away_after_one(call: ScriptedCall) -> ScriptedReply:
        return able(call) if call.n == 1 else ScriptedReply(status=503, error={"message": "busy"})

    with scripted_server(away_after_one) as server:
        result = preflight(lambda: OpenAIProvider(server.base_url, None, "m", 5), "chat", 5)
    assert isinstance(result.trouble, Outage)
    assert [probe.completion.text for probe in result.probes] == ["Yes"]
    assert result.unread == ()


def test_an_answer_that_is_none_is_named_for_it_may_be_paid_for() -> None:
    broken = ScriptedReply(raw=b'{"choices": []}')
    with scripted_server(lambda call: broken if call.n == 1 else able(call)) as server:
        result = preflight(lambda: OpenAIProvider(server.base_url, None, "m", 5), "chat", 5)
    assert result.trouble is None
    assert len(result.probes) == len(result.unread) == 1
    assert result.unread[0].parameters.top_logprobs == 5
