"""The embedded model, for real: one server for the module, asked as any other endpoint is."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.errors import ContextExceeded
from app.llm.dialects.shared import SharedDialect
from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.fanout import Fanout
from app.llm.parallel.outcomes import Outcome
from app.llm.preflight.preflight import preflight
from app.pipeline.options import RunOptions
from app.pipeline.types import (
    Capabilities,
    ChatPrompt,
    Completion,
    JsonSchema,
    Message,
    Parameters,
    Request,
    TextPrompt,
)
from app.services.generation.start.sample_requests import questions_of
from app.settings import EMBEDDED_MODEL

SERVER = [sys.executable, "-m", "app.llm.model_server", "--slots", "4", "--threads", "2"]


@dataclass(frozen=True)
class ModelServer:
    base_url: str
    process: subprocess.Popen[str]

    def provider(self) -> OpenAIProvider:
        return OpenAIProvider(self.base_url, None, EMBEDDED_MODEL, 60)

    def ask(self, *requests: Request) -> list[Outcome]:
        """The outcomes, by request."""
        with Fanout(self.provider, 4) as fanout:
            for key, request in enumerate(requests):
                fanout.submit(key, request)
            outcomes: list[Outcome] = []
            while len(outcomes) < len(requests):
                outcomes += fanout.collect(timeout_s=1)
        return sorted(outcomes, key=lambda outcome: outcome.key)

    def completion(self, request: Request) -> Completion:
        (outcome,) = self.ask(request)
        assert isinstance(outcome.answer, Completion), outcome.answer
        return outcome.answer


@contextmanager
def running_server() -> Iterator[ModelServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [*SERVER, "--port", str(port), "--die-with-parent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready == f"{EMBEDDED_MODEL} ready at http://127.0.0.1:{port}/v1\n"
            yield ModelServer(f"http://127.0.0.1:{port}/v1", process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with running_server() as started:
        yield started


def chat(
    words: str,
    schema: JsonSchema | None = None,
    max_tokens: int = 12,
    top_logprobs: int | None = None,
) -> Request:
    asked = Parameters(0.0, 1.0, max_tokens, top_logprobs=top_logprobs)
    return Request(ChatPrompt((Message("user", words),), schema), asked, "test/chat@1")


def test_it_chats_and_says_who_it_is_and_what_it_took(server: ModelServer) -> None:
    answer = server.completion(chat("Name three colours."))
    assert answer.text.strip()
    assert answer.model == EMBEDDED_MODEL
    assert answer.finish_reason in ("stop", "length")
    assert 5 < answer.prompt_tokens < 80
    assert 0 < answer.completion_tokens <= 12
    assert answer.top_logprobs is None


def test_it_completes_text_and_stops_where_told(server: ModelServer) -> None:
    asked = Parameters(0.0, 1.0, max_tokens=16, stop=("4",))
    answer = server.completion(Request(TextPrompt("1, 2, 3,"), asked, "test/text@1"))
    assert "4" not in answer.text
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_it_tells_the_alternatives_of_the_first_token(server: ModelServer, endpoint: str) -> None:
    request = chat("Is fire hot? Answer yes or no.", max_tokens=1, top_logprobs=20)
    if endpoint == "completions":
        asked = Parameters(1.0, 1.0, max_tokens=1, top_logprobs=20)
        request = Request(TextPrompt("Question: is fire hot?\nAnswer:"), asked, "test/text@1")
    tops = server.completion(request).top_logprobs
    assert tops is not None
    assert 15 <= len(tops) <= 20
    assert 0.2 < sum(math.exp(logprob) for logprob in tops.values()) <= 1.001


def test_it_keeps_to_a_json_schema(server: ModelServer) -> None:
    schema: JsonSchema = {
        "type": "object",
        "properties": {"animal": {"enum": ["cat", "dog"]}, "legs": {"type": "integer"}},
        "required": ["animal", "legs"],
        "additionalProperties": False,
    }
    answer = server.completion(chat("Describe a pet.", schema, max_tokens=40))
    value = json.loads(answer.text)
    assert set(value) == {"animal", "legs"}
    assert value["animal"] in ("cat", "dog")


def test_a_prompt_longer_than_a_slot_is_trouble_of_the_item(server: ModelServer) -> None:
    (outcome,) = server.ask(chat("word " * 5000))
    assert isinstance(outcome.answer, ContextExceeded)
    assert "4096" in str(outcome.answer)


def test_four_at_a_time_are_all_answered(server: ModelServer) -> None:
    outcomes = server.ask(*[chat(f"Count to {n}.", max_tokens=8) for n in range(8)])
    assert all(isinstance(outcome.answer, Completion) for outcome in outcomes)


def test_the_preflight_learns_that_it_can_do_both(server: ModelServer) -> None:
    learned = preflight(server.provider, questions_of(RunOptions()), SharedDialect())
    assert learned.capabilities == Capabilities(json_schema=True, logprobs=True)
    assert [probe.completion.model for probe in learned.probes] == [EMBEDDED_MODEL] * 2
    asked = preflight(server.provider, questions_of(RunOptions(profile="paper")), SharedDialect())
    assert (asked.trouble, asked.capabilities) == (None, Capabilities())


def test_the_unchanging_beginning_of_a_prompt_is_computed_once(server: ModelServer) -> None:
    prefix = "A rule for sorting tasks, with an example of it. " * 12

    def cached_tokens(last_words: str) -> int:
        body = {"messages": [{"role": "user", "content": prefix + last_words}], "max_tokens": 1}
        reply = httpx.post(f"{server.base_url}/chat/completions", json=body, timeout=60).json()
        assert reply["usage"]["prompt_tokens"] > 120
        cached = reply["usage"]["prompt_tokens_details"]["cached_tokens"]
        assert isinstance(cached, int)
        return cached

    cached_tokens("Sort the first.")
    assert cached_tokens("Sort another one.") > 120


def test_sigterm_ends_it_quickly_in_the_middle_of_an_answer() -> None:
    with running_server() as own, Fanout(own.provider, 1) as fanout:
        fanout.submit(0, chat("Tell a very long story.", max_tokens=2000))
        assert fanout.collect(timeout_s=0.5) == []
        began_s = time.monotonic()
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(timeout=10) == 0
        assert time.monotonic() - began_s < 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's help is Linux's")
def test_it_dies_with_its_parent() -> None:
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, *SERVER, "--port", "0", "--die-with-parent"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
    until_s = time.monotonic() + 30
    while is_running(child) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
