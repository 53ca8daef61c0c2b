"""The HTTP side, asked by the openai client and by worse ones; a script answers."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from app.dataset_row import Exchange, Record
from app.errors import StackError, TooLong
from app.serving.answerer import AnswerChunks, AnswerStream, Question
from app.serving.application import build_app
from app.training.plain.sampling_options import AnswerChunk, SamplingOptions
from tests.servers.served import served

Json = dict[str, Any]


class ScriptedAnswerer:
    """Answers with its own words, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.words: list[str] = ["Well", ", yes", "."]
        self.on_the_way: Callable[[int], None] = lambda _: None
        self.finish = threading.Event()

    def answer(self, question: Question) -> AnswerStream:
        self.asked.append(question)
        if question.record.instruction == "too long":
            raise TooLong("It is too long.")
        return AnswerStream(7, self._pieces(question))

    def check(self) -> None:
        pass

    def _pieces(self, question: Question) -> AnswerChunks:
        try:
            for place, word in enumerate(self.words):
                self.on_the_way(place)
                reported = ({"token": word, "logprob": -0.5, "bytes": None, "top_logprobs": []},)
                yield AnswerChunk(
                    word, logprobs=reported if question.top_logprobs is not None else ()
                )
            yield AnswerChunk("", "stop", 4)
        finally:
            self.finish.set()


@pytest.fixture
def answerer() -> ScriptedAnswerer:
    return ScriptedAnswerer()


@pytest.fixture
def client(answerer: ScriptedAnswerer) -> Iterator[openai.OpenAI]:
    with served(build_app(answerer, "training_1")) as client:
        yield client


def posted(client: openai.OpenAI, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(
        f"{client.base_url}chat/completions",
        content=content,
        headers={"Content-Type": "application/json", **headers},
        trust_env=False,
    )


def posted_and_left(client: openai.OpenAI, body: Json, until: Callable[[], object]) -> None:
    """Send a request, and close the connection without having read the answer."""
    content = json.dumps(body).encode()
    url = client.base_url
    head = (
        f"POST {url.path}chat/completions HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((url.host, url.port)) as connection:
        connection.sendall(head.encode() + content)
        until()


def chat(words: str = "Hello?", **fields: Any) -> Json:
    return {"model": "tuned", "messages": [{"role": "user", "content": words}], **fields}


def streamed(client: openai.OpenAI, **fields: Any) -> list[ChatCompletionChunk]:
    messages: list[Any] = [{"role": "user", "content": "Hello?"}]
    stream: Any = client.chat.completions.create(
        model="tuned", messages=messages, stream=True, **fields
    )
    return list(stream)


def test_a_chat_is_answered_with_its_end_and_its_tokens(
    client: openai.OpenAI, answerer: ScriptedAnswerer
) -> None:
    answer = client.chat.completions.create(**chat())
    assert answer.choices[0].message.content == "Well, yes."
    assert (answer.choices[0].finish_reason, answer.model) == ("stop", "tuned")
    assert answer.usage is not None
    assert answer.usage.to_dict() == {
        "prompt_tokens": 7,
        "completion_tokens": 4,
        "total_tokens": 11,
    }
    assert answerer.asked == [Question(Record("Hello?", ""), tuned=True)]


def test_the_models_name_says_whether_the_tuned_one_is_asked(
    client: openai.OpenAI, answerer: ScriptedAnswerer
) -> None:
    assert [model.id for model in client.models.list()] == ["tuned", "training_1", "base"]
    assert client.models.retrieve("training_1").owned_by == "seedbed"
    for model in client.models.list():
        client.chat.completions.create(**chat() | {"model": model.id})
    assert [question.tuned for question in answerer.asked] == [True, True, False]


def test_all_that_is_wished_arrives(client: openai.OpenAI, answerer: ScriptedAnswerer) -> None:
    client.chat.completions.create(
        **chat(
            max_completion_tokens=9,
            temperature=0.0,
            top_p=0.5,
            stop=["\n", "END"],
            seed=3,
            presence_penalty=0.25,
            frequency_penalty=-0.5,
            logprobs=True,
            top_logprobs=5,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "x", "strict": True, "schema": {"type": "integer"}},
            },
            extra_body={"input": "w1"},
        )
    )
    assert answerer.asked == [
        Question(
            Record("Hello?", "", "w1"),
            tuned=True,
            sampling=SamplingOptions(0.0, 0.5, ("\n", "END"), 3, 0.25, -0.5),
            max_tokens=9,
            schema={"type": "integer"},
            top_logprobs=5,
        )
    ]


