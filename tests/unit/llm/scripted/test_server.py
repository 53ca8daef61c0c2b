"""The scripted server, as anybody's HTTP client sees it."""

import subprocess
import sys

import httpx
import pytest

from app.llm.scripted.server import (
    ScriptedCall,
    ScriptedReply,
    always_fine,
    load_script,
    scripted_server,
)

CHAT = {"model": "m", "messages": [{"role": "user", "content": "one two three"}]}


def echo(call: ScriptedCall) -> ScriptedReply:
    return ScriptedReply(f"call number {call.n}")


def test_it_answers_as_the_api_does_and_counts() -> None:
    with scripted_server(echo) as server:
        reply = httpx.post(f"{server.base_url}/chat/completions", json=CHAT).json()
        assert reply["choices"][0]["message"] == {"role": "assistant", "content": "call number 1"}
        assert reply["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
        text = {"model": "m", "prompt": "a b"}
        reply = httpx.post(f"{server.base_url}/completions", json=text).json()
        assert reply["choices"][0]["text"] == "call number 2"
        counts = httpx.get(server.base_url.replace("/v1", "/calls")).json()
        ordinary = {"calls": 2, "chat": 1, "completions": 1, "in_flight": 0, "most_in_flight": 1}
        assert counts == ordinary | {"batches": 0, "batch_lines": 0}
        models = httpx.get(f"{server.base_url}/models").json()
        assert models["data"][0]["id"] == "scripted"
    assert [call.endpoint for call in server.calls] == ["chat", "completions"]


def test_it_tells_logprobs_in_the_form_of_each_endpoint() -> None:
    with scripted_server(lambda _: ScriptedReply("Yes", top_logprobs={"Yes": -1.0})) as server:
        chat = httpx.post(f"{server.base_url}/chat/completions", json=CHAT).json()
        text = httpx.post(f"{server.base_url}/completions", json={"prompt": "a"}).json()
    row = {"token": "Yes", "logprob": -1.0}
    assert chat["choices"][0]["logprobs"] == {"content": [{**row, "top_logprobs": [row]}]}
    assert text["choices"][0]["logprobs"] == {"top_logprobs": [{"Yes": -1.0}]}


def test_it_cuts_the_connection_in_the_middle_of_a_reply() -> None:
    with (
        scripted_server(lambda _: ScriptedReply("x" * 1000, cut_off=True)) as server,
        pytest.raises(httpx.RemoteProtocolError, match="without sending complete"),
    ):
        httpx.post(f"{server.base_url}/chat/completions", json=CHAT)


def test_nothing_listens_after_the_block() -> None:
    with scripted_server(echo) as server:
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.base_url}/models")


def test_as_a_process_it_says_where_it_listens_and_ends_on_a_signal() -> None:
    command = [sys.executable, "-m", "app.llm.scripted.server", "--script"]
    script = "app.llm.scripted.server:always_fine"
    with subprocess.Popen([*command, script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("scripted server ready at http://127.0.0.1:")
        base_url = said.split()[-1]
        reply = httpx.post(f"{base_url}/chat/completions", json=CHAT).json()
        assert reply["choices"][0]["message"]["content"] == "fine"
        process.terminate()
        assert process.wait(timeout=5) in (0, -15)


def test_a_script_is_found_by_its_name() -> None:
    assert load_script("app.llm.scripted.server:always_fine") is always_fine
