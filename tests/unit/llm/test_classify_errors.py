"""Each row of the trouble table, as a real server over HTTP shows it."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from app.errors import (
    ContextExceeded,
    ItemError,
    NoAnswer,
    NoText,
    Outage,
    ParameterError,
    ProviderError,
    RunError,
    TextFiltered,
    Throttled,
)
from app.llm.classify_errors import TABLE, Failure, classify
from app.llm.connections import MAX_BYTES
from app.llm.failures.error_bodies import failure_of_body
from app.llm.failures.waits import retry_after_s
from app.llm.openai_provider import OpenAIProvider
from app.llm.scripted.server import ScriptedReply, scripted_server
from app.pipeline.types import (
    ChatPrompt,
    Completion,
    Message,
    Parameters,
    Request,
)

KEY = "sk-test-0123456789abcdef"
REQUEST = Request(
    ChatPrompt((Message("user", "hello there"),)), Parameters(0.7, 1.0, 20), "test/chat@1"
)


async def ask(base_url: str, timeout_s: float, api_key: str) -> Completion | ProviderError:
    provider = OpenAIProvider(base_url, api_key, "model-a", timeout_s)
    try:
        return await provider.complete(REQUEST)
    except ProviderError as trouble:
        return trouble
    finally:
        await provider.aclose()


class Endpoint:
    """A real server that gives the reply it is asked for."""

    def __init__(self) -> None:
        self.reply = ScriptedReply()
        self.base_url = ""

    def answer(
        self, reply: ScriptedReply, timeout_s: float = 5.0, api_key: str = KEY
    ) -> Completion | ProviderError:
        self.reply = reply
        return asyncio.run(ask(self.base_url, timeout_s, api_key))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    with scripted_server(lambda _: endpoint.reply) as server:
        endpoint.base_url = server.base_url
        yield endpoint


def problem(status: int, message: str, code: object = None, **more: str) -> ScriptedReply:
    return ScriptedReply(status=status, error={"message": message, "code": code, **more})


class Case(NamedTuple):
    name: str
    reply: ScriptedReply
    kind: type[ProviderError]
    says: str
    """The provider's words, or what to do: must be in the message."""


