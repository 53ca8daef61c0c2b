"""Refusals of parameters, read as lessons: the parameter that is meant, and what to send instead.

| subject | what is sent instead |
|---|---|
| top_p, penalties, seed, logit_bias, others | nothing |
| temperature | the limit that the refusal names, or nothing |
| stop | as many as are allowed, or nothing: then the reply is cut here (`cut_at_stop`) |
| logprobs | fewer alternatives, if the refusal says how many, or nothing |
| response_format | no keyword that was refused, or JSON without a schema, or nothing |
| max_tokens | the other name, or the limit that the refusal names |
| system role | the text in front of the first message of the user |
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from app.llm.dialects.dialect import (
    JSON_MODE,
    KEYWORD,
    LENGTH_NAMES,
    LONGER_NAME,
    Body,
    Lesson,
)
from app.llm.failures.failure import Failure
from app.llm.failures.refused_parameters import SYSTEM, refused_parameter
from app.llm.provider_text import shorten

MAX_WORDS = 200
"""Most characters kept of the provider's words."""
_LOWEST_TEMPERATURE = 0.01
"""Sent where 0 is refused."""

_NOT_ABOUT_PROMPTS = (401, 402, 408, 429)
_MONEY = re.compile(
    r"\b(credits?|balance|quota|billing|arrear\w*|afford)\b|余额|欠费", re.IGNORECASE
)
_NEAR = 100
"""Characters between the name of a parameter and the words that refuse it, at most."""
_NO_SUCH = re.compile(
    r"unsupport|not (be |currently |yet )*(support|permit|allow|recogni|implement)|unrecogni"
    r"|unknown|extra|n[o']t (support|allow|recogni)|cannot find|unexpected|unimplement|disallow"
    r"|不支持",
    re.I,
)
_LENGTH = re.compile(r"max\w*?_?tokens\w*", re.I)
_LIMITS = re.compile(
    r"[<>]=?|less|greater|most|least|more than|larger?|max|min|range|between|exceed|below|above"
    r"|up to|limit|[\[(]\s*\d+\s*,|范围|不超过",
    re.I,
)
_IS_TOO_LITTLE = re.compile(r">=|below|minimum|at least|greater than or|too (small|low)", re.I)
_ABOUT_CONTEXT = re.compile(
    r"context (length|window|size) (is|of|exceeded)|input tokens|prompt tokens|in the messages"
    r"|tokens (in|from) (the|your) (prompt|input)|prompt (contains|has|is)",
    re.I,
)
_ONLY_DEFAULT = re.compile(r"default|only (the )?(value )?\(?1\b", re.IGNORECASE)
_POSITIVE = re.compile(
    r"positive|\b0(\.0)? ?< ?temp|greater than 0|larger than 0|> ?0(\.0)?\b(?!\.\d)"
    r"|\(0(\.0)?\s*,|non-?zero"
    r"|exclusive",
    re.I,
)
_NUMBER = re.compile(
    r"(?<![\w-])(?<!\d\.)-?\d+(?:[,_]\d{3})*(?:\.\d+)?(?![\w-])(?:\s*\((exclusive))?"
)
_UNFINISHED = re.compile(
    r"could not finish the message because max_tokens|output limit was reached", re.IGNORECASE
)
_NO_KEYWORDS = ("type", "properties", "items", "required", "enum", "description", "title")


def lesson_of(refusal: Failure, sent: Body) -> Lesson | None:
    """Return what a refusal teaches.

    Args:
        refusal: the failed call.
        sent: the body that was sent, without the fields that a person added.

    Returns:
        None when the refusal is not about a parameter that was sent, or nothing can be changed. A
        lesson always changes the body, so a call that is repeated after each ends.
    """
    if refusal.cause != "status" or _MONEY.search(refusal.words) or is_unfinished(refusal):
        return None
    known = refusal.of_request(sent)
    found = _about_keyword(known, sent)
    if found is None:
        refused = refused_parameter(known)
        name = None if refused is None else refused.parameter
        found = None if name is None else _lesson_about(name, known, sent)
    return None if found is None else replace(found, words=shorten(refusal.words)[:MAX_WORDS])


def is_unfinished(refusal: Failure) -> bool:
    """Return True when the endpoint reports a reply that the length limit ended as an error."""
    return bool(_UNFINISHED.search(refusal.words))


def _about_keyword(refusal: Failure, sent: Body) -> Lesson | None:
    form = sent.get("response_format")
    if not isinstance(form, Mapping) or not isinstance(form.get("json_schema"), Mapping):
        return None
    inner = form["json_schema"]
    names = set(_keywords(inner.get("schema"))) - set(_NO_KEYWORDS)
    names |= {"strict"} & inner.keys()
    if refusal.status in _NOT_ABOUT_PROMPTS:
        return None
    text = f"{refusal.param} {refusal.said}"
    for name in sorted(names, key=text.find):
        for mention in re.finditer(rf"(?<!\w){name}(?!\w)", text):
            if _NO_SUCH.search(_around(text, mention)):
                return Lesson(f"{KEYWORD}{name}", "dropped")
    return None


