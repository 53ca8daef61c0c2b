"""What goes over the wire of the scripted server: calls as they came, replies to be played."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

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
    custom_id: str | None = None
    """Of a line of a batch; None for a call of its own."""


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
    in_flight: int = 0
    most_in_flight: int = 0
    batches: int = 0
    """Created through the batch API; their lines are no `calls`."""
    batch_lines: int = 0
    """Lines of batches that were answered with status 200: what a provider would charge for."""


def read_call(
    n: int,
    endpoint: Endpoint,
    body: Json,
    authorization: str | None,
    custom_id: str | None = None,
) -> ScriptedCall:
    """The call that a request's JSON body makes."""
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
        custom_id=custom_id,
    )


def response(reply: ScriptedReply, body: bytes) -> Response:
    """The HTTP response that plays `reply`; `body` is what it says when nothing goes wrong."""
    headers = dict(reply.headers)
    if reply.error is not None and reply.raw is None:
        return JSONResponse({"error": dict(reply.error)}, reply.status, headers)
    body = reply.raw if reply.raw is not None else body
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


def completion_json(call: ScriptedCall, reply: ScriptedReply) -> Json:
    """The body of a reply in which nothing goes wrong, as the API has it."""
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
