"""Clients without a service around them, each as a process of its own.

    python -m benchmarks.callers openai|openai-short|provider BASE_URL --calls 5000 --in-flight 256

`openai` is the AsyncOpenAI client with its defaults, sending what a run sends. `openai-short` sends
the same texts as one message each, which takes that client less time. `provider` is ours, behind
its `Fanout`. Each prints "ready" before its first call.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import openai

from app.llm.openai_provider import OpenAIProvider
from app.llm.parallel.fanout import Fanout
from app.llm.request_body import request_body
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES
from app.pipeline.shapes import Asking
from app.pipeline.types import Capabilities, Request
from app.stack.die_with_parent import die_with_parent

MODEL = "made-up"
KEY = "made-up"
_COLLECT_S = 0.1
_BATCH = 32


def run_requests(count: int) -> Iterator[Request]:
    """Return requests as a run sends them: classification and instances in turn."""
    asking = Asking(RunOptions(), Capabilities(json_schema=True, logprobs=True))
    profile = PROFILES["default"]
    assert profile.classify is not None  # noqa: S101 - this profile's; tells mypy
    for n in range(count):
        text = f"Describe thing number {n} to somebody who has never seen anything like it."
        if n % 2:
            yield profile.classify.build_request(text, asking, 0)
        else:
            yield profile.instantiate(False).build_request(text, asking)


def bodies(requests: Sequence[Request], *, short: bool) -> list[dict[str, Any]]:
    """Return arguments for the openai client; short: one message, and no response format."""
    made: list[dict[str, Any]] = []
    for request in requests:
        _, body = request_body(request, MODEL)
        if short:
            turns: Any = body["messages"]
            content = "\n".join(turn["content"] for turn in turns)
            body["messages"] = [{"role": "user", "content": content}]
            body.pop("response_format", None)
        made.append(body)
    return made


async def ask_all(
    ask: Callable[[dict[str, Any]], Awaitable[object]], asked: list[dict[str, Any]], in_flight: int
) -> None:
    """Keep `in_flight` calls in flight until all are answered."""
    waiting = iter(asked)

    async def one_after_another() -> None:
        for body in waiting:
            await ask(body)

    await asyncio.gather(*(one_after_another() for _ in range(in_flight)))


async def call_openai(base_url: str, asked: list[dict[str, Any]], in_flight: int) -> None:
    """Send requests with the openai client, as installed."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY) as client:

        async def ask(body: dict[str, Any]) -> None:
            answer = await client.chat.completions.create(**body)
            if answer.choices[0].message.content is None:
                raise ValueError("an answer without text")

        await ask_all(ask, asked, in_flight)


def call_provider(base_url: str, requests: Sequence[Request], in_flight: int) -> None:
    """Send requests with our provider."""
    waiting = iter(enumerate(requests))
    out = done = 0
    with Fanout(lambda: OpenAIProvider(base_url, KEY, MODEL, 60.0), in_flight) as fanout:
        while done < len(requests):
            for key, request in islice(waiting, in_flight - out):
                fanout.submit(key, request)
                out += 1
            outcomes = fanout.collect(_COLLECT_S, _BATCH)
            for outcome in outcomes:
                if isinstance(outcome.answer, Exception):
                    raise outcome.answer
            out -= len(outcomes)
            done += len(outcomes)


def main(arguments: list[str]) -> None:
    """Make the calls that the command line asks for."""
    die_with_parent(os.getppid())
    parser = argparse.ArgumentParser(prog="python -m benchmarks.callers", description=__doc__)
    parser.add_argument("kind", choices=("openai", "openai-short", "provider"))
    parser.add_argument("base_url")
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    options = parser.parse_args(arguments)
    requests = list(run_requests(options.calls))
    if options.kind == "provider":
        call_provider(options.base_url, requests, options.in_flight)
    else:
        asked = bodies(requests, short=options.kind == "openai-short")
        asyncio.run(call_openai(options.base_url, asked, options.in_flight))


if __name__ == "__main__":
    main(sys.argv[1:])
