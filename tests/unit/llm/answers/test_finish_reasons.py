"""Finish reasons in the words of real providers and servers."""

from typing import Any

import pytest

from app.errors import ItemError, Outage
from app.llm.answers.finish_reasons import End, checked_by_limit, end_of
from app.llm.replies import read_completion
from app.pipeline.types import Completion

WORDS: dict[End, str] = {
    "length": "length max_tokens MAX_TOKENS FINISH_REASON_MAX_TOKENS model_length max_output_tokens"
    " token_limit incomplete max_length max_new_tokens length_limit context_length"
    " model_context_window_exceeded ERROR_LIMIT time_limit not_finished truncated LENGTH"
    " MaxTokens maxOutputTokens repetition budget_exhausted token_budget",
    "filter": "content_filter SAFETY RECITATION PROHIBITED_CONTENT BLOCKLIST SPII sensitive"
    " content_filtered guardrail_intervened refusal ERROR_TOXIC IMAGE_SAFETY"
    " LANGUAGE moderated",
    "broken": "error abort aborted network_error insufficient_system_resource cancelled"
    " server_error engine_overloaded timeout failed ERROR internal_error",
    "normal": "stop STOP end_turn stop_sequence eos eos_token COMPLETE completed end finished"
    " tool_calls tool_use function_call FINISH_REASON_STOP",
    "unknown": "unknown OTHER weird",
}


@pytest.mark.parametrize("end", WORDS)
def test_every_word_has_its_kind(end: End) -> None:
    words = WORDS[end].split()
    assert {word: end_of(word) for word in words} == dict.fromkeys(words, end)


def read(choice: dict[str, Any], **reply: object) -> Completion:
    return read_completion({"choices": [{"text": "half a", **choice}], **reply}, "m")


CUT: dict[str, Completion] = {
    "Anthropic's word": read({"finish_reason": "max_tokens"}),
    "Gemini's": read({"finish_reason": "MAX_TOKENS"}),
    "in the field of another API": read({"stop_reason": "max_tokens"}),
    "Gemini's own field": read({"finishReason": "MAX_TOKENS"}),
    "a list": read({"finish_reason": ["length"]}),
    "SGLang's object": read({"finish_reason": {"type": "length", "length": 20}}),
    "an old OpenAI field": read({"finish_details": {"type": "max_tokens"}, "finish_reason": None}),
    "the Responses API": read({}, incomplete_details={"reason": "max_output_tokens"}),
    "lost by a gateway": read({"finish_reason": "stop", "native_finish_reason": "MAX_TOKENS"}),
    "null beside a native reason": read(
        {"finish_reason": None, "native_finish_reason": "model_length"}
    ),
    "Ollama's, beside the choices": read({"finish_reason": ""}, done_reason="length"),
}


@pytest.mark.parametrize("shape", CUT)
def test_a_truncated_answer_always_ends_with_length(shape: str) -> None:
    assert CUT[shape].finish_reason == "length"
    assert CUT[shape].cut_off


def test_a_stop_string_is_not_taken_for_a_reason() -> None:
    # vLLM puts the stop string that was met into `stop_reason`.
    assert not read({"finish_reason": "stop", "stop_reason": "length"}).cut_off


@pytest.mark.parametrize(
    ("word", "tokens", "is_cut"),
    [
        (None, 20, True),
        ("", 21, True),
        ("null", 20, True),
        ("weird", 20, True),
        (None, 19, False),
        (None, 0, False),
        ("stop", 20, False),
        ("end_turn", 20, False),
    ],
)
def test_without_a_known_reason_the_tokens_decide(
    word: str | None, tokens: int, *, is_cut: bool
) -> None:
    answer = read({"finish_reason": word}, usage={"completion_tokens": tokens})
    assert checked_by_limit(answer, max_tokens=20).cut_off is is_cut


def test_an_answer_that_a_filter_withheld_is_trouble_of_the_item() -> None:
    with pytest.raises(ItemError, match="RECITATION"):
        read({"finish_reason": "RECITATION"})


def test_an_answer_that_the_provider_broke_off_is_an_outage_that_may_be_paid() -> None:
    with pytest.raises(Outage, match="insufficient_system_resource") as caught:
        read({"finish_reason": "insufficient_system_resource"})
    assert caught.value.may_be_paid