def test_turns_become_a_row_as_it_is_tuned_on(
    client: openai.OpenAI, answerer: ScriptedAnswerer
) -> None:
    parts: list[Any] = [{"type": "text", "text": "Say "}, {"type": "text", "text": "1."}]
    client.chat.completions.create(
        model="tuned",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": parts},
            {"role": "assistant", "content": "1"},
            {"role": "user", "content": "Now\0 2."},
        ],
    )
    wanted = Record(
        "Now\N{REPLACEMENT CHARACTER} 2.", "", "", "Be brief.", (Exchange("Say 1.", "1"),)
    )
    assert answerer.asked[0].record == wanted


def test_half_a_character_is_reported_as_one_that_cannot_be_read(
    client: openai.OpenAI, answerer: ScriptedAnswerer
) -> None:
    assert posted(client, chat("x\ud800")).status_code == 200
    assert answerer.asked[0].record.instruction == "x\N{REPLACEMENT CHARACTER}"


def test_a_stream_has_the_same_words_and_its_usage_where_wished(client: openai.OpenAI) -> None:
    chunks = streamed(client, stream_options={"include_usage": True})
    deltas = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert deltas == ["", "Well", ", yes", ".", None]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 11
    assert len({chunk.id for chunk in chunks}) == 1
    assert not any(chunk.usage for chunk in streamed(client))


