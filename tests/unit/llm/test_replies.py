"""No reply, however strange, ends as anything but an answer or a trouble of the item."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import ItemError, NoAnswer, NoText, Outage
from app.llm.classify_errors import Failure
from app.llm.openai_provider import OpenAIProvider
from app.llm.replies import json_object, read_completion, read_plain, read_reply
from app.llm.scripted.server import ScriptedReply, scripted_server
from app.pipeline.types import Completion, Parameters, Request, TextPrompt

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
TOPS = st.fixed_dictionaries({}, optional={"token": ANYTHING, "logprob": ANYTHING})
LOGPROBS = st.fixed_dictionaries(
    {},
    optional={
        "content": st.lists(st.fixed_dictionaries({"top_logprobs": st.lists(TOPS)}) | ANYTHING),
        "top_logprobs": st.lists(st.dictionaries(st.text(max_size=3), ANYTHING) | ANYTHING),
    },
)
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "thinking", "image"]) | ANYTHING},
    optional={"text": ANYTHING, "thinking": ANYTHING, "thought": st.booleans()},
)
PARTS = st.lists(PART | ANYTHING, max_size=3)
CHOICE = st.fixed_dictionaries(
    {"finish_reason": st.sampled_from(["stop", "length", "content_filter", "error"]) | ANYTHING},
    optional={
        "text": st.text(st.characters(exclude_categories=())) | ANYTHING,
        "message": st.fixed_dictionaries(
            {"content": PARTS | ANYTHING, "refusal": ANYTHING}, optional={"reasoning": PARTS}
        )
        | ANYTHING,
        "logprobs": LOGPROBS | ANYTHING,
    },
)
USAGE = st.fixed_dictionaries({"prompt_tokens": ANYTHING, "completion_tokens": ANYTHING})
REPLY = st.fixed_dictionaries(
    {"choices": st.lists(CHOICE | ANYTHING, max_size=2) | ANYTHING},
    optional={"usage": USAGE | ANYTHING, "model": ANYTHING},
)
# Hypothesis reads the Unicode tables for its first text: on a busy machine that takes seconds.
unhurried = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@unhurried
@given(REPLY)
def test_no_reply_raises_anything_else(reply: dict[str, object]) -> None:
    try:
        answer = read_completion(json_object(json.dumps(reply).encode()), "m")
    except (ItemError, Outage) as trouble:
        str(trouble).encode()
        return
    answer.text.encode()
    assert "\0" not in answer.text + (answer.reasoning or "")
    assert answer.prompt_tokens >= 0
    json.dumps(dict(answer.top_logprobs or {}), allow_nan=False)


@unhurried
@given(st.binary(max_size=200))
def test_no_body_raises_anything_else(body: bytes) -> None:
    try:
        assert isinstance(read_completion(json_object(body), "m"), Completion)
    except ItemError as trouble:
        str(trouble).encode()


def test_an_answer_that_is_none_has_its_usage_all_the_same() -> None:
    counts = {"prompt_tokens": 5, "completion_tokens": 2}
    for usage, expected in ((counts, (5, 2)), (None, None), ({"prompt_tokens": 5}, None)):
        with pytest.raises(ItemError) as caught:
            read_reply({"id": "c1", "model": "m", "choices": [], "usage": usage}, "m", {})
        assert caught.value.usage == expected


def test_the_usage_of_an_answer_that_is_none_comes_over_http() -> None:
    raw = b'{"choices": [], "usage": {"input_tokens": 5, "output_tokens": 2}}'
    request = Request(TextPrompt("?"), Parameters(1.0, 1.0, 9), "test@1")

    async def ask(base_url: str) -> None:
        provider = OpenAIProvider(base_url, None, "m", 9)
        try:
            await provider.complete(request)
        finally:
            await provider.aclose()

    with (
        scripted_server(lambda _: ScriptedReply(raw=raw)) as server,
        pytest.raises(ItemError) as caught,
    ):
        asyncio.run(ask(server.base_url))
    assert (caught.value.may_be_paid, caught.value.usage) == (True, (5, 2))


def test_of_two_tokens_with_the_same_text_the_likelier_counts() -> None:
    rows = [{"token": "Yes", "logprob": -3}, {"token": "Yes", "logprob": -1.5}]
    logprobs = {"content": [{"token": "Yes", "top_logprobs": rows}]}
    reply = {"choices": [{"text": "Yes", "logprobs": logprobs}]}
    assert read_completion(reply, "m").top_logprobs == {"Yes": -1.5}


@pytest.mark.parametrize("length", [100, 4094, 4095, 5000])
def test_a_plain_text_is_read_wherever_its_beginning_ends(length: int) -> None:
    body = ("x" * length + "é" * 2000).encode()
    failure = read_plain(body, {})
    assert failure is not None
    assert failure.words.startswith("xxx")


@pytest.mark.parametrize(
    ("body", "words"),
    [(b'"Unauthorized"', "Unauthorized"), (b' "Please \\"top up\\"" ', 'Please "top up"')],
)
def test_a_text_in_quotes_is_read_like_any_other_text(body: bytes, words: str) -> None:
    failure = read_plain(body, {})
    assert failure is not None
    assert failure.words == words


@pytest.mark.parametrize("body", [b"", b" ", b"null", b"[]", b"{}", b'{"choices": null}'])
def test_a_reply_with_nothing_in_it_is_no_answer(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        read_completion(json_object(body), "m")


def test_an_object_alone_in_a_list_is_read() -> None:
    reply = json_object(b'[{"error": {"code": 403, "message": "billing disabled"}}]')
    answer = read_reply(reply, "m", {})
    assert isinstance(answer, Failure)
    assert answer.status == 403


def test_an_empty_reply_with_usage_may_be_about_its_text() -> None:
    for reply in ({"choices": [], "usage": {"prompt_tokens": 5}}, {"choices": [{"text": None}]}):
        with pytest.raises(ItemError) as caught:
            read_completion(reply, "m")
        assert type(caught.value) is NoText


@pytest.mark.parametrize(
    "body", [b'"', b'"cut off', b'""', b"text\xff", b"text\xc3", b"", b"null", b"{"]
)
def test_other_bytes_are_no_plain_text(body: bytes) -> None:
    assert read_plain(body, {}) is None