def _keywords(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            yield key
            inner = value.values() if key == "properties" else [value] if key == "items" else ()
            for one in inner:
                yield from _keywords(one)


def _around(text: str, mention: re.Match[str]) -> str:
    return text[max(0, mention.start() - _NEAR) : mention.end() + _NEAR]


def _lesson_about(name: str, refusal: Failure, sent: Body) -> Lesson | None:
    if name == SYSTEM:
        return Lesson("system", "folded")
    if name in LENGTH_NAMES:
        return _about_length(refusal, sent)
    if name in ("logprobs", "top_logprobs"):
        return _about_logprobs(refusal.said, sent)
    if name == "temperature":
        return _about_temperature(refusal.said, float(sent["temperature"]))
    if name == "stop" and isinstance(sent["stop"], list):
        allowed = _largest_below(refusal.said, len(sent["stop"]), at_least=1)
        if allowed is not None:
            return Lesson("stop", "at_most", int(allowed))
    is_schema = name == "response_format" and "json_schema" in sent[name]
    return Lesson(name, "replaced", JSON_MODE) if is_schema else Lesson(name, "dropped")


def _about_length(refusal: Failure, sent: Body) -> Lesson | None:
    name = next(name for name in LENGTH_NAMES if name in sent)
    value, words = int(sent[name]), refusal.said
    if _ABOUT_CONTEXT.search(words):
        return None
    if _IS_TOO_LITTLE.search(words):
        more = min((n for n in _numbers(words) if n > value), default=None)
        if more is not None:
            return Lesson("max_tokens", "at_least", int(more))
    limit = _largest_below(words, value, at_least=1)
    if limit is not None:
        return Lesson("max_tokens", "at_most", int(limit))
    is_unknown = "unsupported_parameter" in refusal.code or "unknown_parameter" in refusal.code
    if name == "max_tokens" and "messages" in sent and (is_unknown or _NO_SUCH.search(words)):
        return Lesson("max_tokens", "renamed", LONGER_NAME)
    return None


def _about_logprobs(words: str, sent: Body) -> Lesson:
    asked = sent.get("top_logprobs", sent["logprobs"])
    if isinstance(asked, int) and not isinstance(asked, bool):
        allowed = _largest_below(words, asked, at_least=1)
        if allowed is not None:
            return Lesson("top_logprobs", "at_most", int(allowed))
    return Lesson("logprobs", "dropped")


def _about_temperature(words: str, value: float) -> Lesson:
    if not _ONLY_DEFAULT.search(words):
        if value == 0 and _POSITIVE.search(words):
            return Lesson("temperature", "at_least", _LOWEST_TEMPERATURE)
        limit = _largest_below(words, value, at_least=0)
        if limit is not None and limit > 0:
            return Lesson("temperature", "at_most", limit)
    return Lesson("temperature", "dropped")


def _largest_below(words: str, value: float, *, at_least: float) -> float | None:
    """Return the limit that a refusal names: its largest number below the value that was sent."""
    # The names themselves speak of a maximum.
    if not _LIMITS.search(_LENGTH.sub("", words)):
        return None
    return max((n for n in _numbers(words) if at_least <= n < value), default=None)


def _numbers(words: str) -> Iterator[float]:
    for match in _NUMBER.finditer(words):
        digits = re.match(r"-?[\d,_.]+", match.group())
        if digits is not None:
            number = float(digits.group().replace(",", "").replace("_", "").rstrip("."))
            yield number - 1 if match.group(1) else number


# One call only.

_LEAST_REST = 256
_SHARE_OF_REST = 0.9
"""Share of the context beside the prompt that is used: endpoints count a template's tokens
differently."""
_CONTEXT_OF = re.compile(r"(?:context (?:length|window|size)|maximum)\D{0,30}?(\d[\d,]*)", re.I)
_INPUT_OF = re.compile(r"(\d[\d,]*) (?:input|prompt) tokens|(\d[\d,]*) in the messages", re.I)


def fitted(refusal: Failure, sent: Body) -> dict[str, Any] | None:
    """Return the body with a length that the context allows beside this prompt.

    It is about this prompt, so nothing is learnt.

    Returns:
        None when the refusal does not say how much is left, or it is too little.
    """
    context, used = _CONTEXT_OF.search(refusal.words), _INPUT_OF.search(refusal.words)
    name = next((name for name in LENGTH_NAMES if name in sent), None)
    if context is None or used is None or name is None or refusal.status in _NOT_ABOUT_PROMPTS:
        return None
    prompt = used.group(1) or used.group(2)
    rest = int((_whole(context.group(1)) - _whole(prompt)) * _SHARE_OF_REST)
    return {**sent, name: rest} if _LEAST_REST <= rest < int(sent[name]) else None


def _whole(digits: str) -> int:
    return int(digits.replace(",", ""))
