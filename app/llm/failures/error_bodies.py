"""Errors in the bodies of replies, in the shapes of many vendors, read into one `Failure`.

| shape | who sends it |
|---|---|
| ``{"error": {"message", "type", "code", "param"}}`` | OpenAI and most others |
| ``[{"error": {"code", "message", "status", "details"}}]`` | Gemini |
| ``{"object": "error", "message", "type", "code"}`` | vLLM, SGLang, FastChat |
| ``{"type": "error", "error": {"type", "message"}}`` | Anthropic |
| ``{"code", "message"}`` | DashScope, SiliconFlow, xAI (with ``error`` as a text) |
| ``{"error_code", "error_msg"}`` | Baidu, Databricks |
| ``{"base_resp": {"status_code", "status_msg"}}`` | MiniMax |
| ``{"success": false, "errors": [{"code", "message"}]}`` | Cloudflare |
| ``{"detail": "..."}``, ``{"detail": [{"loc", "msg", "type"}]}`` | FastAPI, Bedrock's gateways |
| ``{"title", "detail", "status"}`` | NVIDIA, Replicate (RFC 9457) |
| ``{"message": "..."}`` | Cohere, AWS |
| ``{"error": {"metadata": {"raw": "<JSON>"}}}`` | OpenRouter: the error of the server behind it |
"""

import ast
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.llm.failures.failure import Failure
from app.llm.json_fields import JsonObject, fields

_WORDS = (
    "message", "msg", "error_msg", "errmsg", "error_message", "errorMessage", "status_msg",
    "detail", "description", "title", "Message", "error_description", "raw", "error",
)  # fmt: skip
_CODES = (
    "code", "type", "status", "error_type", "error_code", "errorCode", "errcode", "reason",
    "quotaId", "http_code", "Code", "__type", "status_code", "statusCode", "errorType",
)  # fmt: skip
_INNER = (
    "error", "errors", "detail", "details", "metadata", "innererror", "inner_error", "base_resp",
    "Error", "Response", "violations", "cause", "message", "raw", "errorInfo",
    "data", "result",
)  # fmt: skip
_WAITS = ("retryDelay", "retry_after", "retryAfter", "retry_after_seconds", "estimated_time")
_NO_CODES = ("", "0", "200", "none", "null", "error", "object", "success", "ok", "true", "false")
_NO_ERRORS = (None, False, "", 0, "0", "success", "Success", "ok", "OK", "none", "None", "null")
_DEEPEST = 6
_MOST = 5
"""Most entries read of a list of errors."""
_MOST_CHARACTERS = 8192
_CODE = re.compile(r"[A-Za-z]{1,40}(?:[_.-][A-Za-z]{1,40}){0,7}")
_TAG = re.compile(r"<[^<>]*>")


def failure_of_body(body: object, status: int, headers: Mapping[str, str]) -> Failure:
    """Read the error in a body; without one, the whole body is the message.

    Args:
        body: The parsed JSON, or the text when it is none.
        status: The HTTP status; 0 for an error in a reply that claims success.
        headers: Of the reply.
    """
    found = _Found()
    _collect(body, found, 0)
    words = _joined(found.words)
    lowered = {name.lower(): value for name, value in headers.items()}
    # Bedrock names the error only here.
    if amazon := lowered.get("x-amzn-errortype", ""):
        found.codes.append(amazon.split(":")[0])
    return Failure(
        cause="status",
        words=plain(words or (body if isinstance(body, str) else _shown(body))),
        status=_status(status, found.statuses),
        code=" ".join(dict.fromkeys(code.lower() for code in found.codes)),
        param=found.param,
        headers=lowered,
        wait_said=found.wait,
    )


def error_in(reply: JsonObject) -> object | None:
    """Return the error in a reply that claims success; None: it has none.

    An error counts wherever it stands, also beside or inside a choice.
    """
    choices = reply.get("choices")
    choice = fields(choices[0]) if isinstance(choices, list) and choices else {}
    for holder in (choice, fields(choice.get("message")), reply):
        error = holder.get("error")
        if _is_error(error):
            return reply if holder is reply else error
    if reply.get("object") == "error" or reply.get("type") == "error":
        return reply
    if reply.get("success") is False or reply.get("errors"):
        return reply
    for name, code in (("base_resp", "status_code"), ("", "error_code"), ("", "errcode")):
        holder = fields(reply.get(name)) if name else reply
        if holder.get(code) not in (*_NO_ERRORS, 200):
            return reply
    if choice or "choices" in reply:
        return None
    return reply if _is_bare_error(reply) else None


