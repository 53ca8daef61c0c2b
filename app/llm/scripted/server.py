"""An OpenAI-compatible HTTP server whose replies come from a function.

For tests, demonstrations and load measurements. `scripted_server` runs it in a thread of this
process; to run it as a separate process:
``python -m app.llm.scripted.server --port P --script module:function``.
"""

import argparse
import asyncio
import importlib
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
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
    read_call,
    response,
    wire_body,
)

__all__ = [
    "BatchScript",
    "Counts",
    "Endpoint",
    "Script",
    "ScriptedCall",
    "ScriptedReply",
    "ScriptedServer",
    "Site",
    "always_fine",
    "load_script",
    "make_app",
    "scripted_server",
]


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses of an endpoint, and what stands beside its model calls."""

    prefix: str = "/v1"
    """Path above ``/chat/completions``; an Azure deployment has another."""
    models: Sequence[Mapping[str, object]] | None = ({"id": "scripted"},)
    """The list of models, as JSON objects with an ``id``; None: there is no such address."""
    elsewhere: ScriptedReply | None = None
    """The answer at every other address; None: 404."""
    certificate: tuple[Path, Path] | None = None
    """Files of a certificate and its key, in PEM: the endpoint speaks TLS."""


ORDINARY_SITE = Site()


@dataclass(frozen=True, slots=True)
class ScriptedServer:
    """A running server."""

    base_url: str
    """Ends in the site's prefix, usually ``/v1``."""
    counts: Counts
    calls: Sequence[ScriptedCall]
    """Every call so far, in order of arrival."""


def make_app(
    script: Script,
    counts: Counts | None = None,
    calls: list[ScriptedCall] | None = None,
    batches: BatchScript | None = None,
    site: Site = ORDINARY_SITE,
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
            headers = dict(request.headers)
            call = read_call(n, endpoint, body, headers, target=_target(request))
            reply = scripted(call)
            await asyncio.sleep(reply.delay_s)
            return response(reply, wire_body(call, reply))
        finally:
            seen.in_flight -= 1

    @app.post(f"{site.prefix}/chat/completions")
    async def chat(request: Request) -> Response:
        return await answer("chat", request)

    @app.post(f"{site.prefix}/completions")
    async def completions(request: Request) -> Response:
        return await answer("completions", request)

    @app.get("/calls")
    async def current_counts() -> Counts:
        return seen

    BatchApi(scripted, seen, numbers, batches or BatchScript()).add_to(app)
    _add_site(app, site)
    return app


def _add_site(app: FastAPI, site: Site) -> None:
    """Serve the list of models and, last, every other address."""
    if (listed := site.models) is not None:

        @app.get(f"{site.prefix}/models")
        async def models() -> Json:
            every = [{"object": "model", "created": 0, **model} for model in listed]
            return {"object": "list", "data": every}

    if (elsewhere := site.elsewhere) is not None:

        @app.api_route("/{path:path}", methods=["GET", "POST"])
        async def anything(path: str, request: Request) -> Response:
            call = ScriptedCall(0, "chat", path, (), "", {}, None, None, target=_target(request))
            return response(elsewhere, wire_body(call, elsewhere))


def _target(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


@contextmanager
def scripted_server(
    script: Script, batches: BatchScript | None = None, site: Site = ORDINARY_SITE
) -> Iterator[ScriptedServer]:
    """Serve `script` on a free port of loopback, in a thread, until the block ends.

    Unfinished replies are then dropped.
    """
    counts, calls = Counts(), list[ScriptedCall]()
    server = _quiet_server(make_app(script, counts, calls, batches, site), site)
    scheme = "http" if site.certificate is None else "https"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],), name="scripted server")
        thread.start()
        try:
            yield ScriptedServer(f"{scheme}://127.0.0.1:{port}{site.prefix}", counts, calls)
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


def _quiet_server(app: FastAPI, site: Site = ORDINARY_SITE) -> uvicorn.Server:
    certificate, key = site.certificate or (None, None)
    # The faults that it injects would fill the log with tracebacks.
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
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
