"""Addresses, keys and certificates that are wrong: the message names the setting."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.llm.openai_provider import OpenAIProvider
from app.llm.scripted.behaviours.combine import after, playing
from app.llm.scripted.behaviours.refusals import fails, redirects
from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedReply, Site, scripted_server
from app.llm.scripted.wire import Script
from tests.bench import OpenBench
from tests.integration.endpoints.runs import SMALL, work

GEMINI = [
    {
        "error": {
            "code": 400,
            "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT",
        }
    }
]


def paused_message(open_bench: OpenBench, script: Script, base_url: str | None = None) -> str:
    """Return the message with which a run at an endpoint pauses."""
    changes = (
        {}
        if base_url is None
        else {"provider_for": lambda model: lambda: OpenAIProvider(base_url, None, model, 10.0)}
    )
    with open_bench(script, **changes) as bench:
        seen = work(bench, bench.start(**SMALL))
        assert (seen.status, seen.end_reason) == ("paused", "provider"), seen.message
        assert bench.server.counts.calls <= 3
        return seen.message or ""


def test_a_redirect_names_the_new_address(open_bench: OpenBench) -> None:
    # redirect_301
    message = paused_message(open_bench, playing(redirects("/v2/chat/completions")))
    assert "moved" in message
    assert "OPENAI_BASE_URL" in message
    assert "/v2" in message


def test_an_address_that_answers_anything_with_200_is_named(open_bench: OpenBench) -> None:
    site = Site("/v1", elsewhere=ScriptedReply(body={"status": "ok"}))
    with scripted_server(reply, site=site) as server:
        wrong = server.base_url.removesuffix("/v1") + "/api"
        message = paused_message(open_bench, reply, wrong)
    assert "OPENAI_BASE_URL" in message


def test_a_key_that_gemini_refuses_with_400_is_named(open_bench: OpenBench) -> None:
    # gemini_bad_key_400
    message = paused_message(open_bench, playing(fails(400, GEMINI)))
    assert "API key not valid" in message
    assert "OPENAI_API_KEY" in message


def test_azures_api_version_and_deployment_stay_in_the_address(open_bench: OpenBench) -> None:
    # azure_api_version
    site = Site("/openai/deployments/gpt-x", models=None)
    with scripted_server(reply, site=site) as server:
        address = f"{server.base_url}?api-version=2024-10-21"
        with open_bench(
            reply, provider_for=lambda model: lambda: OpenAIProvider(address, "k", model, 10.0)
        ) as bench:
            assert work(bench, bench.start(**SMALL)).status == "succeeded"
    targets = {call.target for call in server.calls}
    assert targets == {"/openai/deployments/gpt-x/chat/completions?api-version=2024-10-21"}


def test_an_address_with_a_blank_is_read(open_bench: OpenBench) -> None:
    with scripted_server(reply) as server:
        address = f" {server.base_url}/ "
        with open_bench(
            reply, provider_for=lambda model: lambda: OpenAIProvider(address, "k", model, 10.0)
        ) as bench:
            assert work(bench, bench.start(**SMALL)).status == "succeeded"


@pytest.mark.parametrize(
    "wait_s", ["86400", str(int(time.time()) + 86400), "1e20"], ids=["day", "date", "no date"]
)
@pytest.mark.parametrize("calls", [0, 9], ids=["at the start", "in the middle"])
def test_a_long_retry_after_pauses_with_words(
    open_bench: OpenBench, calls: int, wait_s: str
) -> None:
    # retry_after_epoch
    body = {"error": {"message": "Too many requests, come back later"}}
    script = playing(after(calls, fails(429, body, {"Retry-After": wait_s})))
    with open_bench(script) as bench:
        seen = work(bench, bench.start(**SMALL))
        assert (seen.status, seen.end_reason) == ("paused", "provider")
        assert "come back later" in (seen.message or "")


ASK = """
import asyncio, sys
from app.errors import SeedbedError
from app.llm.openai_provider import OpenAIProvider
from app.pipeline.types import ChatPrompt, Message, Parameters, Request

async def ask():
    provider = OpenAIProvider(sys.argv[1], "k", "m", 10.0)
    prompt = ChatPrompt((Message("user", "Hello"),))
    try:
        return (await provider.complete(Request(prompt, Parameters(1.0, 1.0, 5), "v"))).text
    finally:
        await provider.aclose()

try:
    print(asyncio.run(ask()))
except SeedbedError as error:
    print(f"{type(error).__name__}: {error}")
"""


def answer_in_a_fresh_process(base_url: str, **environment: str) -> str:
    """Ask an endpoint from a process with its own certificates; return the text or the error."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, base_url],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_certificates_that_are_not_there_are_named(self_signed: tuple[Path, Path]) -> None:
    # ssl_cert_file_stale
    with scripted_server(reply) as server:
        said = answer_in_a_fresh_process(server.base_url, SSL_CERT_FILE="/nonexistent.pem")
        assert said == "Yes" or ("ConfigurationError" in said and "SSL_CERT_FILE" in said)
    with scripted_server(reply, site=Site(certificate=self_signed)) as server:
        said = answer_in_a_fresh_process(server.base_url, SSL_CERT_FILE="/nonexistent.pem")
        assert said.startswith("ConfigurationError")
        assert "SSL_CERT_FILE" in said


def test_a_self_signed_certificate_is_named_and_can_be_trusted(
    self_signed: tuple[Path, Path],
) -> None:
    # self_signed_tls
    with scripted_server(reply, site=Site(certificate=self_signed)) as server:
        said = answer_in_a_fresh_process(server.base_url)
        assert "SSL_CERT_FILE" in said
        trusting = answer_in_a_fresh_process(server.base_url, SSL_CERT_FILE=str(self_signed[0]))
        assert trusting == "Yes"
