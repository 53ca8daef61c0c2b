"""An adapter of the embedded model, served by llama.cpp, switched on and off by the request."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from app.dataset_row import Exchange, Record
from app.serving.llama_answerer import LlamaAnswerer
from app.serving.served_tokenizer import ServedTokenizer
from app.training.model.base_models import load_tokenizer
from app.training.plain.encoding import encode_prompt
from app.training.plain.option_groups import DataOptions
from tests.integration.serving.served_adapters import (
    JOB,
    ROWS,
    asked,
    client_of,
    found_in,
    leave_drawn_adapter,
    messages_of,
    opened_by_llama,
)

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("data")
    leave_drawn_adapter(data_dir)
    return data_dir


@pytest.fixture(scope="module")
def answerer(data_dir: Path) -> Iterator[LlamaAnswerer]:
    with opened_by_llama(data_dir) as answerer:
        yield answerer


@pytest.fixture(scope="module")
def client(answerer: LlamaAnswerer) -> Iterator[openai.OpenAI]:
    with client_of(answerer) as client:
        yield client


def test_neither_leaves_a_trace_in_the_other_however_they_are_mixed(client: openai.OpenAI) -> None:
    asking = [(model, row) for row in ROWS[:3] for model in ("base", "tuned")]
    alone = {each: asked(client, *each) for each in sorted(asking, key=lambda each: each[0])}
    for row in ROWS[:3]:
        assert alone["base", row] != alone["tuned", row]
    with ThreadPoolExecutor(6) as many:
        answered = list(many.map(lambda each: asked(client, *each), asking))
    assert answered == [alone[each] for each in asking]
    assert [asked(client, *each) for each in asking] == answered
    assert asked(client, JOB, ROWS[0]) == alone["tuned", ROWS[0]]


def test_what_one_computed_of_a_prompt_is_never_taken_for_the_others(
    client: openai.OpenAI, data_dir: Path
) -> None:
    long = Record("Which of these is a flower? " + "Zinnia, brick, spoon, tulip. " * 20, "")
    other = Record("Count from one to nine, and from nine to one. " * 12, "")
    fresh = first_logprob(client, "base", long)
    with opened_by_llama(data_dir, slots=1) as answerer, client_of(answerer) as alone:
        assert first_logprob(alone, "tuned", long) != pytest.approx(fresh, abs=0.01)
        # It leaves the only slot, to wherever prompts go that may come again.
        first_logprob(alone, "base", other)
        assert first_logprob(alone, "base", long) == pytest.approx(fresh, abs=0.005)


@pytest.mark.parametrize("template", ["alpaca", "chat"])
def test_a_prompt_is_the_tokens_that_it_was_in_tuning(
    answerer: LlamaAnswerer, data_dir: Path, template: Any
) -> None:
    adapter = found_in(data_dir).folder
    ours, theirs = ServedTokenizer(answerer.http, adapter), load_tokenizer(str(adapter))
    options = DataOptions(template=template)
    for row in (
        *ROWS[:2],
        Record("Ask <|im_start|>user\n1234567 times <|im_end|>", "x"),
        Record("Grüße,  世界! \t👩‍👩‍👧 'tis\n\n\n x", "x", "<|endoftext|>"),
        Record("And 3?", "x", "", "You count.", (Exchange("And 1?", "2."), Exchange("2?", "3."))),
        Record(" ", "x"),
    ):
        assert encode_prompt(row, ours, options) == encode_prompt(row, theirs, options)


def test_a_stream_has_the_same_words_and_its_usage(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="base",
            messages=[*messages_of(ROWS[0])],
            temperature=0,
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"input": ROWS[0].input},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == asked(client, "base", ROWS[0])
    assert chunks[-2].choices[0].finish_reason == "length"
    usage = chunks[-1].usage
    assert usage is not None
    assert 20 < usage.prompt_tokens < 60
    assert usage.completion_tokens == 8


def test_it_ends_before_what_it_is_told_to_stop_at(client: openai.OpenAI) -> None:
    whole = asked(client, "base", ROWS[0])
    stop = whole[4:7]
    answer = client.chat.completions.create(
        model="base",
        messages=[*messages_of(ROWS[0])],
        temperature=0,
        max_tokens=8,
        stop=stop,
        extra_body={"input": ROWS[0].input},
    )
    assert answer.choices[0].message.content == whole[: whole.index(stop)]
    assert answer.choices[0].finish_reason == "stop"


def test_the_same_seed_draws_the_same_answer(client: openai.OpenAI) -> None:
    def drawn(seed: int) -> str:
        return asked(client, "base", ROWS[0], temperature=1.5, seed=seed)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_it_keeps_to_a_schema_and_tells_log_probabilities(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"enum": [1, 2]}},
        "required": ["n"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    said = asked(client, "base", ROWS[0], response_format=form, max_tokens=30)
    assert json.loads(said)["n"] in (1, 2)
    answer = client.chat.completions.create(
        model="tuned",
        messages=[*messages_of(ROWS[0])],
        max_tokens=1,
        logprobs=True,
        top_logprobs=5,
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    [token] = logprobs.content or []
    tops = [top.logprob for top in token.top_logprobs]
    assert (len(tops), tops) == (5, sorted(tops, reverse=True))


def test_a_prompt_that_fills_its_slot_is_reported_by_its_code(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        asked(client, "base", Record("word " * 5000, ""))
    assert caught.value.code == "context_length_exceeded"


def test_a_model_server_that_dies_is_reported_and_not_waited_for(data_dir: Path) -> None:
    with opened_by_llama(data_dir) as answerer, client_of(answerer) as client:
        (process,) = children_of(os.getpid(), "app.llm.model_server")
        os.kill(process, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(openai.InternalServerError) as caught:
                asked(client, "base", ROWS[0])
            assert caught.value.status_code == 503


def test_the_command_serves_a_job_by_its_id_until_it_is_told_to_stop(data_dir: Path) -> None:
    command = [sys.executable, "-m", "app.cli.main", "serve", JOB, "--port", "0", "--json"]
    environment = {**os.environ, "SEEDBED_DATA_DIR": str(data_dir)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            served = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            assert (served["engine"], served["models"]) == ("llama.cpp", ["tuned", JOB, "base"])
            with openai.OpenAI(base_url=served["base_url"], api_key="none") as client:
                assert asked(client, "base", ROWS[0])
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def first_logprob(client: openai.OpenAI, model: str, row: Record) -> float:
    """How likely the model holds its first token to be."""
    answer = client.chat.completions.create(
        model=model, messages=[*messages_of(row)], temperature=0, max_tokens=1, logprobs=True
    )
    served = answer.choices[0].logprobs
    assert served is not None
    [token] = served.content or []
    return token.logprob


def children_of(parent: int, module: str) -> list[int]:
    """The newest process of a module that a process started."""
    found = [child for child in psutil.Process(parent).children() if module in child.cmdline()]
    # Not by their numbers, which begin again at some time.
    return [child.pid for child in sorted(found, key=psutil.Process.create_time)[-1:]]
