"""The parser of OpenAI-compatible replies: JSON in, a `Completion` out, every field checked.

Endpoints omit different fields. A missing field that does no harm gets a default; one without which
there is no answer is an `ItemError`. Error objects in a reply with status 200 are left to
`parse_errors`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias, TypeGuard

from app.errors import ItemError
from app.llm.provider_text import shorten, storable
from app.pipeline.types import Completion

JsonObject: TypeAlias = Mapping[str, object]

MAX_NAME_CHARACTERS = 200
"""Most characters kept of a model's name and of a finish reason."""
MAX_TOKENS = 2**31 - 1
"""Largest token count that is believed; it is also the largest that an integer column stores."""


def json_object(body: bytes) -> JsonObject:
    """Parse the reply's JSON object; an `ItemError` shows the beginning of an invalid body."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ItemError(_no_answer("broken JSON", body)) from None
    if not isinstance(value, dict):
        raise ItemError(_no_answer("no JSON object", body))
    return value


def read_completion(reply: JsonObject, asked_model: str) -> Completion:
    """Read the first choice of a chat or completions reply; `ItemError`: there is none."""
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ItemError("The endpoint answered without any choice.")
    choice = _object(choices[0])
    finish_reason = _text(choice.get("finish_reason"), "unknown")
    usage = _object(reply.get("usage"))
    return Completion(
        text=_text_of(choice, finish_reason),
        finish_reason=finish_reason,
        model=_text(reply.get("model"), asked_model),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        top_logprobs=_top_logprobs(choice.get("logprobs")),
        reply_id=_text(reply.get("id"), "") or None,
    )


def _text_of(choice: JsonObject, finish_reason: str) -> str:
    message = _object(choice.get("message"))
    if finish_reason == "content_filter":
        raise ItemError("The provider's filter cut the answer (finish_reason content_filter).")
    text = message.get("content") if "message" in choice else choice.get("text")
    if isinstance(text, str):
        return storable(text)
    if finish_reason == "length":
        # A reasoning model that spent all its tokens before the first word: paid, and cut off.
        return ""
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        raise ItemError(f"The model refused: {shorten(refusal)}")
    raise ItemError(f"The endpoint answered without text (finish_reason {finish_reason}).")


def _top_logprobs(logprobs: object) -> dict[str, float] | None:
    """Read the first token's logprobs, in the chat form or that of the completions endpoint."""
    said = _object(logprobs)
    tokens = said.get("content")
    if isinstance(tokens, list) and tokens:
        rows = _object(tokens[0]).get("top_logprobs")
        if isinstance(rows, list):
            found = [_object(row) for row in rows]
            return _likeliest((row.get("token"), row.get("logprob")) for row in found)
    older = said.get("top_logprobs")
    if isinstance(older, list) and older:
        return _likeliest(_object(older[0]).items())
    return None


def _likeliest(pairs: Iterable[tuple[object, object]]) -> dict[str, float] | None:
    """Return logprobs by token; of tokens with the same text (different bytes) the likeliest."""
    best: dict[str, float] = {}
    for token, logprob in pairs:
        # Minus infinity means the same as an absent token, and JSON columns cannot store it.
        if isinstance(token, str) and _is_finite(logprob):
            name = storable(token)
            best[name] = max(logprob, best.get(name, logprob))
    return best or None


def _no_answer(what: str, body: bytes) -> str:
    # A character takes at most four bytes: this is enough for the characters that are kept.
    words = shorten(body[:4096].decode("utf-8", errors="replace"))
    return f"The endpoint answered with {what}: {words}" if words else "The answer is empty."


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(value: object, otherwise: str) -> str:
    return storable(value[:MAX_NAME_CHARACTERS]) if isinstance(value, str) and value else otherwise


def _count(value: object) -> int:
    # A missing usage counts as 0 tokens: it is no reason to lose the answer.
    known = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_TOKENS
    return int(value) if known and isinstance(value, int) else 0


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) < 1e9