def _is_bare_error(reply: JsonObject) -> bool:
    """Return True when a reply without choices is an error at its top level."""
    if any(reply.get(name) for name in ("detail", "error_msg", "errorMessage", "Error")):
        return True
    inner = [fields(reply.get(name)) for name in ("data", "result", "response", "Response")]
    if any(_is_error(one.get("error") or one.get("Error")) for one in inner):
        return True
    code = next((reply[name] for name in ("code", "statusCode") if name in reply), None)
    status = reply.get("status")
    is_status = isinstance(status, int) and not isinstance(status, bool) and status >= 400
    says = any(isinstance(reply.get(name), str) for name in ("message", "msg"))
    return is_status or (says and str(code).lower() not in _NO_CODES)


def _is_error(error: object) -> bool:
    """Return True when the value of a field ``error`` says that something failed."""
    if error in _NO_ERRORS or error in ({}, []):
        return False
    if isinstance(error, dict) and not (error.get("message") or error.get("type")):
        return str(error.get("code", "")).lower() not in _NO_CODES
    return True


@dataclass(slots=True)
class _Found:
    words: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    param: str = ""
    wait: str = ""


def _collect(value: object, found: _Found, depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        _collect_text(value, found, depth)
    elif isinstance(value, list):
        for one in value[:_MOST]:
            _collect(one, found, depth + 1)
    elif isinstance(value, dict):
        _collect_object(value, found, depth)


def _collect_text(text: str, found: _Found, depth: int) -> None:
    """Read a message, and the error that it may quote as JSON or as a Python value."""
    if _CODE.fullmatch(text):
        # Such as "rate_limit_exceeded", where others send a sentence.
        _collect_code(text, "", found)
    begin, end = text.find("{"), text.rfind("}")
    inner = _parsed(text[begin : end + 1]) if 0 <= begin < end else None
    if inner is None:
        found.words.append(text[:_MOST_CHARACTERS].strip())
        return
    found.words.append(text[:begin].strip().removesuffix(":").removesuffix("-").strip())
    _collect(inner, found, depth + 1)


def _parsed(text: str) -> JsonObject | None:
    if len(text) > _MOST_CHARACTERS:
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(value, dict):
            return value
    return None


def _collect_object(value: JsonObject, found: _Found, depth: int) -> None:
    path = value.get("loc")
    if isinstance(path, list | tuple) and path:
        # FastAPI: {"loc": ["body", "logprobs"], "msg": ..., "input": <an echo of our request>}.
        below = [str(part) for part in path if part != "body"]
        found.param = found.param or ".".join(below)
        found.words.append(f"{path[-1]}: {value.get('msg', '')}")
        found.codes.append(str(value.get("type", "")))
        return
    prefix = "minimax_" if "status_msg" in value else "baidu_" if "error_msg" in value else ""
    for name in _CODES:
        _collect_code(value.get(name), prefix, found)
    param = value.get("param")
    if isinstance(param, str) and not found.param:
        found.param = param
    found.wait = found.wait or _wait_in(value)
    for name in _WORDS:
        word = value.get(name)
        if isinstance(word, str) and word.strip():
            _collect_text(word, found, depth + 1)
    for name in _INNER:
        if isinstance(value.get(name), dict | list):
            _collect(value[name], found, depth + 1)


def _wait_in(value: JsonObject) -> str:
    """Return how long to wait by a field of the error; empty: it does not say."""
    for name in _WAITS:
        wait = value.get(name)
        if isinstance(wait, str | int | float) and not isinstance(wait, bool):
            return str(wait)
    # OpenRouter: the headers of the server behind it.
    headers = fields(value.get("headers"))
    return next((str(v) for k, v in headers.items() if k.lower() == "x-ratelimit-reset"), "")


def _collect_code(code: object, prefix: str, found: _Found) -> None:
    if isinstance(code, bool) or not isinstance(code, str | int):
        return
    said = str(code).strip()
    if said.isascii() and said.isdecimal():
        number = int(said[:9])
        if 400 <= number < 600:
            found.statuses.append(number)
            return
        said = f"{prefix}{said}" if number else ""
    if said.lower() not in _NO_CODES:
        found.codes.append(said[:200])


def _status(http: int, said: Iterable[int]) -> int:
    """Return the HTTP status, or the one that the body names where HTTP's says too little."""
    inner = next(iter(said), 0)
    if http == 0 or (http in (400, 500, 502) and inner in (401, 402, 403, 404, 429, 503, 529)):
        return inner or http
    return http


def _joined(words: Iterable[str]) -> str:
    """Join messages, without those that another repeats."""
    kept: list[str] = []
    for word in words:
        if word and not any(word in other for other in kept):
            kept = [other for other in kept if other not in word] + [word]
    return ": ".join(word.removesuffix(".") if word is not kept[-1] else word for word in kept)


def _shown(body: object) -> str:
    return "" if body in (None, {}, []) else json.dumps(body, ensure_ascii=False)


def plain(words: str) -> str:
    """Return a message without the HTML tags of an error page."""
    return _TAG.sub(" ", words[:4096]) if "<" in words else words
