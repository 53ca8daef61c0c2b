"""An OpenAI-compatible HTTP server that answers with a function: real HTTP, made-up replies.

For tests, demonstrations and load measurements. `scripted_server` runs it in a thread of this
process; as a process of its own it is
``python -m app.llm.scripted_server --port P --script module:function``.
"""

import argparse
import asyncio
import importlib
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from app.pipeline.types import Message

Endpoint: TypeAlias = Literal["chat", "completions"]
Json: TypeAlias = dict[str, Any]
"""A JSON object; `Any` because that is what JSON is."""


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """One call as it came over the wire."""

    n: int
    """1 for the first call the server got, and on."""
    endpoint: Endpoint
    model: str
    messages: tuple[Message, ...]
    """Empty on the completions endpoint."""
    prompt: str
    """Empty on the chat endpoint."""
    parameters: Mapping[str, Any]
    """The rest of the JSON body, as sent."""
    schema: Mapping[str, Any] | None
    """Of ``response_format``; None when text was asked for."""
    api_key: str | None
    """Of the Authorization header."""


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """What to answer: a text, and whatever is to go wrong with it."""

    text: str | None = ""
    """None answers with a null content."""
    finish_reason: str = "stop"
    top_logprobs: Mapping[str, float] | None = None
    """Of the first token; returned whether asked for or not."""
    status: int = 200
    error: Mapping[str, Any] | None = None
    """Answered in place of the text, as ``{"error": ...}``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    """Before the reply begins."""
    raw: bytes | None = None
    """A whole body in place of the JSON one."""
    content_type: str = "application/json"
    cut_off: bool = False
    """Drop the connection in the middle of the body."""
    trickle_s: float = 0.0
    """Pause after each byte of the body."""


Script: TypeAlias = Callable[[ScriptedCall], ScriptedReply]


@dataclass(slots=True)
class Counts:
    """What the server has seen so far."""

    calls: int = 0
    chat: int = 0
    completions: int = 0
    in_air: int = 0
    most_in_air: int = 0


@dataclass(frozen=True, slots=True)
class ScriptedServer:
    """A running server."""

    base_url: str
    """Ends in ``/v1``."""
    counts: Counts
    calls: Sequence[ScriptedCall]
    """Every call so far, in order of arrival."""


def make_app(
    script: Script, counts: Counts | None = None, calls: list[ScriptedCall] | None = None
) -> FastAPI:
    """The server's application; keeps the calls themselves only where `calls` is given."""
    app = FastAPI(openapi_url=None)
    seen = Counts() if counts is None else counts

    async def answer(endpoint: Endpoint, request: Request) -> Response:
        # Numbered before the first await: another call may come in while the body is read.
        n = seen.calls = seen.calls + 1
        setattr(seen, endpoint, getattr(seen, endpoint) + 1)
        seen.in_air += 1
        seen.most_in_air = max(seen.most_in_air, seen.in_air)
        try:
            body = cast("Json", await request.json())  # What a client of ours sends is an object.
            call = _read_call(n, endpoint, body, request.headers.get("authorization"))
            if calls is not None:
                calls.append(call)
            reply = script(call)
            await asyncio.sleep(reply.delay_s)
            return _response(call, reply)
        finally:
            seen.in_air -= 1

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
    async def count() -> Counts:
        return seen

    return app


@contextmanager
def scripted_server(script: Script) -> Iterator[ScriptedServer]:
    """Serve `script` on a free port of loopback, in a thread, until the block ends.

    Replies still going out are dropped then.
    """
    counts, calls = Counts(), list[ScriptedCall]()
    server = _quiet_server(make_app(script, counts, calls))
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
    # The faults it plays would fill the log with tracebacks of its own making.
    config = uvicorn.Config(app, log_config=None, log_level="critical", access_log=False)
    return uvicorn.Server(config)


def _read_call(n: int, endpoint: Endpoint, body: Json, authorization: str | None) -> ScriptedCall:
    own = ("model", "messages", "prompt", "response_format")
    form = body.get("response_format") or {}
    schema = form.get("json_schema", {}).get("schema")
    turns = body.get("messages", ())
    return ScriptedCall(
        n=n,
        endpoint=endpoint,
        model=str(body.get("model", "")),
        messages=tuple(Message(turn["role"], turn["content"]) for turn in turns),
        prompt=str(body.get("prompt", "")),
        parameters={name: value for name, value in body.items() if name not in own},
        schema=schema,
        api_key=authorization.removeprefix("Bearer ") if authorization else None,
    )


def _response(call: ScriptedCall, reply: ScriptedReply) -> Response:
    headers = dict(reply.headers)
    if reply.error is not None and reply.raw is None:
        return JSONResponse({"error": dict(reply.error)}, reply.status, headers)
    body = reply.raw if reply.raw is not None else _json_reply(call, reply)
    if reply.cut_off or reply.trickle_s:
        headers["Content-Length"] = str(len(body))
        return StreamingResponse(_slowly(body, reply), reply.status, headers, reply.content_type)
    return Response(body, reply.status, headers, reply.content_type)


async def _slowly(body: bytes, reply: ScriptedReply) -> AsyncIterator[bytes]:
    if reply.cut_off:
        yield body[: len(body) // 2]
        raise ConnectionAbortedError("cut off, as the script says")
    for place in range(len(body)):
        yield body[place : place + 1]
        await asyncio.sleep(reply.trickle_s)


def _json_reply(call: ScriptedCall, reply: ScriptedReply) -> bytes:
    words = call.prompt or " ".join(turn.content for turn in call.messages)
    counts = {
        "prompt_tokens": len(words.split()),
        "completion_tokens": len((reply.text or "").split()),
    }
    choice: Json = {"index": 0, "finish_reason": reply.finish_reason}
    tops = dict(reply.top_logprobs) if reply.top_logprobs is not None else None
    if call.endpoint == "chat":
        choice["message"] = {"role": "assistant", "content": reply.text}
        choice["logprobs"] = _chat_logprobs(tops) if tops else None
    else:
        choice["text"] = reply.text
        choice["logprobs"] = {"top_logprobs": [tops]} if tops else None
    answer = {
        "id": f"scripted-{call.n}",
        "object": "chat.completion" if call.endpoint == "chat" else "text_completion",
        "created": 0,
        "model": call.model,
        "choices": [choice],
        "usage": counts | {"total_tokens": sum(counts.values())},
    }
    return json.dumps(answer).encode()


def _chat_logprobs(tops: Mapping[str, float]) -> Json:
    rows = [{"token": token, "logprob": value} for token, value in tops.items()]
    return {"content": [{**rows[0], "top_logprobs": rows}]}


def always_fine(_: ScriptedCall) -> ScriptedReply:
    """The simplest script: answers every call with the same word."""
    return ScriptedReply("fine")


def load_script(name: str) -> Script:
    """The function ``module:function`` names."""
    module, _, function = name.partition(":")
    script = getattr(importlib.import_module(module), function)
    return cast("Script", script)  # Named by whoever starts the server; checked by its first call.


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--script", required=True, help="module:function")
    arguments = parser.parse_args()
    server = _quiet_server(make_app(load_script(arguments.script)))
    with socket.create_server(("127.0.0.1", arguments.port)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        sys.stdout.write(f"scripted server ready at {address}\n")
        sys.stdout.flush()
        server.run([listener])


if __name__ == "__main__":
    main()
