"""The parser of OpenAI-compatible replies: JSON in, a `Completion` out, every field checked.

Endpoints omit different fields. A missing field that does no harm gets a default; one without which
there is no answer is an `ItemError`. An error in a reply with status 200 becomes a `Failure`, to be
classified like every other.
"""

import json
from codecs import getincrementaldecoder
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeGuard

from app.errors import ItemError, NoAnswer, NoText, Outage, TextFiltered
from app.llm.answers.content import Content, read_content
from app.llm.answers.finish_reasons import blocked_by, end_of, finish_reason_of
from app.llm.answers.usage import reported_tokens, with_usage
from app.llm.classify_errors import Failure, is_recognised
from app.llm.failures.error_bodies import error_in, failure_of_body
from app.llm.failures.no_model import serves_no_model
from app.llm.json_fields import JsonObject, fields
from app.llm.provider_text import shorten, storable
from app.pipeline.types import Completion

MAX_NAME_CHARACTERS = 200
"""Most characters kept of a model's name and of a finish reason."""
_PLAIN_BYTES = 4096
"""Bytes read of a body that is a plain text: enough to recognise an error."""


def json_object(body: bytes) -> JsonObject:
    """Parse the reply's JSON object, also where it stands alone in a list.

    Raises:
        NoAnswer: The body is empty, or JSON of another kind.
        ItemError: It is broken JSON.
    """
    if not body.strip():
        raise NoAnswer("The answer is empty.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise ItemError(_no_answer("broken JSON", body)) from None
    if isinstance(value, list) and len(value) == 1:
        # Gemini puts an error into a list.
        value = value[0]
    if not isinstance(value, dict):
        raise NoAnswer(_no_answer("no JSON object", body))
    return value


def read_reply(
    reply: JsonObject, asked_model: str, headers: Mapping[str, str]
) -> Completion | Failure:
    """Read a reply that claims success: its completion, or the error that it has all the same.

    Args:
        reply: The JSON object.
        asked_model: The model that was asked, in case that the reply names none.
        headers: Of the reply; they may say how long to wait.

    Raises:
        TextFiltered: The provider withheld an answer because of the prompt.
        ItemError, Outage: As `read_completion` does.
    """
    error = error_in(reply)
    if error is not None:
        return replace(failure_of_body(error, 0, headers), is_begun=_is_begun(reply))
    if not reply.get("choices"):
        if (reason := blocked_by(reply)) is not None:
            raise TextFiltered(f"The provider's filter refused the prompt ({shorten(reason)}).")
        failure = failure_of_body(reply, 0, headers)
        if is_recognised(failure):
            return failure
        if serves_no_model(reply):
            return Failure("no model", failure.words)
    try:
        return read_completion(reply, asked_model)
    except (ItemError, Outage) as trouble:
        trouble.usage = reported_tokens(reply)
        raise


def _is_begun(reply: JsonObject) -> bool:
    """Return True when a reply with an error has a part of an answer."""
    choices = reply.get("choices")
    choice = fields(choices[0]) if isinstance(choices, list) and choices else {}
    message = fields(choice.get("message")) or choice
    content = read_content(message.get("content") or message.get("text"), message)
    return bool(content.text or content.reasoning)


def read_plain(body: bytes, headers: Mapping[str, str]) -> Failure | None:
    """Read a body that is a text instead of a JSON object, in quotes or not; None: it is none."""
    # A character that the cut goes through is left out; other bytes are no text.
    decoder = getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(body[:_PLAIN_BYTES], final=len(body) <= _PLAIN_BYTES).strip()
    text = _unquoted(text)
    if (
        not text
        or not text[0].isalpha()
        or text in ("null", "true", "false")
        or "\N{REPLACEMENT CHARACTER}" in text
    ):
        return None
    failure = failure_of_body(text, 0, headers)
    return failure if is_recognised(failure) else Failure("no model", failure.words)


def _unquoted(text: str) -> str:
    """Return the text that a JSON string holds; everything else as it is."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text)).strip()
    except ValueError:
        return text


def read_completion(reply: JsonObject, asked_model: str) -> Completion:
    """Read the first choice of a chat or completions reply.

    Raises:
        NoAnswer: There is none, and no usage.
        NoText: It has no text.
        ItemError: The provider withheld it.
        Outage: The provider failed while it answered.
    """
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices or not fields(choices[0]):
        rest = shorten(json.dumps(reply, ensure_ascii=False)) if reply else "an empty object"
        # A reply with usage comes from a model, so it may be about this text.
        kind = NoText if reply.get("usage") else NoAnswer
        raise kind(f"The endpoint answered without any choice: {rest}.")
    choice = fields(choices[0])
    finish_reason = finish_reason_of(choice, reply)
    content = _content_of(choice, finish_reason)
    completion = Completion(
        text=storable(content.text or ""),
        finish_reason=_text(finish_reason, ""),
        model=_text(reply.get("model"), asked_model),
        top_logprobs=_top_logprobs(choice.get("logprobs")),
        reply_id=_text(reply.get("id"), "") or None,
        reasoning=None if content.reasoning is None else storable(content.reasoning),
    )
    return with_usage(completion, reply)


def _content_of(choice: JsonObject, finish_reason: str) -> Content:
    end = end_of(finish_reason)
    if end == "filter":
        raise TextFiltered(f"The provider's filter cut the answer (finish_reason {finish_reason}).")
    if end == "broken":
        raise _broken_off(finish_reason)
    # Some servers send the chunk of a stream although they don't stream.
    message = fields(choice.get("message")) or fields(choice.get("delta"))
    holder = message or choice
    content = read_content(holder.get("content", choice.get("text")), holder)
    refusal = message.get("refusal")
    if content.text is None and isinstance(refusal, str) and refusal:
        raise ItemError(f"The model refused: {shorten(refusal)}")
    # A reasoning model that spent all its tokens before the first word of its answer, or that
    # ended there: paid, and its reasoning is kept. Reasoning is never taken as the answer.
    if content.text is not None or content.reasoning is not None or end == "length":
        return content
    raise NoText(f"The endpoint answered without text (finish_reason {shorten(finish_reason)}).")


def _broken_off(finish_reason: str) -> Outage:
    trouble = Outage(
        f"The endpoint broke off its answer (finish_reason {finish_reason}). Is it overloaded?"
    )
    trouble.may_be_paid = True
    return trouble


def _top_logprobs(logprobs: object) -> dict[str, float] | None:
    """Read the first token's logprobs, in the chat form or that of the completions endpoint."""
    said = fields(logprobs)
    tokens = said.get("content")
    if isinstance(tokens, list) and tokens:
        rows = fields(tokens[0]).get("top_logprobs")
        if isinstance(rows, list):
            found = [fields(row) for row in rows]
            return _likeliest((row.get("token"), row.get("logprob")) for row in found)
    older = said.get("top_logprobs")
    if isinstance(older, list) and older:
        return _likeliest(fields(older[0]).items())
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
    return f"The endpoint answered with {what}: {words}." if words else "The answer is empty."


def _text(value: object, otherwise: str) -> str:
    return storable(value[:MAX_NAME_CHARACTERS]) if isinstance(value, str) and value else otherwise


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) < 1e9
