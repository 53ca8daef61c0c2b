"""Streams that nobody asked for, read as the reply that they make."""

import asyncio
import json

import pytest

from app.errors import Outage, ProviderError, Throttled
from app.llm.answers.stream import is_stream, joined_stream
from app.llm.classify_errors import Failure, classify
from app.llm.openai_provider import OpenAIProvider
from app.llm.replies import read_reply
from app.llm.scripted.server import ScriptedReply, scripted_server
from app.pipeline.types import ChatPrompt, Completion, Message, Parameters, Request


def events(*chunks: object, end: str = "data: [DONE]\n\n") -> bytes:
    lines = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    return ("".join(f"data: {line}\n\n" for line in lines) + end).encode()


def delta(finish_reason: str | None = None, **values: object) -> dict[str, object]:
    choice = {"index": 0, "delta": values, "finish_reason": finish_reason}
    return {"id": "c1", "model": "m2", "choices": [choice], "usage": None}


def read(body: bytes) -> Completion | Failure:
    return read_reply(joined_stream(body), "m", {})


USAGE = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}
TOKEN = {"token": "Ye", "top_logprobs": [{"token": "Ye", "logprob": -0.5}]}


def test_deltas_become_one_answer() -> None:
    first = delta(role="assistant", content="")
    thought = delta(reasoning_content="Hm.")
    answer = read(events(first, thought, delta(content="Ye"), delta("stop", content="s"), USAGE))
    assert isinstance(answer, Completion)
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("Yes", "Hm.", "stop")
    assert (answer.prompt_tokens, answer.completion_tokens) == (5, 2)
    assert (answer.model, answer.reply_id) == ("m2", "c1")


def test_comments_names_of_events_and_carriage_returns_do_no_harm() -> None:
    body = events(delta(content="Yes"), delta("stop")).replace(b"\n", b"\r\n")
    for before in (b"", b": OPENROUTER PROCESSING\r\n\r\nevent: message\r\n", b"\xef\xbb\xbf"):
        answer = read(before + body)
        assert isinstance(answer, Completion)
        assert answer.text == "Yes"


def test_logprobs_and_the_completions_form_are_read() -> None:
    logprobs = {"logprobs": {"content": [TOKEN]}}
    chat = read(events({"choices": [{"delta": {"content": "Yes"}, **logprobs}]}))
    text = read(events({"choices": [{"text": "Ye"}]}, {"choices": [{"text": "s"}]}))
    assert isinstance(chat, Completion)
    assert chat.top_logprobs == {"Ye": -0.5}
    assert isinstance(text, Completion)
    assert text.text == "Yes"


def test_parts_in_deltas_are_joined() -> None:
    thinking = delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}])
    answer = read(events(thinking, delta("stop", content="Yes")))
    assert isinstance(answer, Completion)
    assert (answer.text, answer.reasoning) == ("Yes", "Hm")


@pytest.mark.parametrize(
    "error",
    [
        'data: {"error": {"message": "Slow down", "code": 429}}\n\n',
        'event: error\ndata: {"message": "Slow down", "code": 429}\n\n',
        "event: error\ndata: Too many requests\n\n",
    ],
)
def test_an_error_in_the_middle_is_an_error(error: str) -> None:
    answer = read(events(delta(content="Ye"), end=error))
    assert isinstance(answer, Failure)
    assert answer.words in ("Slow down", "Too many requests")
    assert answer.is_begun


def test_an_outage_after_the_first_words_may_be_paid() -> None:
    error = 'data: {"error": {"message": "Internal error", "code": 500}}\n\n'
    for chunks, is_paid in (((delta(content="Ye"),), True), ((), False)):
        answer = read(events(*chunks, end=error))
        assert isinstance(answer, Failure)
        assert classify(answer, now_at_s=0).may_be_paid is is_paid


def test_a_stream_that_was_cut_off_is_an_outage() -> None:
    with pytest.raises(Outage, match="broke off") as caught:
        read(events(delta(content="Ye"), end=""))
    assert caught.value.may_be_paid


def test_a_stream_without_its_last_line_is_whole_when_it_has_a_finish_reason() -> None:
    answer = read(events(delta(content="Yes"), delta("length"), end=""))
    assert isinstance(answer, Completion)
    assert answer.cut_off


@pytest.mark.parametrize(
    ("kind", "body", "is_one"),
    [
        ("text/event-stream; charset=utf-8", b"", True),
        ("application/json", b"data: {}", True),
        ("application/json", b": ping", True),
        ("application/json", b":\r\n\r\ndata: {}", True),
        ("text/plain", b"\xef\xbb\xbfdata: {}", True),
        ("application/json", b' {"choices": []}', False),
    ],
)
def test_a_stream_is_recognised(kind: str, body: bytes, *, is_one: bool) -> None:
    assert is_stream({"content-type": kind}, body) is is_one


def test_the_provider_reads_a_stream_over_http() -> None:
    request = Request(ChatPrompt((Message("user", "hi"),)), Parameters(1.0, 1.0, 20), "t@1")
    bodies = [
        events(delta(content="Yes"), delta("stop"), USAGE),
        events(delta(content="Y"), end='data: {"error": {"message": "Slow", "code": 429}}\n\n'),
    ]

    async def ask() -> list[Completion | ProviderError]:
        provider = OpenAIProvider(server.base_url, None, "m", 5)
        found: list[Completion | ProviderError] = []
        for _ in bodies:
            try:
                found.append(await provider.complete(request))
            except ProviderError as trouble:
                found.append(trouble)
        await provider.aclose()
        return found

    with scripted_server(
        lambda call: ScriptedReply(raw=bodies[call.n - 1], content_type="text/event-stream")
    ) as server:
        answer, trouble = asyncio.run(ask())
    assert isinstance(answer, Completion)
    assert answer.text == "Yes"
    assert isinstance(trouble, Throttled)


def test_usage_is_read_from_the_last_choice_and_from_the_last_chunk() -> None:
    counts = {"prompt_tokens": 5, "completion_tokens": 2}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": counts}]}
    groq = {**delta("stop"), "x_groq": {"id": "r", "usage": counts}}
    for end in (last, groq):
        answer = read(events(delta(content="Yes"), end))
        assert isinstance(answer, Completion)
        assert (answer.prompt_tokens, answer.completion_tokens) == (5, 2)
        assert not answer.is_estimated
