"""The reader of usage: the tokens that a reply was billed for, by every name endpoints give them.

Runs, jobs, the preflight and batches all read usage here. A count that is missing or cannot be true
is estimated from the text, on the high side, and the completion is marked: it never counts as 0.
"""

import json
import math
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

from app.llm.json_fields import JsonObject, fields
from app.pipeline.types import ChatPrompt, Completion, Request

_MOST_USD = 10_000
"""Largest cost of one call that is believed."""
MAX_TOKENS = 100_000_000
"""Largest count that is believed: no model has a context of that size."""

_Counts: TypeAlias = Mapping[str, int]
"""The counts above 0 in a usage object, by name in snake case."""

_PROMPT = (
    "prompt_tokens",
    "input_tokens",
    "prompt_token_count",
    "input_token_count",
    "prompt_eval_count",
    "tokens_evaluated",
    "num_input_tokens",
    "num_prompt_tokens",
    "total_input_tokens",
    "prompt_token",
)
_COMPLETION = (
    "completion_tokens",
    "output_tokens",
    "candidates_token_count",
    "completion_token_count",
    "output_token_count",
    "eval_count",
    "tokens_predicted",
    "predicted_n",
    "generated_tokens",
    "generated_token_count",
    "num_output_tokens",
    "num_completion_tokens",
    "num_generated_tokens",
    "total_output_tokens",
    "completion_token",
)
_TOTAL = ("total_tokens", "total_token_count")
_REASONING = ("reasoning_tokens", "reasoning_token_count", "thinking_tokens")
_THOUGHTS = "thoughts_token_count"
"""Gemini's name: these are never part of the candidates' tokens."""
_TOOL_PROMPT = "tool_use_prompt_token_count"
"""Gemini's name: these are never part of the prompt's tokens."""
_CACHED = (
    "cached_tokens",
    "cache_read_input_tokens",
    "cache_read_input_token_count",
    "cached_content_token_count",
    "prompt_cache_hit_tokens",
    "cache_read_tokens",
    "cached_input_tokens",
    "num_cached_tokens",
    "cache_n",
)
_WRITTEN = (
    "cache_creation_input_tokens",
    "cache_write_input_tokens",
    "cache_write_input_token_count",
    "cache_write_tokens",
    "cache_creation_tokens",
    "cached_creation_tokens",
)
_WRITTEN_PARTS = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_BESIDE_INPUT = (
    "cache_read_input_tokens",
    "cache_read_input_token_count",
    "cache_creation_input_tokens",
    "cache_write_input_tokens",
    "cache_write_input_token_count",
    *_WRITTEN_PARTS,
)
"""Names of Anthropic and Bedrock, whose ``input_tokens`` leave out what the cache read or wrote."""
_BILLED = "billed_units"
"""Cohere's name for the counts that it bills; others are beside them."""
_PARTS = (
    "tokens",
    "prompt_tokens_details",
    "input_tokens_details",
    "completion_tokens_details",
    "output_tokens_details",
    "cache_creation",
)
"""Objects inside a usage object; the first one that has a name counts."""
_OTHER_PLACES = (
    ("usageMetadata",),
    ("usage_metadata",),
    ("x_groq", "usage"),
    ("token_usage",),
    ("amazon-bedrock-invocationMetrics",),
    ("response", "usage"),
    ("meta",),
    ("meta_info",),
    ("metrics",),
    ("details",),
    (),
    ("stats",),
    ("timings",),
)
"""Paths in a reply at which endpoints put usage; the empty one is the reply itself (Ollama)."""
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class _Usage:
    """The tokens of one reply; 0 is an unknown count, as no call has a prompt of no tokens."""

    prompt: int = 0
    """All of the prompt, including what the cache read or wrote."""
    completion: int = 0
    """All that was generated, including reasoning."""
    total: int = 0
    """Prompt and completion together; only where one of them is unknown."""
    cached: int = 0
    written: int = 0
    reasoning: int = 0


