"""The fake model endpoint of the fault tests, a process of its own that is never killed.

It keeps its own books, from what went over the wire and nothing else: the side of the provider,
against which the service's books are held. ``python -m tests.faults.endpoint --delay-s 0.5``.
"""

import argparse
import asyncio
import hashlib
import json
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.llm.scripted.model import reply
from app.llm.scripted.server import Counts, ScriptedCall, ScriptedReply, make_app

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the provider has it in its books."""

    reply_id: str
    request_sha256: str
    """Of the body as it came: equal requests have equal ones."""
    prompt_tokens: int
    completion_tokens: int
    delivered: bool
    """Whether the caller was still there when the reply went out."""


@dataclass(slots=True)
class _Exchange:
    """One request and its response on their way."""

    receive: Receive
    send: Send
    asked: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)
    hung_up: asyncio.Task[Message] | None = None
    """Done once the caller has gone."""
    delivered: bool = False

    async def heard(self) -> Message:
        if self.hung_up is not None:
            return await asyncio.shield(self.hung_up)
        message = await self.receive()
        self.asked += message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body"):
            self.hung_up = asyncio.create_task(_next(self.receive))
        return message

    async def say(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.answered += message.get("body", b"")
            self.delivered = self.hung_up is not None and not self.hung_up.done()
        await self.send(message)

    def booked(self) -> Call:
        answer = json.loads(self.answered)
        usage = answer["usage"]
        return Call(
            reply_id=answer["id"],
            request_sha256=hashlib.sha256(self.asked).hexdigest(),
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
            delivered=self.delivered,
        )


async def _next(receive: Receive) -> Message:
    return await receive()


def keeping_books(app: ASGIApp, log: list[Call]) -> ASGIApp:
    """Serve `app`, and note each of its replies in `log`."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        try:
            await app(scope, exchange.heard, exchange.say)
        finally:
            if exchange.hung_up is not None:
                exchange.hung_up.cancel()
        log.append(exchange.booked())

    return serve


def make_endpoint(delay_s: float) -> ASGIApp:
    """The scripted model, each reply `delay_s` late on average, with its books under ``/log``."""
    log: list[Call] = []
    outer = FastAPI(openapi_url=None)
    counts = Counts()

    @outer.get("/log")
    async def read_log(since: int = 0) -> list[Call]:
        return log[since:]

    outer.mount("/", keeping_books(make_app(_late(delay_s), counts), log))
    return outer


def _late(delay_s: float) -> Callable[[ScriptedCall], ScriptedReply]:
    def script(call: ScriptedCall) -> ScriptedReply:
        # From half to one and a half times as long, by the call's number: never all at once.
        spread = hashlib.sha256(str(call.n).encode()).digest()[0] / 255
        return replace(reply(call), delay_s=delay_s * (0.5 + spread))

    return script


def main() -> None:
    """Serve until stopped; prints the address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-s", type=float, default=0.0)
    wanted = parser.parse_args()
    config = uvicorn.Config(
        make_endpoint(wanted.delay_s), log_config=None, log_level="critical", access_log=False
    )
    with socket.create_server(("127.0.0.1", wanted.port), backlog=1024) as listener:
        sys.stdout.write(f"endpoint ready on port {listener.getsockname()[1]}\n")
        sys.stdout.flush()
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
