"""An OpenAI-compatible HTTP server whose replies come from a function.

For tests, demonstrations and load measurements. `scripted_server` runs it in a thread of this
process; to run it as a separate process:
``python -m app.llm.scripted.server --port P --script module:function``.
"""

import argparse
import asyncio
import importlib
import json
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import cast

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.llm.scripted.batches import BatchApi, BatchScript
from app.llm.scripted.wire import (
    Counts,
    Endpoint,
    Json,
    Script,
    ScriptedCall,
    ScriptedReply,
    completion_json,
    read_call,
    response,
)

__all__ = [
    "BatchScript",
    "Counts",
    "Endpoint",
    "Script",
    "ScriptedCall",
    "ScriptedReply",
    "ScriptedServer",
    "always_fine",
    "load_script",
    "make_app",
    "scripted_server",
]


@dataclass(frozen=True, slots=True)
class ScriptedServer:
    """A running server."""

    base_url: str
    """Ends in ``/v1``."""
    counts: Counts
    calls: Sequence[ScriptedCall]
    """Every call so far, in order of arrival."""


def make_app(
    script: Script,
    counts: Counts | None = None,
    calls: list[ScriptedCall] | None = None,
    batches: BatchScript | None = None,
) -> FastAPI:
    """Return the server's application; it records the calls themselves only in `calls`."""
    app = FastAPI(openapi_url=None)
    seen = Counts() if counts is None else counts
    numbers = count(1)

    def scripted(call: ScriptedCall) -> ScriptedReply:
        if calls is not None:
            calls.append(call)
        return script(call)

    async def answer(endpoint: Endpoint, request: Request) -> Response:
        # Numbered before the first await: another call may come in while the body is read.
        n = next(numbers)
        seen.calls += 1
        setattr(seen, endpoint, getattr(seen, endpoint) + 1)
        seen.in_flight += 1
        seen.most_in_flight = max(seen.most_in_flight, seen.in_flight)
        try:
            body = cast("Json", await request.json())  # Our clients send an object.
            call = read_call(n, endpoint, body, request.headers.get("authorization"))
            reply = scripted(call)
            await asyncio.sleep(reply.delay_s)
            return response(reply, json.dumps(completion_json(call, reply)).encode())
        finally:
            seen.in_flight -= 1

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await answer("chat", request)

    @app.post("/v1/completions")
    async def completions(request: Request) -> Response:
        return await answer("completions", request)

    @app.get("/v1/models")
    async def models() -> Json:
        return {"object": "list", "data": [{"id": "scripted", "object": "model", "created": 0}]}

    @app.get("/calls")
    async def current_counts() -> Counts:
        return seen

    BatchApi(scripted, seen, numbers, batches or BatchScript()).add_to(app)
    return app


@contextmanager
def scripted_server(script: Script, batches: BatchScript | None = None) -> Iterator[ScriptedServer]:
    """Serve `script` on a free port of loopback, in a thread, until the block ends.

    Unfinished replies are then dropped.
    """
    counts, calls = Counts(), list[ScriptedCall]()
    server = _quiet_server(make_app(script, counts, calls, batches))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],), name="scripted server")
        thread.start()
        try:
            yield ScriptedServer(f"http://127.0.0.1:{port}/v1", counts, calls)
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


def _quiet_server(app: FastAPI) -> uvicorn.Server:
    # The faults that it injects would fill the log with tracebacks.
    config = uvicorn.Config(app, log_config=None, log_level="critical", access_log=False)
    return uvicorn.Server(config)


def always_fine(_: ScriptedCall) -> ScriptedReply:
    """Answer every call with the same word."""
    return ScriptedReply("fine")


def load_script(name: str) -> Script:
    """Return the script at ``module:function``."""
    return cast("Script", _named(name))


def _named(name: str) -> object:
    """Return the object at ``module:name``; its type is not checked before its first use."""
    module, _, attribute = name.partition(":")
    found: object = getattr(importlib.import_module(module), attribute)
    return found


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--script", required=True, help="module:function")
    parser.add_argument("--batches", help="module:name of a BatchScript")
    arguments = parser.parse_args()
    batches = cast("BatchScript", _named(arguments.batches)) if arguments.batches else None
    server = _quiet_server(make_app(load_script(arguments.script), batches=batches))
    with socket.create_server(("127.0.0.1", arguments.port)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        sys.stdout.write(f"scripted server ready at {address}\n")
        sys.stdout.flush()
        server.run([listener])


if __name__ == "__main__":
    main()