def with_usage(completion: Completion, reply: JsonObject) -> Completion:
    """Return the completion with the tokens that its reply reports.

    Unknown completion tokens are estimated from the text; unknown prompt tokens stay 0 until
    `estimate_missing`. Both mark the completion as estimated.
    """
    used = _joined([_usage_of(counts) for counts in _reported(reply)])
    prompt, completed = used.prompt, used.completion
    if not completed:
        completed = _text_tokens(completion)
        if used.total and not prompt:
            completed = max(1, min(used.total - 1, completed))
            prompt = used.total - completed
    cached = min(used.cached, prompt)
    return replace(
        completion,
        prompt_tokens=prompt,
        completion_tokens=completed,
        cached_tokens=cached,
        cache_write_tokens=min(used.written, prompt - cached),
        is_estimated=not (used.prompt and used.completion),
        reasoning_tokens=min(used.reasoning, completed),
        billed_usd=_billed_usd(reply),
    )


def _billed_usd(reply: JsonObject) -> Decimal | None:
    """Return the cost of the call that the endpoint reports, as OpenRouter does."""
    usage = reply.get("usage")
    cost = usage.get("cost") if isinstance(usage, Mapping) else None
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    return Decimal(str(cost)) if 0 <= cost <= _MOST_USD else None


def reported_tokens(reply: JsonObject) -> tuple[int, int] | None:
    """Return the prompt and completion tokens that a reply reports; None: not both of them."""
    used = _joined([_usage_of(counts) for counts in _reported(reply)])
    return (used.prompt, used.completion) if used.prompt and used.completion else None


def estimate_missing(completion: Completion, request: Request) -> Completion:
    """Return the completion with estimates in place of the counts that its reply left out.

    A count of 0 is one that was left out: every prompt and every answer has a token.
    """
    prompt, completed = completion.prompt_tokens, completion.completion_tokens
    if prompt and completed and not completion.is_estimated:
        return completion
    limit = request.parameters.max_tokens
    completion = replace(
        completion, completion_tokens=completed or _text_tokens(completion), is_estimated=True
    )
    completed = completion.completion_tokens
    if has_estimated_answer(completion):
        # The estimate can be too high by a factor of two. Above that, the endpoint ignored the
        # limit.
        completed = max(completed, limit) if completion.cut_off else completed
        completed = min(completed, limit) if completed <= 2 * limit else completed
    prompt = prompt or estimate_prompt_tokens(request)
    return replace(completion, prompt_tokens=prompt, completion_tokens=completed)


def has_estimated_answer(completion: Completion) -> bool:
    """Return True when the completion tokens are estimated, and not only those of the prompt."""
    return completion.is_estimated and completion.completion_tokens == _text_tokens(completion)


_LETTERS = string.ascii_letters.encode()
_SPACES = string.whitespace.encode()
_ASCII = bytes(range(128))
_PER_LETTER = 0.4
_PER_SPACE = 0.2
_PER_BYTE = 0.65
"""Tokens of a byte that is not ASCII: letters of other scripts have two or three of them."""
_AROUND_A_TURN = 8
"""Tokens that a chat template usually puts around one message."""


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text, on the high side.

    Measured with the tokenizers of GPT-4, GPT-4o, Llama 2, Llama 3.1 and Qwen 3
    (`tests/unit/llm/answers/token_counts.json`): 1.6 times the real count for English prose, 1.3 to
    1.5 times for code and JSON, at least 0.9 times for the other kinds and languages, but 0.7 times
    for Amharic and for letters without sense.
    """
    data = text.encode("utf-8", "replace")
    ascii_bytes = len(data) - len(data.translate(None, _ASCII))
    letters = len(data) - len(data.translate(None, _LETTERS))
    spaces = len(data) - len(data.translate(None, _SPACES))
    # Figures and signs are often tokens of their own.
    rest = ascii_bytes - letters - spaces
    foreign = (len(data) - ascii_bytes) * _PER_BYTE
    return math.ceil(letters * _PER_LETTER + spaces * _PER_SPACE + rest + foreign)


def estimate_prompt_tokens(request: Request) -> int:
    """Estimate the tokens of a request's prompt, with its schema, on the high side; at least 1."""
    prompt = request.prompt
    if not isinstance(prompt, ChatPrompt):
        return max(1, estimate_tokens(prompt.text))
    turns = sum(estimate_tokens(turn.content) + _AROUND_A_TURN for turn in prompt.messages)
    schema = "" if prompt.schema is None else json.dumps(dict(prompt.schema))
    return max(1, turns + estimate_tokens(schema))


def _text_tokens(completion: Completion) -> int:
    # At least the token that ends an answer.
    return max(1, estimate_tokens(completion.text + (completion.reasoning or "")))