CASES = (
    Case("429", problem(429, "Slow down"), Throttled, "Slow down"),
    Case(
        "429 about tokens per minute",
        problem(429, "Request too large: limit 30000 tokens; reduce the length of the messages"),
        Throttled,
        "limit 30000",
    ),
    Case("500", problem(500, "It broke"), Outage, "It broke"),
    Case(
        "500 with 10 MB",
        ScriptedReply(status=500, raw=b"So sorry. " * 1_000_000),
        Outage,
        "So sorry.",
    ),
    Case("503", problem(503, "Overloaded"), Outage, "Overloaded"),
    Case("529", problem(529, "Overloaded"), Outage, "Overloaded"),
    Case(
        "502 of a gateway",
        ScriptedReply(
            status=502, raw=b"<html><h1>502 Bad Gateway</h1></html>", content_type="text/html"
        ),
        Outage,
        "502 Bad Gateway",
    ),
    Case("408", problem(408, "Too slow"), Outage, "Too slow"),
    Case("cut off", ScriptedReply("many words " * 90, cut_off=True), Outage, "127.0.0.1"),
    Case(
        "a page with status 200",
        ScriptedReply(raw=b"<!doctype html><p>Welcome!</p>", content_type="text/html"),
        Outage,
        "OPENAI_BASE_URL",
    ),
    Case("broken JSON", ScriptedReply(raw=b'{"choices": [{"mess'), ItemError, "broken JSON"),
    Case("no JSON object", ScriptedReply(raw=b"[1, 2]"), NoAnswer, "no JSON object"),
    Case("null", ScriptedReply(raw=b"null"), NoAnswer, "no JSON object"),
    Case("deep JSON", ScriptedReply(raw=b"[" * 200_000), ItemError, "broken JSON"),
    Case("empty body", ScriptedReply(raw=b""), NoAnswer, "empty"),
    Case("no choices", ScriptedReply(raw=b'{"choices": []}'), NoAnswer, "any choice"),
    Case("null choices", ScriptedReply(raw=b'{"choices": null}'), NoAnswer, "any choice"),
    Case("null content", ScriptedReply(text=None), NoText, "without text"),
    Case(
        "refusal",
        ScriptedReply(raw=b'{"choices": [{"message": {"content": null, "refusal": "I wont"}}]}'),
        ItemError,
        "I wont",
    ),
    Case(
        "filtered answer",
        ScriptedReply("half an ans", finish_reason="content_filter"),
        TextFiltered,
        "filter",
    ),
    Case("10 MB", ScriptedReply("x" * 10_000_000), ItemError, f"{MAX_BYTES:,}"),
    Case(
        "too long for OpenAI",
        problem(400, "maximum context length is 8192 tokens", "context_length_exceeded"),
        ContextExceeded,
        "8192",
    ),
    Case(
        "too long for vLLM",
        problem(400, "'max_tokens' is too large: 900. This model's maximum context length is 512"),
        ContextExceeded,
        "512",
    ),
    Case(
        "too long for llama.cpp",
        problem(400, "request exceeds", 400, type="exceed_context_size_error"),
        ContextExceeded,
        "request exceeds",
    ),
    Case("filtered prompt", problem(400, "No", "content_filter"), TextFiltered, "filter"),
    Case("413", problem(413, "Too large"), ItemError, "Too large"),
    Case("400 about the text", problem(400, "I do not like it"), ItemError, "I do not like it"),
    Case("401", problem(401, "Wrong key", "invalid_api_key"), RunError, "OPENAI_API_KEY"),
    Case("402", problem(402, "Pay first"), RunError, "credit"),
    Case("403", problem(403, "Not you"), RunError, "Not you"),
    Case(
        "insufficient_quota comes as 429",
        problem(429, "You exceeded your current quota", "insufficient_quota"),
        RunError,
        "credit or quota",
    ),
    Case("404 model", problem(404, "No model x", "model_not_found"), RunError, "SEEDBED_MODEL"),
    Case(
        "400 model",
        problem(400, "The model `x` does not exist"),
        RunError,
        "SEEDBED_MODEL",
    ),
    Case("404 path", problem(404, "Not Found"), RunError, "OPENAI_BASE_URL"),
    Case(
        "400 parameter",
        problem(400, "Unsupported value", "unsupported_value", param="temperature"),
        ParameterError,
        "sampling options",
    ),
    Case(
        "422 parameter",
        problem(422, "logprobs is not supported by this server"),
        ParameterError,
        "logprobs",
    ),
    Case("304", ScriptedReply(status=304), RunError, "OPENAI_BASE_URL"),
    Case(
        "a throttle with status 200",
        ScriptedReply(raw=b'{"error": {"message": "Slow down", "code": 429}}'),
        Throttled,
        "Slow down",
    ),
    Case(
        "a limit per day",
        problem(429, "Rate limit exceeded: free-models-per-day"),
        RunError,
        "resets",
    ),
    Case("400 when busy", problem(400, "The engine is busy"), Throttled, "is busy"),
    Case(
        "http instead of https",
        problem(400, "The plain HTTP request was sent to HTTPS port"),
        RunError,
        "begin with https",
    ),
    Case("a health page", ScriptedReply(raw=b'{"status": "ok"}'), RunError, "OPENAI_BASE_URL"),
    Case("a word", ScriptedReply(raw=b"Ollama is running"), RunError, "Ollama is running"),
    Case("a throttle in words", ScriptedReply(raw=b"Too many requests"), Throttled, "Too many"),
    Case(
        "an error beside null choices",
        ScriptedReply(
            raw=b'{"choices": null, "error": {"message": "Provider returned error", "code": 429,'
            b' "metadata": {"raw": "Too Many Requests"}}}'
        ),
        Throttled,
        "Too Many Requests",
    ),
    Case(
        "an error in a choice",
        ScriptedReply(raw=b'{"choices": [{"error": {"code": 502, "message": "It fell over"}}]}'),
        Outage,
        "It fell over",
    ),
    Case(
        "a status object of a vendor",
        ScriptedReply(
            raw=b'{"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}'
        ),
        RunError,
        "insufficient balance",
    ),
    Case(
        "an answer that was broken off",
        ScriptedReply("half an ans", finish_reason="insufficient_system_resource"),
        Outage,
        "broke off",
    ),
    Case(
        "a model that does not fit",
        ScriptedReply(
            status=500,
            error={"message": "model requires more system memory (8.4 GiB) than is available"},
        ),
        RunError,
        "8.4 GiB",
    ),
    Case(
        "thoughts have to be switched off",
        ScriptedReply(
            status=400,
            error={"message": "enable_thinking must be set to false for non-streaming calls"},
        ),
        RunError,
        "enable_thinking",
    ),
    Case(
        "an error in words with status 200",
        ScriptedReply(raw=b'{"error": "out of luck"}'),
        ItemError,
        "out of luck",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_table_tells_this_kind_and_keeps_the_words(case: Case, endpoint: Endpoint) -> None:
    trouble = endpoint.answer(case.reply)
    assert type(trouble) is case.kind, trouble
    assert case.says in str(trouble)
    assert len(str(trouble)) < 1000


def test_every_row_of_the_table_is_met_by_a_case(endpoint: Endpoint) -> None:
    # These have tests of their own, below and in `test_connections`.
    met = {"time-out", "connection", "address", "certificate", "proxy", "circle"}
    for case in CASES:
        trouble = str(endpoint.answer(case.reply))
        met |= {row.name for row in TABLE if trouble.endswith(row.advice)}
    assert met == {row.name for row in TABLE}


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After-Ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "inf"}, None),
    ],
)
def test_retry_after_reaches_the_throttle(
    headers: dict[str, str], wait_s: float | None, endpoint: Endpoint
) -> None:
    trouble = endpoint.answer(ScriptedReply(status=429, error={"message": "wait"}, headers=headers))
    assert isinstance(trouble, Throttled)
    assert trouble.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("headers", "body", "wait_s"),
    [
        ({"Retry-After": "7"}, "", 7),
        (
            {
                "Retry-After": "Mon, 21 Sep 2026 14:14:20 GMT",
                "Date": "Mon, 21 Sep 2026 14:13:20 GMT",
            },
            "",
            60,
        ),
        # Hugging Face.
        ({}, {"error": "Model m is currently loading", "estimated_time": 20.5}, 20.5),
        # Cloudflare.
        ({}, {"title": "Error 522: Connection timed out", "retry_after": 120}, 120),
        ({}, {"error": {"message": "Overloaded. Please try again in 30 seconds."}}, 30),
        # The headers of a rate limit stand in every reply, and are about something else.
        ({"x-ratelimit-reset-requests": "59m"}, "", None),
        ({}, "Bad gateway", None),
    ],
)
@pytest.mark.parametrize("status", [503, 522])
def test_the_wait_that_an_endpoint_asks_for_reaches_the_outage(
    headers: dict[str, str], body: object, wait_s: float | None, status: int
) -> None:
    trouble = classify(failure_of_body(body, status, headers), 1_790_000_000.0)
    assert isinstance(trouble, Outage)
    assert trouble.retry_after_s == wait_s


