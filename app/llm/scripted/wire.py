"""The calls and replies of the scripted server, and their JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from fastapi.responses import JSONResponse, Response, StreamingResponse

from app.pipeline.types import Message

Endpoint: TypeAlias = Literal["chat", "completions"]
Json: TypeAlias = dict[str, Any]
"""A JSON object; `Any` because that is what JSON is."""


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """One call that the server received."""

    n: int
    """Number of the call, from 1."""
    endpoint: Endpoint
    model: str
    messages: tuple[Message, ...]
    """Empty on the completions endpoint."""
    prompt: str
    """Empty on the chat endpoint."""
    parameters: Mapping[str, Any]
    """The rest of the JSON body, as sent."""
    schema: Mapping[str, Any] | None
    """JSON schema of ``response_format``, empty for any JSON; None: the call asks for text."""
    api_key: str | None
    """From the Authorization header."""
    custom_id: str | None = None
    """``custom_id`` of a batch line; None: a normal call."""
    target: str = ""
    """Path and query of the request; empty for a batch line."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; a batch line has only the one of the key."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """The whole JSON body."""


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """The answer to a call: a text, and the faults to inject."""

    text: str | None = ""
    """None: the content is null."""
    finish_reason: str | None = "stop"
    top_logprobs: Mapping[str, float] | None = None
    """Logprobs of the first token; returned also when the call does not ask for them."""
    status: int = 200
    error: Mapping[str, Any] | None = None
    """Sent instead of the text, as ``{"error": ...}``."""
    body: Any = None
    """JSON that replaces the whole body; None: the body of the API."""
    edits: tuple["Edit", ...] = ()
    """Changes of the body of the API, in order."""
    is_stream: bool = False
    """Send the body as server-sent events, asked for or not."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    """Wait before the reply begins."""
    raw: bytes | None = None
    """A body that replaces the JSON one."""
    content_type: str = "application/json"
    cut_off: bool = False
    """Drop the connection in the middle of the body."""
    trickle_s: float = 0.0
    """Pause after each byte of the body."""


Script: TypeAlias = Callable[[ScriptedCall], ScriptedReply]
Edit: TypeAlias = Callable[[Json], Json]
"""A change of a reply's JSON body; it may change its argument and return it."""


@dataclass(slots=True)
class Counts:
    """The calls that the server has received so far."""

    calls: int = 0
    chat: int = 0
    completions: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    batches: int = 0
    """Batches created through the Batch API; their lines are not in `calls`."""
    batch_lines: int = 0
    """Batch lines for which a provider would charge: those answered with status 200."""


def read_call(
    n: int,
    endpoint: Endpoint,
    body: Json,
    headers: Mapping[str, str],
    *,
    target: str = "",
    custom_id: str | None = None,
) -> ScriptedCall:
    """Return the call in a request's JSON body; the names of `headers` are in lower case."""
    own = ("model", "messages", "prompt", "response_format")
    form = body.get("response_format") or {}
    schema = {} if form.get("type") == "json_object" else form.get("json_schema", {}).get("schema")
    turns = body.get("messages", ())
    authorization = headers.get("authorization")
    return ScriptedCall(
        n=n,
        endpoint=endpoint,
        model=str(body.get("model", "")),
        messages=tuple(Message(turn["role"], turn["content"]) for turn in turns),
        prompt=str(body.get("prompt", "")),
        parameters={name: value for name, value in body.items() if name not in own},
        schema=schema,
        api_key=authorization.removeprefix("Bearer ") if authorization else None,
        custom_id=custom_id,
        target=target,
        headers=headers,
        body=body,
    )


def response(reply: ScriptedReply, body: bytes) -> Response:
    """Return the HTTP response for `reply`; `body` is the body when no fault is injected."""
    headers = dict(reply.headers)
    if reply.error is not None and reply.raw is None:
        return JSONResponse({"error": dict(reply.error)}, reply.status, headers)
    body = reply.raw if reply.raw is not None else body
    if reply.is_stream:
        return Response(body, reply.status, headers, "text/event-stream")
    if reply.cut_off or reply.trickle_s:
        headers["Content-Length"] = str(len(body))
        return StreamingResponse(_slowly(body, reply), reply.status, headers, reply.content_type)
    return Response(body, reply.status, headers, reply.content_type)


async def _slowly(body: bytes, reply: ScriptedReply) -> AsyncIterator[bytes]:
    if reply.cut_off:
        yield body[: len(body) // 2]
        raise ConnectionAbortedError("cut off, as the script says")
    for i in range(len(body)):
        yield body[i : i + 1]
        await asyncio.sleep(reply.trickle_s)


def wire_body(call: ScriptedCall, reply: ScriptedReply) -> bytes:
    """Return the bytes of a reply without faults: JSON, or events of a stream."""
    body = completion_json(call, reply)
    return b"".join(_events(body)) if reply.is_stream else json.dumps(body).encode()


def completion_json(call: ScriptedCall, reply: ScriptedReply) -> Json:
    """Return the JSON body of a reply without faults; with `reply.body` it may be a list."""
    if reply.body is not None:
        replaced: Json = reply.body
        return replaced
    body = _plain_completion(call, reply)
    for edit in reply.edits:
        body = edit(body)
    return body


def _events(body: Json) -> Iterator[bytes]:
    """Yield server-sent events: the message in three pieces, the usage, the end."""
    choices, usage = body.get("choices") or [], body.get("usage")
    head = {**body, "object": "chat.completion.chunk", "usage": None}
    for choice in choices:
        message = dict(choice.get("message") or {})
        content = message.get("content")
        texts = [content[:7], content[7:]] if isinstance(content, str) else [content]
        shown = {name: value for name, value in choice.items() if name != "message"}
        first = {**message, "content": texts[0]}
        for n, delta in enumerate([first, *({"content": text} for text in texts[1:]), {}]):
            reason = choice.get("finish_reason") if n == len(texts) else None
            piece = {**shown, "delta": delta, "finish_reason": reason}
            yield _event({**head, "choices": [piece]})
    yield _event({**head, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _event(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _plain_completion(call: ScriptedCall, reply: ScriptedReply) -> Json:
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
    return {
        "id": f"scripted-{call.n}",
        "object": "chat.completion" if call.endpoint == "chat" else "text_completion",
        "created": 0,
        "model": call.model,
        "choices": [choice],
        "usage": counts | {"total_tokens": sum(counts.values())},
    }


def _chat_logprobs(tops: Mapping[str, float]) -> Json:
    rows = [{"token": token, "logprob": value} for token, value in tops.items()]
    return {"content": [{**rows[0], "top_logprobs": rows}]}
