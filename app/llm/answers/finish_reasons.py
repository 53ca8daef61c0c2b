"""Why an answer ended: every provider's word for it, read as one of a few reasons.

Only ``length`` is rewritten, because every reader must know a truncated answer. Words for a normal
end stay as they are.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, TypeAlias

from app.llm.answers.usage import has_estimated_answer
from app.llm.json_fields import JsonObject, fields
from app.pipeline.types import Completion

End: TypeAlias = Literal["normal", "length", "filter", "broken", "unknown"]
"""``normal``: the model ended by itself. ``length``: truncated by a limit. ``filter``: the provider
withheld it. ``broken``: the provider failed while it answered."""

UNKNOWN = "unknown"
"""The finish reason of a reply that gives none."""

# The first kind with a match counts. Words are compared in lower case, with ``_`` between them.
_WORDS: tuple[tuple[End, re.Pattern[str]], ...] = (
    # Gemini's `SAFETY` and its kin, Zhipu's `sensitive`, Bedrock's `guardrail_intervened`, Cohere's
    # `ERROR_TOXIC`, Anthropic's `refusal`.
    (
        "filter",
        re.compile(
            r"filter|safety|recitation|prohibited|blocklist|blocked|spii|sensitive|guardrail"
            r"|moderat|refus|language$|toxic|violation|risk_control|harmful|flagged|censor|policy"
        ),
    ),
    # DeepSeek's `insufficient_system_resource`, Zhipu's `network_error`, vLLM's `abort`,
    # OpenRouter's `error`. Cohere's `ERROR_LIMIT` is a limit of length.
    (
        "broken",
        re.compile(
            r"^error$|^abort|_abort|network|resource|^cancel|_cancel|fail|exception|internal"
            r"|server_error|upstream|overload|unavailable|^time_?out|rate_limit|connection|crash"
            r"|interrupt|generation_error|engine"
        ),
    ),
    # OpenAI's `length`, Anthropic's `max_tokens` and `model_context_window_exceeded`, Mistral's
    # `model_length`, Cohere's `MAX_TOKENS` and `ERROR_LIMIT`, watsonx's `token_limit`,
    # `time_limit` and `not_finished`, the Responses API's `max_output_tokens` and `incomplete`.
    # Some end a loop with `repetition`.
    (
        "length",
        re.compile(
            r"length|max_|limit|truncat|incomplete|context|window|not_finished|cut_?off"
            r"|out_of_tokens|num_predict|exceed|repetition|exhausted|token_budget"
        ),
    ),
    (
        "normal",
        re.compile(
            r"^stop|_stop$|^eos|_eos|^end|^complete|^finish|^done$|^normal|^success|^eot|^eog"
            r"|tool_call|tool_use|function_call"
        ),
    ),
)


_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def end_of(word: str) -> End:
    """Return the kind of a finish reason."""
    plain = _CAMEL.sub("_", word)
    plain = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_").removeprefix("finish_reason_")
    return next((end for end, pattern in _WORDS if pattern.search(plain)), "unknown")


def blocked_by(reply: JsonObject) -> str | None:
    """Return why a reply without choices was withheld; None: it does not say so.

    Gemini blocks a prompt in ``promptFeedback``, Azure in ``prompt_filter_results``.
    """
    for name, inner in (("promptFeedback", "blockReason"), ("prompt_feedback", "block_reason")):
        reason = fields(reply.get(name)).get(inner)
        if isinstance(reason, str) and reason:
            return reason
    results = reply.get("prompt_filter_results")
    for one in results if isinstance(results, list) else ():
        for name, found in fields(fields(one).get("content_filter_results")).items():
            if fields(found).get("filtered") is True:
                return name
    return None


def finish_reason_of(choice: JsonObject, reply: JsonObject) -> str:
    """Return the finish reason of a choice: ``length`` for every word that means it.

    Args:
        choice: The choice.
        reply: The whole reply: some providers give the reason there.
    """
    said = next(_words(choice, reply), UNKNOWN)
    # A gateway translates the reason of the model's own server, and may lose it.
    native = choice.get("native_finish_reason")
    own = [said, native] if isinstance(native, str) else [said]
    return "length" if "length" in map(end_of, own) else said


def _words(choice: JsonObject, reply: JsonObject) -> Iterator[str]:
    message = fields(choice.get("message"))
    for holder, name in (
        (choice, "finish_reason"),
        (choice, "finishReason"),
        (choice, "finish_details"),
        (choice, "native_finish_reason"),
        (choice, "stop_reason"),
        (choice, "done_reason"),
        (message, "finish_reason"),
        (message, "stop_reason"),
        (reply, "incomplete_details"),
        (reply, "finish_reason"),
        (reply, "stop_reason"),
        (reply, "done_reason"),
    ):
        value = holder.get(name)
        # SGLang: ``{"type": "length", "length": 20}``; OpenAI: ``{"reason": "max_output_tokens"}``.
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, dict):
            value = value.get("type") or value.get("reason")
        if isinstance(value, str) and value.strip() and value.strip().lower() not in _NO_WORDS:
            yield value.strip()


_NO_WORDS = ("null", "none", "unknown", "finish_reason_unspecified")


def checked_by_limit(completion: Completion, max_tokens: int) -> Completion:
    """Return a completion whose finish reason is ``length`` where only its tokens show it.

    An answer that gives no reason, or one that nobody knows, and that has as many tokens as were
    allowed was truncated.

    Args:
        completion: The answer.
        max_tokens: Limit that was sent with the request.
    """
    tokens = 0 if has_estimated_answer(completion) else completion.completion_tokens
    if tokens < max_tokens or end_of(completion.finish_reason) != "unknown":
        return completion
    return replace(completion, finish_reason="length")
