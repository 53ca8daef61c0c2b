"""A model endpoint that costs next to nothing, as a process of its own.

    python -m benchmarks.endpoint [--delay-ms 100] [--limit stray:0.02]

It speaks just enough HTTP/1.1 for the clients measured beside it, answers every chat call after
the delay, plays the method with the scripted model, and never runs out of new instructions. Equal
calls get equal answers. It may refuse calls; see `benchmarks.throttling.limits`. ``GET /seen`` says
how many calls it has answered and refused, and what processor time all of it took.
"""

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from app.llm.scripted.model import reply
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.prompts import template
from app.pipeline.types import Message
from app.stack.die_with_parent import die_with_parent
from benchmarks.throttling.limits import Limit, limit_of

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SHOWN = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
_STAGES = ("generate", "classify", "input_first", "output_first")
_HEADS = {
    stage: json.dumps(template(f"default/{stage}.system").text.partition("\n")[0])[1:-1].encode()
    for stage in _STAGES
}
_REPLIES_A_STAGE = 256
_SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "zo")
_WORDS = 4000
_BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """Counters of an endpoint."""

    calls: int
    """Answered calls."""
    refused: int
    cpu_s: float
    since_s: float
    """Seconds since the first call."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A running endpoint."""

    address: str

    @property
    def base_url(self) -> str:
        """Return the base URL for a client."""
        return f"{self.address}/v1"

    def seen(self) -> Seen:
        """Read the counters."""
        with urllib.request.urlopen(f"{self.address}/seen") as answer:  # noqa: S310 - our own
            return Seen(**json.load(answer))


@contextmanager
def endpoint(delay_s: float, limit: str = "none") -> Iterator[Endpoint]:
    """Run an endpoint until the block ends."""
    command = [sys.executable, "-m", "benchmarks.endpoint", "--delay-ms", str(1000 * delay_s)]
    command += ["--limit", limit]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - piped; tells mypy
        try:
            yield Endpoint(process.stdout.readline().strip())
        finally:
            process.kill()