def test_log_probabilities_are_reported_where_asked_for(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**chat(logprobs=True))
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert [each.token for each in logprobs.content or ()] == ["Well", ", yes", "."]
    assert client.chat.completions.create(**chat()).choices[0].logprobs is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (chat(temperature=3), "temperature"),
        (chat(max_tokens=0), "max_tokens"),
        (chat(n=2), "n"),
        (chat(tools=[]), "tools"),
        ({"messages": [{"role": "user", "content": "x"}]}, "model"),
        ({"model": "tuned", "messages": []}, "messages"),
        ({"model": "tuned", "messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"model": "tuned", "messages": [{"role": "assistant", "content": "x"}]}, "messages"),
        ({"model": "tuned", "messages": [{"role": "system", "content": "x"}]}, "messages"),
        (chat() | {"messages": [{"role": "user", "content": "x"}] * 2}, "messages"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(
    client: openai.OpenAI, answerer: ScriptedAnswerer, body: Any, param: str | None
) -> None:
    answer = posted(client, body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]
    assert answerer.asked == []


def test_an_unknown_model_or_path_is_reported(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="tuned, training_1, base") as caught:
        client.chat.completions.create(**chat() | {"model": "gpt-4"})
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="tuned", input="x")


def test_a_prompt_that_is_too_long_is_reported_by_its_code(client: openai.OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**chat("too long", stream=stream))
        assert caught.value.code == "context_length_exceeded"


def test_a_failure_at_the_beginning_has_a_status(
    client: openai.OpenAI, answerer: ScriptedAnswerer
) -> None:
    def fail(_: int) -> None:
        raise StackError("It has ended.")

    answerer.on_the_way = fail
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(**chat(stream=stream))
        assert caught.value.status_code == 503
        assert "It has ended." in caught.value.message


def test_a_failure_on_the_way_ends_the_stream_with_its_words(
    client: openai.OpenAI, answerer: ScriptedAnswerer
) -> None:
    def fail(place: int) -> None:
        if place == 2:
            raise StackError("It has ended.")

    answerer.on_the_way = fail
    with pytest.raises(openai.APIError, match="It has ended"):
        streamed(client)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_nobody_waits_for_is_ended(
    client: openai.OpenAI, answerer: ScriptedAnswerer, stream: bool
) -> None:
    answering = threading.Event()

    def on_the_way(_: int) -> None:
        answering.set()
        time.sleep(0.02)

    # For more than half an hour, unless it is ended.
    answerer.words = ["on and on "] * 100_000
    answerer.on_the_way = on_the_way
    posted_and_left(client, chat(stream=stream), until=lambda: answering.wait(60))
    assert answering.is_set()
    assert answerer.finish.wait(60)


def test_a_page_of_another_name_or_form_is_refused(client: openai.OpenAI) -> None:
    assert posted(client, chat(), Host="evil.example:80").status_code == 400
    # What a browser sends to other origins without asking them first.
    assert posted(client, chat(), **{"Content-Type": "text/plain"}).status_code == 400


def test_its_health_is_reported(client: openai.OpenAI) -> None:
    url = str(client.base_url).replace("/v1/", "/health")
    assert httpx.get(url, trust_env=False).json() == {"status": "ok"}


def test_an_answer_can_be_put_into_the_next_request_as_it_came(
    client: openai.OpenAI, answerer: ScriptedAnswerer
) -> None:
    messages: list[Any] = [{"role": "user", "content": "Hello?"}]
    messages.append(client.chat.completions.create(**chat()).choices[0].message)
    messages.append({"role": "user", "content": "Really?"})
    client.chat.completions.create(model="tuned", messages=messages)
    assert answerer.asked[-1].record == Record(
        "Really?", "", "", "", (Exchange("Hello?", "Well, yes."),)
    )
    nulls = chat(tools=None, stop=None, response_format=None)
    assert posted(client, nulls).status_code == 200


def test_many_that_wait_for_their_turn_keep_nobody_else_from_an_answer(
    client: openai.OpenAI, answerer: ScriptedAnswerer
) -> None:
    turn = threading.Event()
    started = threading.Semaphore(0)

    def wait(place: int) -> None:
        if place == 0 and answerer.asked[-1].record.instruction != "now":
            started.release()
            assert turn.wait(30)

    answerer.on_the_way = wait
    with ThreadPoolExecutor(60) as many:
        waiting = [many.submit(posted, client, chat("wait")) for _ in range(60)]
        for _ in waiting:
            assert started.acquire(timeout=20)
        try:
            assert client.with_options(timeout=5).models.list().data
            answer = client.with_options(timeout=5).chat.completions.create(**chat("now"))
            assert answer.choices[0].message.content == "Well, yes."
        finally:
            turn.set()
    assert [each.result().status_code for each in waiting] == [200] * 60


@pytest.mark.parametrize("stream", [False, True])
def test_answers_under_way_are_reported_that_the_server_stops(
    answerer: ScriptedAnswerer, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answerer.words = ["on and on "] * 1000
    answerer.on_the_way = lambda _: time.sleep(0.3)
    with ThreadPoolExecutor(1) as pool:
        with served(build_app(answerer, "training_1")) as client:
            asking = pool.submit(posted, client, chat(stream=stream))
            until = time.monotonic() + 10
            while not answerer.asked:
                assert time.monotonic() < until
                time.sleep(0.01)
        answer = asking.result(10)
    assert answer.status_code == (200 if stream else 503)
    reported = answer.text.strip().splitlines()[-1].removeprefix("data: ")
    assert json.loads(reported)["error"]["message"] == "The server is stopping."
    assert answerer.finish.wait(5)
    assert not [record for record in caplog.records if record.exc_info]