def test_retry_after_as_a_date_counts_from_the_date_of_the_reply() -> None:
    headers = {
        "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
        "date": "Wed, 21 Oct 2026 07:28:00 GMT",
    }
    assert retry_after_s(headers, now_at_s=0) == 30
    del headers["date"]
    assert retry_after_s(headers, now_at_s=1792567700) == 10
    assert retry_after_s(headers, now_at_s=1792567800) == 0


def test_a_refused_connection_is_an_outage_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    trouble = asyncio.run(ask(f"http://127.0.0.1:{port}/v1", 5, KEY))
    assert type(trouble) is Outage
    assert "OPENAI_BASE_URL" in str(trouble)
    assert f"127.0.0.1:{port}" in str(trouble)


def test_an_address_without_a_scheme_is_trouble_of_the_run() -> None:
    trouble = asyncio.run(ask("localhost:8000/v1", 5, KEY))
    assert type(trouble) is RunError
    assert "http://" in str(trouble)


@pytest.mark.parametrize(
    "reply",
    [ScriptedReply(delay_s=30), ScriptedReply("many words", trickle_s=0.1)],
    ids=["hangs", "trickles"],
)
def test_a_call_ends_as_an_outage_when_its_whole_time_is_over(
    reply: ScriptedReply, endpoint: Endpoint
) -> None:
    began_s = time.monotonic()
    trouble = endpoint.answer(reply, timeout_s=0.4)
    assert type(trouble) is Outage
    assert "SEEDBED_REQUEST_TIMEOUT_S" in str(trouble)
    assert time.monotonic() - began_s < 3


ECHOES: dict[str, Callable[[str], ScriptedReply]] = {
    "401": lambda key: problem(401, f"Incorrect API key provided: {key}."),
    "500": lambda key: ScriptedReply(status=500, raw=f"trace: Bearer {key}".encode()),
    "broken JSON": lambda key: ScriptedReply(raw=f'{{"you sent": "{key}'.encode()),
    "page": lambda key: ScriptedReply(raw=f"<p>{key}</p>".encode(), content_type="text/html"),
    "masked": lambda key: problem(401, f"Incorrect API key: {key[:8]}****{key[-4:]}"),
}


@pytest.mark.parametrize("key", [KEY, "letmein+/="])
@pytest.mark.parametrize("echo", ECHOES)
def test_the_key_is_never_in_the_trouble_or_what_hangs_on_it(
    echo: str, key: str, endpoint: Endpoint
) -> None:
    trouble = endpoint.answer(ECHOES[echo](key), api_key=key)
    assert isinstance(trouble, ProviderError)
    assert key not in str(trouble)
    assert key[-4:] not in str(trouble) or not key.startswith("sk-")
    assert trouble.__cause__ is None
    assert trouble.__context__ is None


def test_the_words_are_kept_short_and_on_one_line() -> None:
    trouble = classify(Failure("status", "line\n" * 10_000, status=500), now_at_s=0)
    assert "\n" not in str(trouble)
    assert len(str(trouble)) < 1000
