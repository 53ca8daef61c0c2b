"""What goes over the wire, and what is read from it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.errors import ConfigurationError, ProviderError, RunError
from app.llm.answers.usage import estimate_prompt_tokens
from app.llm.dialects.dialect import NOTHING_LEARNT
from app.llm.dialects.shared import SharedDialect
from app.llm.openai_provider import MAX_LESSONS, OpenAIProvider
from app.llm.scripted.server import Script, ScriptedCall, ScriptedReply, scripted_server
from app.pipeline.types import (
    ChatPrompt,
    Completion,
    JsonSchema,
    Message,
    Parameters,
    Request,
    TextPrompt,
)

PLAIN = Parameters(temperature=1.0, top_p=1.0, max_tokens=20)
FULL = Parameters(0.7, 0.5, 300, 2.0, 0.25, ("\n\n", "###"), top_logprobs=20, seed=7)
SCHEMA: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": False}


def chat(parameters: Parameters, schema: JsonSchema | None = None) -> Request:
    turns = (Message("system", "Be brief."), Message("user", "hello there"))
    return Request(ChatPrompt(turns, schema), parameters, "test/chat@1")


def text(parameters: Parameters) -> Request:
    return Request(TextPrompt("Once upon"), parameters, "test/text@1")


async def _ask(base_url: str, requests: Sequence[Request], key: str | None) -> list[Completion]:
    provider = OpenAIProvider(base_url, key, "model-a", 5)
    try:
        return list(await asyncio.gather(*map(provider.complete, requests)))
    finally:
        await provider.aclose()


def ask(
    script: Script, *requests: Request, key: str | None = "sk-1"
) -> tuple[list[Completion], list[ScriptedCall]]:
    with scripted_server(script) as server:
        answers = asyncio.run(_ask(server.base_url, requests, key))
        return answers, list(server.calls)


def fine(_: ScriptedCall) -> ScriptedReply:
    return ScriptedReply("three words here", top_logprobs={"three": -0.5, "four": -1.5})


def test_a_plain_chat_sends_nothing_that_the_api_takes_for_granted() -> None:
    _, (call,) = ask(fine, chat(PLAIN))
    assert call.endpoint == "chat"
    assert call.model == "model-a"
    assert call.messages == (Message("system", "Be brief."), Message("user", "hello there"))
    assert call.parameters == {"temperature": 1.0, "max_tokens": 20}
    assert call.schema is None
    assert call.api_key == "sk-1"


def test_a_full_chat_sends_everything() -> None:
    _, (call,) = ask(fine, chat(FULL, SCHEMA))
    assert call.parameters == {
        "temperature": 0.7,
        "top_p": 0.5,
        "max_tokens": 300,
        "presence_penalty": 2.0,
        "frequency_penalty": 0.25,
        "stop": ["\n\n", "###"],
        "logprobs": True,
        "top_logprobs": 20,
        "seed": 7,
    }
    assert call.schema == SCHEMA


def test_the_completions_endpoint_gets_the_prompt_and_its_own_form_of_logprobs() -> None:
    _, (call,) = ask(fine, text(FULL))
    assert call.endpoint == "completions"
    assert call.prompt == "Once upon"
    assert call.parameters["logprobs"] == 20
    assert "top_logprobs" not in call.parameters


@pytest.mark.parametrize("request_", [chat(FULL), text(FULL)], ids=["chat", "completions"])
def test_the_answer_is_read_whole(request_: Request) -> None:
    (answer,), _ = ask(fine, request_)
    assert answer.text == "three words here"
    assert answer.finish_reason == "stop"
    assert answer.model == "model-a"
    assert answer.prompt_tokens == (4 if isinstance(request_.prompt, ChatPrompt) else 2)
    assert answer.completion_tokens == 3
    assert answer.top_logprobs == {"three": -0.5, "four": -1.5}


def test_an_answer_cut_off_before_its_first_word_is_still_an_answer() -> None:
    (answer,), _ = ask(lambda _: ScriptedReply(None, finish_reason="length"), chat(PLAIN))
    assert (answer.text, answer.cut_off) == ("", True)


def test_what_is_missing_and_harmless_has_a_default() -> None:
    raw = b'{"choices": [{"message": {"content": "hi"}}]}'
    (answer,), _ = ask(lambda _: ScriptedReply(raw=raw), chat(PLAIN))
    tokens = estimate_prompt_tokens(chat(PLAIN))
    assert answer == Completion("hi", "unknown", "model-a", tokens, 1, is_estimated=True)


def test_nonsense_beside_the_text_is_left_out() -> None:
    reply = {
        "model": 7,
        "usage": {"prompt_tokens": "many", "completion_tokens": -3, "total_tokens": None},
        "choices": [{"text": "hi", "finish_reason": [7], "logprobs": {"content": [None]}}],
    }
    raw = json.dumps(reply).encode()
    (answer,), _ = ask(lambda _: ScriptedReply(raw=raw), text(PLAIN))
    tokens = estimate_prompt_tokens(text(PLAIN))
    assert answer == Completion("hi", "unknown", "model-a", tokens, 1, is_estimated=True)


def test_text_that_no_database_takes_is_made_storable() -> None:
    raw = rb'{"choices": [{"text": "a\u0000b\ud800c \ud83d\ude00"}]}'
    (answer,), _ = ask(lambda _: ScriptedReply(raw=raw), text(PLAIN))
    assert answer.text == "a\ufffdb\ufffdc \N{GRINNING FACE}"


def test_without_a_key_none_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    _, (call,) = ask(fine, chat(PLAIN), key=None)
    assert call.api_key == "none"


def wants_newer_name(call: ScriptedCall) -> ScriptedReply:
    if "max_tokens" in call.parameters:
        message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        error = {"message": message, "param": "max_tokens", "code": "unsupported_parameter"}
        return ScriptedReply(status=400, error=error)
    return ScriptedReply("ok")


def test_an_endpoint_that_wants_the_newer_name_of_the_length_gets_it_from_then_on() -> None:
    with scripted_server(wants_newer_name) as server:

        async def talk() -> None:
            provider = OpenAIProvider(server.base_url, None, "m", 5)
            # Together, so that each call learns for itself; then one that needs no lesson.
            await asyncio.gather(*(provider.complete(chat(PLAIN)) for _ in range(5)))
            before = server.counts.calls
            await provider.complete(chat(PLAIN))
            assert server.counts.calls == before + 1
            await provider.aclose()

        asyncio.run(talk())
        assert server.calls[-1].parameters["max_completion_tokens"] == 20


def test_an_endpoint_that_takes_neither_name_is_asked_twice_and_then_reported() -> None:
    def neither(call: ScriptedCall) -> ScriptedReply:
        name = "max_tokens" if "max_tokens" in call.parameters else "max_completion_tokens"
        return ScriptedReply(status=400, error={"message": f"{name} is not supported"})

    with scripted_server(neither) as server:
        with pytest.raises(RunError, match="max_completion_tokens"):
            asyncio.run(_ask(server.base_url, [chat(PLAIN)], None))
        assert server.counts.calls == 2


def test_a_length_that_is_too_large_is_lowered_and_not_taken_for_an_unknown_name() -> None:
    def too_large(call: ScriptedCall) -> ScriptedReply:
        if call.parameters["max_tokens"] <= 16:
            return ScriptedReply("ok")
        message = "max_tokens is too large: 20. This model supports at most 16."
        return ScriptedReply(status=400, error={"message": message, "param": "max_tokens"})

    answers, calls = ask(too_large, chat(PLAIN))
    assert [answer.text for answer in answers] == ["ok"]
    assert [call.parameters["max_tokens"] for call in calls] == [20, 16]


def test_an_endpoint_that_refuses_everything_by_name_is_asked_a_bounded_number_of_times() -> None:
    def grumpy(call: ScriptedCall) -> ScriptedReply:
        names = [name for name in call.body if name not in ("model", "messages")]
        return ScriptedReply(status=400, error={"message": f"{names[-1]} is not supported"})

    with scripted_server(grumpy) as server:
        with pytest.raises(RunError, match="max_completion_tokens is not supported"):
            asyncio.run(_ask(server.base_url, [chat(FULL, SCHEMA)], None))
        assert server.counts.calls < MAX_LESSONS


def test_a_refusal_that_only_quotes_a_parameter_is_not_remembered() -> None:
    """Content filters quote the prompt; what is left out then changes nothing."""

    def filtered(call: ScriptedCall) -> ScriptedReply:
        if "water" in call.messages[-1].content:
            message = "Not allowed: 'At which temperature does water boil?'"
            return ScriptedReply(status=400, error={"message": message})
        return ScriptedReply("ok")

    water = (Message("user", "At which temperature does water boil?"),)
    asked = Request(ChatPrompt(water), PLAIN, "test/chat@1")
    dialect = SharedDialect()

    async def talk(base_url: str) -> None:
        provider = OpenAIProvider(base_url, None, "m", 5, dialect)
        with pytest.raises(ProviderError):
            await provider.complete(asked)
        await provider.complete(chat(PLAIN))
        await provider.aclose()

    with scripted_server(filtered) as server:
        asyncio.run(talk(server.base_url))
        assert server.calls[-1].parameters["temperature"] == 1.0
    assert dialect.now == NOTHING_LEARNT


def test_a_reply_is_cut_at_the_stop_sequences_that_the_endpoint_refuses() -> None:
    def no_stop(call: ScriptedCall) -> ScriptedReply:
        if "stop" in call.parameters:
            return ScriptedReply(status=400, error={"message": "stop is not supported"})
        return ScriptedReply("one\n\ntwo")

    (answer,), calls = ask(no_stop, text(FULL))
    assert (answer.text, answer.finish_reason, len(calls)) == ("one", "stop", 2)


def test_a_reply_that_openai_reports_as_unfinished_is_one_that_was_cut_off() -> None:
    message = "Could not finish the message because max_tokens or model output limit was reached."
    reply = ScriptedReply(status=400, error={"message": message})
    (answer,), _ = ask(lambda _: reply, chat(PLAIN))
    assert (answer.text, answer.cut_off) == ("", True)


def test_at_temperature_0_no_top_p_is_sent() -> None:
    _, (call,) = ask(fine, text(Parameters(temperature=0.0, top_p=0.0, max_tokens=3)))
    assert call.parameters == {"temperature": 0.0, "max_tokens": 3}


@pytest.mark.parametrize("key", ["sk-caf\N{LATIN SMALL LETTER E WITH ACUTE}", "sk-1\nHost: x"])
def test_a_key_that_no_header_can_carry_is_a_fault_of_the_settings(key: str) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as caught:
        OpenAIProvider("http://127.0.0.1:9/v1", key, "m", 5)
    assert key not in str(caught.value)


def test_blanks_around_a_key_are_not_part_of_it() -> None:
    _, (call,) = ask(fine, chat(PLAIN), key=" sk-pasted\n")
    assert call.api_key == "sk-pasted"


def test_an_address_that_is_none_is_a_fault_of_the_settings() -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_BASE_URL"):
        OpenAIProvider("http://[broken/v1", None, "m", 5)


def test_further_headers_and_fields_are_sent_and_change_no_key() -> None:
    asked = replace(chat(PLAIN), extra_body={"temperature": 0.6, "provider": {"order": ["a"]}})
    headers = {"X-Title": "Seedbed", "Authorization": "none of this"}

    async def talk(base_url: str) -> None:
        provider = OpenAIProvider(base_url, "sk-1", "m", 5, extra_headers=headers)
        await provider.complete(asked)
        await provider.aclose()

    with scripted_server(fine) as server:
        asyncio.run(talk(server.base_url))
        (call,) = server.calls
    assert (call.headers["x-title"], call.api_key) == ("Seedbed", "sk-1")
    assert call.body["temperature"] == 0.6
    assert call.body["provider"] == {"order": ["a"]}


def test_a_further_field_that_is_refused_is_no_lesson() -> None:
    """A person has asked for it, so a person has to know."""

    def refuse(_: ScriptedCall) -> ScriptedReply:
        message = "Unknown parameter: 'provider'."
        error = {"message": message, "param": "provider", "code": "unknown_parameter"}
        return ScriptedReply(status=400, error=error)

    with scripted_server(refuse) as server:
        asked = replace(chat(PLAIN), extra_body={"provider": {}})
        with pytest.raises(RunError, match="provider"):
            asyncio.run(_ask(server.base_url, [asked], None))
        assert server.counts.calls == 1