def _reported(reply: JsonObject) -> Iterator[_Counts]:
    """Yield the counts at each place where a reply may report usage, the surest place first."""
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (reply, fields(first), fields(fields(first).get("message"))):
        usage = holder.get("usage")
        # Of several, the last one has the sums.
        yield _counts(fields(usage[-1] if isinstance(usage, list) and usage else usage))
    for path in _OTHER_PLACES:
        found = reply
        for name in path:
            found = fields(found.get(name))
        yield _counts(found)


def _counts(usage: JsonObject) -> _Counts:
    named = {_snake(name): value for name, value in usage.items()}
    found: dict[str, int] = {}
    billed = fields(named.get(_BILLED))
    parts = (billed,) if billed else (named, *(fields(named.get(name)) for name in _PARTS))
    for part in parts:
        for name, value in part.items():
            count = _count(value)
            if count:
                found.setdefault(_snake(name), count)
    return found


def _snake(name: str) -> str:
    return _WORD_START.sub("_", name).replace("-", "_").lower()


def _count(value: object) -> int:
    """Return a count of tokens, rounded up; 0 for everything that cannot be one."""
    if isinstance(value, str):
        try:
            value = float(value.replace(",", "") if _THOUSANDS.fullmatch(value) else value)
        except ValueError:
            return 0
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Also false for NaN.
    known = is_number and isinstance(value, int | float) and 0 < value <= MAX_TOKENS
    return math.ceil(value) if known and isinstance(value, int | float) else 0


def _first(counts: _Counts, names: tuple[str, ...]) -> int:
    return next((counts[name] for name in names if name in counts), 0)


def _usage_of(counts: _Counts) -> _Usage:
    cached = _first(counts, _CACHED)
    written = _first(counts, _WRITTEN) or sum(counts.get(name, 0) for name in _WRITTEN_PARTS)
    completion = _completion_tokens(counts)
    prompt = _prompt_tokens(counts, completion, cached + written)
    total = _first(counts, _TOTAL)
    if prompt:
        # Reasoning that is billed beside the completion shows in the total.
        completion = max(completion, total - prompt)
    elif completion:
        prompt = max(0, total - completion)
    reasoning = _first(counts, _REASONING) or counts.get(_THOUGHTS, 0)
    return _Usage(prompt, completion, total, cached, written, reasoning)


def _completion_tokens(counts: _Counts) -> int:
    completion = _first(counts, _COMPLETION) + counts.get(_THOUGHTS, 0)
    reasoning = _first(counts, _REASONING)
    # A part is not larger than the whole: then the completion's count leaves it out.
    return completion + reasoning if reasoning > completion else completion


def _prompt_tokens(counts: _Counts, completion: int, in_cache: int) -> int:
    """Return the tokens of the whole prompt.

    OpenAI's count includes what the cache read and wrote. Anthropic's and Bedrock's counts leave it
    out, and so does a count that is smaller than its part, or that the total shows to be less.
    """
    if "prompt_n" in counts:
        # llama.cpp counts the tokens it evaluated.
        return counts["prompt_n"] + counts.get("cache_n", 0)
    prompt = _first(counts, _PROMPT) + counts.get(_TOOL_PROMPT, 0)
    if not prompt and "prompt_cache_miss_tokens" in counts:
        return counts["prompt_cache_miss_tokens"] + in_cache
    is_input = "prompt_tokens" not in counts and any(name in counts for name in _BESIDE_INPUT)
    total = _first(counts, _TOTAL)
    leaves_out = is_input or in_cache > prompt or total == prompt + completion + in_cache
    return prompt + in_cache if leaves_out else prompt


def _joined(reported: list[_Usage]) -> _Usage:
    """Return the first usage that has both counts; otherwise fill in what the first one lacks."""
    for used in reported:
        if used.prompt and used.completion:
            # llama.cpp reports its cache in another place.
            cached = (one.cached for one in reported if one.cached and one.prompt == used.prompt)
            return used if used.cached else replace(used, cached=next(cached, 0))
    prompt = next((used for used in reported if used.prompt), _Usage())
    completion = next((used.completion for used in reported if used.completion), 0)
    total = next((used.total for used in reported if used.total), 0)
    return replace(prompt, completion=completion, total=total)