class Player:
    """The model: replies are made once and then repeated."""

    def __init__(self, limit: Limit) -> None:
        self.calls = self.refused = 0
        self.limit = limit
        self._first_s: float | None = None
        self._replies: dict[tuple[str, int], bytes] = {}
        self._words = _vocabulary()
        # As in a language, a few words make up most of a text.
        self._weights = [1 / (n + 10) for n in range(_WORDS)]

    @property
    def since_s(self) -> float:
        """Seconds since the first call; 0 before it."""
        return 0.0 if self._first_s is None else time.monotonic() - self._first_s

    def refuses(self) -> bool:
        """Return True when a call that arrives now is refused."""
        if self._first_s is None:
            self._first_s = time.monotonic()
        is_taken = self.limit.takes(self.since_s)
        self.refused += not is_taken
        return not is_taken

    def answer(self, body: bytes) -> bytes:
        """Make the whole HTTP answer to a chat call."""
        answer = self._answer(body)
        self.calls += 1
        self.limit.used((len(body) + len(answer)) // _BYTES_A_TOKEN)
        return answer

    def _answer(self, body: bytes) -> bytes:
        stage = next((name for name, head in _HEADS.items() if head in body), "other")
        number = zlib.crc32(body)
        if stage == "generate":
            return _http(_chat_reply(self._new_tasks(body, number)))
        place = (stage, number % _REPLIES_A_STAGE if stage != "other" else number)
        known = self._replies.get(place)
        if known is None:
            known = self._replies[place] = _http(_chat_reply(reply(_call_of(body))))
        return known

    def _new_tasks(self, body: bytes, number: int) -> ScriptedReply:
        """Eight instructions, a few of them too short or too near to what the prompt shows."""
        rng = random.Random(number)
        shown = _SHOWN.findall("\n".join(m.content for m in _call_of(body).messages))
        texts = [self._new_task(rng, shown) for _ in range(8)]
        return ScriptedReply(json.dumps({"instructions": texts}))

    def _new_task(self, rng: random.Random, shown: list[str]) -> str:
        chance = rng.random()
        if chance < 0.05 and shown:
            return rng.choice(shown).removesuffix(".") + " now."
        if chance < 0.10:
            return "Tell me more."
        words = rng.choices(self._words, self._weights, k=rng.randint(8, 16))
        if chance < 0.20:
            return f"Decide whether {' '.join(words[2:])} is {words[0]} or {words[1]}."
        return f"{words[0].capitalize()} {' '.join(words[1:])}."


def _vocabulary() -> list[str]:
    rng = random.Random(0)
    made = {"".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(3 * _WORDS)}
    return rng.sample(sorted(made), _WORDS)


def _call_of(body: bytes) -> ScriptedCall:
    asked = json.loads(body)
    form = asked.get("response_format") or {}
    return ScriptedCall(
        n=0,
        endpoint="chat",
        model=asked["model"],
        messages=tuple(Message(turn["role"], turn["content"]) for turn in asked["messages"]),
        prompt="",
        parameters=asked,
        schema=form.get("json_schema", {}).get("schema"),
        api_key=None,
    )


def _chat_reply(made: ScriptedReply) -> dict[str, Any]:
    text = made.text or ""
    logprobs = None
    if made.top_logprobs is not None:
        rows = [{"token": token, "logprob": p} for token, p in made.top_logprobs.items()]
        logprobs = {"content": [{**rows[0], "top_logprobs": rows}]}
    choice = {
        "index": 0,
        "finish_reason": made.finish_reason,
        "message": {"role": "assistant", "content": text},
        "logprobs": logprobs,
    }
    tokens = len(text) // _BYTES_A_TOKEN
    return {
        "id": "made-up",
        "object": "chat.completion",
        "created": 0,
        "model": "made-up",
        "choices": [choice],
        "usage": {"prompt_tokens": 900, "completion_tokens": tokens, "total_tokens": 900 + tokens},
    }


def _http(answer: dict[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


_REFUSAL_BODY = b'{"error": {"message": "Too many requests."}}'


def _refusal(limit: Limit) -> bytes:
    said_s = limit.retry_after_s
    said = f"Retry-After: {said_s}\r\n" if said_s is not None else ""
    head = f"HTTP/1.1 {limit.status} Refused\r\nContent-Type: application/json\r\n{said}"
    return f"{head}Content-Length: {len(_REFUSAL_BODY)}\r\n\r\n".encode() + _REFUSAL_BODY


class _Connection(asyncio.Protocol):
    """One kept-alive connection; its client waits for an answer before it asks again."""

    def __init__(self, player: Player, delay_s: float) -> None:
        self._player = player
        self._delay_s = delay_s
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP; tells mypy
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end]
        length = _LENGTH.search(head)
        body_end = head_end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) < body_end:
            return
        body, self._buffer = self._buffer[head_end + 4 : body_end], b""
        if head.startswith(b"GET"):
            player, cpu_s = self._player, time.process_time()
            seen = Seen(player.calls, player.refused, cpu_s, player.since_s)
            self._write(_http(asdict(seen)))
        elif self._player.refuses():
            self._write(_refusal(self._player.limit))
        else:
            self._loop.call_later(self._delay_s, self._write, self._player.answer(body))

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(delay_s: float, limit: Limit) -> None:
    connect = partial(_Connection, Player(limit), delay_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connect, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main(arguments: list[str]) -> None:
    """Serve until killed."""
    die_with_parent(os.getppid())
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endpoint", description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=100.0)
    parser.add_argument("--limit", default="none", help="such as stray:0.02")
    options = parser.parse_args(arguments)
    asyncio.run(_serve(options.delay_ms / 1000, limit_of(options.limit)))


if __name__ == "__main__":
    main(sys.argv[1:])
