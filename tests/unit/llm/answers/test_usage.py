"""The tokens of a reply, whatever the endpoint calls them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.llm.answers.usage import (
    MAX_TOKENS,
    estimate_missing,
    estimate_prompt_tokens,
    estimate_tokens,
    with_usage,
)
from app.llm.prices import cost_usd
from app.pipeline.types import ChatPrompt, Completion, Message, Parameters, Request, TextPrompt
from app.settings import Price

TEXT = "Say what a kettle is for, and who invented it."
REQUEST = Request(
    ChatPrompt((Message("system", "You are brief."), Message("user", "Write a task."))),
    Parameters(1.0, 1.0, max_tokens=100),
    "test@1",
)


def read(reply: dict[str, Any], text: str = TEXT, **fields: Any) -> Completion:
    return with_usage(Completion(text, fields.pop("end", "stop"), "m", **fields), reply)


def in_usage(**counts: Any) -> dict[str, Any]:
    return {"usage": counts}


# Name, reply, prompt, completion, cached, written.
KNOWN: tuple[tuple[str, dict[str, Any], tuple[int, int, int, int]], ...] = (
    (
        "openai",
        in_usage(prompt_tokens=300, completion_tokens=100, total_tokens=400),
        (300, 100, 0, 0),
    ),
    ("without a total", in_usage(prompt_tokens=300, completion_tokens=100), (300, 100, 0, 0)),
    (
        "openai with a cache",
        in_usage(
            prompt_tokens=2006,
            completion_tokens=300,
            total_tokens=2306,
            prompt_tokens_details={"cached_tokens": 1920, "audio_tokens": 0},
            completion_tokens_details={"reasoning_tokens": 120, "audio_tokens": 0},
        ),
        (2006, 300, 1920, 0),
    ),
    (
        "openai writing to a cache",
        in_usage(
            prompt_tokens=2600,
            completion_tokens=10,
            prompt_tokens_details={"cached_tokens": 2000, "cache_write_tokens": 400},
        ),
        (2600, 10, 2000, 400),
    ),
    (
        "responses",
        in_usage(
            input_tokens=2006,
            output_tokens=300,
            input_tokens_details={"cached_tokens": 1920},
            output_tokens_details={"reasoning_tokens": 10},
        ),
        (2006, 300, 1920, 0),
    ),
    ("floats", in_usage(prompt_tokens=900.0, completion_tokens=400.0), (900, 400, 0, 0)),
    ("broken floats", in_usage(prompt_tokens=900.2, completion_tokens=0.5), (901, 1, 0, 0)),
    ("numbers as text", in_usage(prompt_tokens="900", completion_tokens="400.0"), (900, 400, 0, 0)),
    (
        "anthropic",
        in_usage(
            input_tokens=20,
            output_tokens=50,
            cache_read_input_tokens=1000,
            cache_creation_input_tokens=300,
        ),
        (1320, 50, 1000, 300),
    ),
    (
        "anthropic with few tokens in the cache",
        in_usage(input_tokens=2000, output_tokens=50, cache_read_input_tokens=1000),
        (3000, 50, 1000, 0),
    ),
    (
        "anthropic's writes by their time to live",
        in_usage(
            input_tokens=20,
            output_tokens=50,
            cache_creation={"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
        ),
        (320, 50, 0, 300),
    ),
    (
        "anthropic's names beside openai's, whose prompt has them all",
        in_usage(
            prompt_tokens=1320,
            completion_tokens=50,
            total_tokens=1370,
            cache_read_input_tokens=1000,
            cache_creation_input_tokens=300,
        ),
        (1320, 50, 1000, 300),
    ),
    (
        "openai's names with anthropic's numbers",
        in_usage(
            prompt_tokens=20,
            completion_tokens=50,
            total_tokens=70,
            prompt_tokens_details={"cached_tokens": 1000},
        ),
        (1020, 50, 1000, 0),
    ),
    (
        "a total that shows the cache beside the prompt",
        in_usage(prompt_tokens=2000, completion_tokens=50, total_tokens=3050, cached_tokens=1000),
        (3000, 50, 1000, 0),
    ),
    (
        "reasoning beside the completion",
        in_usage(
            prompt_tokens=300,
            completion_tokens=100,
            total_tokens=5400,
            completion_tokens_details={"reasoning_tokens": 5000},
        ),
        (300, 5100, 0, 0),
    ),
    (
        "reasoning that the total leaves out, too",
        in_usage(prompt_tokens=300, completion_tokens=100, total_tokens=400, reasoning_tokens=5000),
        (300, 5100, 0, 0),
    ),
    (
        "reasoning that only the total has",
        in_usage(prompt_tokens=20, completion_tokens=424, total_tokens=1016),
        (20, 996, 0, 0),
    ),
    (
        "reasoning inside the completion",
        in_usage(
            prompt_tokens=20,
            completion_tokens=800,
            total_tokens=820,
            completion_tokens_details={"reasoning_tokens": 790},
        ),
        (20, 800, 0, 0),
    ),
    (
        "a total that is too small",
        in_usage(prompt_tokens=300, completion_tokens=100, total_tokens=100),
        (300, 100, 0, 0),
    ),
    (
        "gemini",
        {
            "usageMetadata": {
                "promptTokenCount": 200,
                "candidatesTokenCount": 60,
                "thoughtsTokenCount": 500,
                "totalTokenCount": 760,
                "cachedContentTokenCount": 128,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 200}],
            }
        },
        (200, 560, 128, 0),
    ),
    (
        "gemini without a total",
        {"usageMetadata": {"promptTokenCount": 200, "thoughtsTokenCount": 500}},
        (200, 500, 0, 0),
    ),
    (
        "gemini with a tool's prompt",
        {
            "usage_metadata": {
                "prompt_token_count": 200,
                "candidates_token_count": 60,
                "tool_use_prompt_token_count": 40,
                "total_token_count": 300,
            }
        },
        (240, 60, 0, 0),
    ),
    (
        "bedrock",
        in_usage(inputTokens=25, outputTokens=8, totalTokens=33, cacheReadInputTokens=0),
        (25, 8, 0, 0),
    ),
    (
        "bedrock with a cache",
        in_usage(
            inputTokens=25, outputTokens=8, cacheReadInputTokens=900, cacheWriteInputTokens=75
        ),
        (1000, 8, 900, 75),
    ),
    (
        "cohere, as it bills",
        in_usage(
            billed_units={"input_tokens": 55, "output_tokens": 63},
            tokens={"input_tokens": 560, "output_tokens": 66},
        ),
        (55, 63, 0, 0),
    ),
    (
        "cohere's bill beside its cache",
        in_usage(
            billed_units={"input_tokens": 55, "output_tokens": 63},
            tokens={"input_tokens": 560, "output_tokens": 66},
            cached_tokens=512,
        ),
        (55, 63, 0, 0),
    ),
    (
        "bedrock's older names",
        in_usage(inputTokens=25, outputTokens=8, cacheReadInputTokenCount=900),
        (925, 8, 900, 0),
    ),
    (
        "xai",
        in_usage(
            prompt_tokens=32,
            completion_tokens=9,
            total_tokens=135,
            prompt_tokens_details={"text_tokens": 32, "cached_tokens": 8},
            completion_tokens_details={"reasoning_tokens": 94},
        ),
        (32, 103, 8, 0),
    ),
    (
        "openrouter",
        in_usage(
            prompt_tokens=194,
            completion_tokens=2,
            total_tokens=196,
            cost=0.95,
            prompt_tokens_details={"cached_tokens": 0, "cache_write_tokens": 100},
        ),
        (194, 2, 0, 100),
    ),
    (
        "llama.cpp's cache beside usage",
        {
            **in_usage(prompt_tokens=312, completion_tokens=40, total_tokens=352),
            "timings": {"prompt_n": 12, "predicted_n": 40, "cache_n": 300},
        },
        (312, 40, 300, 0),
    ),
    (
        "in the message",
        {"choices": [{"message": in_usage(prompt_tokens=7, completion_tokens=8)}]},
        (7, 8, 0, 0),
    ),
    ("in a list", {"usage": [{}, {"prompt_tokens": 7, "completion_tokens": 8}]}, (7, 8, 0, 0)),
    ("with hyphens", {"usage": {"prompt-tokens": 7, "completion-tokens": 8}}, (7, 8, 0, 0)),
    (
        "with commas",
        in_usage(prompt_tokens="1,200", completion_tokens="8"),
        (1200, 8, 0, 0),
    ),
    (
        "sglang's own",
        {"meta_info": {"prompt_tokens": 12, "completion_tokens": 30, "cached_tokens": 5}},
        (12, 30, 5, 0),
    ),
    (
        "cohere's older place",
        {"meta": {"billed_units": {"input_tokens": 55.0, "output_tokens": 63.0}}},
        (55, 63, 0, 0),
    ),
    ("ollama", {"prompt_eval_count": 26, "eval_count": 298, "done": True}, (26, 298, 0, 0)),
    (
        "llama.cpp",
        {"timings": {"prompt_n": 12, "predicted_n": 40, "cache_n": 300, "prompt_ms": 9.5}},
        (312, 40, 300, 0),
    ),
    (
        "deepseek",
        in_usage(
            prompt_tokens=320,
            completion_tokens=40,
            total_tokens=360,
            prompt_cache_hit_tokens=256,
            prompt_cache_miss_tokens=64,
        ),
        (320, 40, 256, 0),
    ),
    (
        "deepseek without the sum",
        in_usage(prompt_cache_hit_tokens=256, prompt_cache_miss_tokens=64, completion_tokens=40),
        (320, 40, 256, 0),
    ),
    (
        "moonshot",
        in_usage(prompt_tokens=320, completion_tokens=40, cached_tokens=256),
        (320, 40, 256, 0),
    ),
    (
        "in the choice",
        {"choices": [in_usage(prompt_tokens=7, completion_tokens=8)], "usage": None},
        (7, 8, 0, 0),
    ),
    ("num_", in_usage(num_prompt_tokens=7, num_completion_tokens=8), (7, 8, 0, 0)),
    ("generated", in_usage(input_token_count=7, generated_token_count=8), (7, 8, 0, 0)),
    ("singular", in_usage(prompt_token=7, completion_token=8), (7, 8, 0, 0)),
    ("langchain", {"token_usage": {"prompt_tokens": 7, "completion_tokens": 8}}, (7, 8, 0, 0)),
    ("lm studio", {"stats": {"input_tokens": 7, "total_output_tokens": 8}}, (7, 8, 0, 0)),
    (
        "bedrock's stream",
        {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 7, "outputTokenCount": 8}},
        (7, 8, 0, 0),
    ),
    ("inside a response", {"response": in_usage(input_tokens=7, output_tokens=8)}, (7, 8, 0, 0)),
    ("groq", {"x_groq": in_usage(prompt_tokens=7, completion_tokens=8)}, (7, 8, 0, 0)),
    (
        "openai's names, zero, beside others",
        in_usage(prompt_tokens=0, completion_tokens=0, input_tokens=7, output_tokens=8),
        (7, 8, 0, 0),
    ),
    (
        "replicate",
        {"metrics": {"input_token_count": 7, "output_token_count": 8}},
        (7, 8, 0, 0),
    ),
    ("no completion, but a total", in_usage(prompt_tokens=7, total_tokens=15), (7, 8, 0, 0)),
    ("no prompt, but a total", in_usage(completion_tokens=8, total_tokens=15), (7, 8, 0, 0)),
    (
        "more in the cache than there is",
        in_usage(prompt_tokens=300, completion_tokens=9, cached_tokens=200, cache_write_tokens=100),
        (300, 9, 200, 100),
    ),
)


@pytest.mark.parametrize(("name", "reply", "expected"), KNOWN, ids=[name for name, *_ in KNOWN])
def test_usage_is_read_by_every_name(
    name: str, reply: dict[str, Any], expected: tuple[int, int, int, int]
) -> None:
    found = read(reply)
    counts = (found.prompt_tokens, found.completion_tokens)
    assert (*counts, found.cached_tokens, found.cache_write_tokens) == expected, name
    assert not found.is_estimated
    assert estimate_missing(found, REQUEST) == found


UNUSABLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("missing", {}),
    ("null", {"usage": None}),
    ("empty", {"usage": {}}),
    ("a text", {"usage": "12 tokens"}),
    ("a list", {"usage": [12]}),
    ("zeros", in_usage(prompt_tokens=0, completion_tokens=0, total_tokens=0)),
    ("nulls", in_usage(prompt_tokens=None, completion_tokens=None)),
    ("negative", in_usage(prompt_tokens=-1, completion_tokens=-5)),
    ("absurd", in_usage(prompt_tokens=10**12, completion_tokens=float("1e300"))),
    ("not numbers", in_usage(prompt_tokens="many", completion_tokens="nan")),
    ("truths", in_usage(prompt_tokens=True, completion_tokens=True)),
    ("other names", in_usage(words_in=12, words_out=8)),
)


@pytest.mark.parametrize(("name", "reply"), UNUSABLE, ids=[name for name, _ in UNUSABLE])
def test_without_usable_usage_tokens_are_estimated_and_marked(
    name: str, reply: dict[str, Any]
) -> None:
    found = estimate_missing(read(reply), REQUEST)
    assert found.is_estimated, name
    assert found.prompt_tokens == estimate_prompt_tokens(REQUEST) > 10
    assert found.completion_tokens == estimate_tokens(TEXT) > 10


def test_a_count_that_is_there_is_kept_and_the_other_one_estimated() -> None:
    found = estimate_missing(read(in_usage(prompt_tokens=900)), REQUEST)
    assert (found.prompt_tokens, found.completion_tokens) == (900, estimate_tokens(TEXT))
    assert found.is_estimated
    found = estimate_missing(read(in_usage(completion_tokens=33)), REQUEST)
    assert (found.prompt_tokens, found.completion_tokens) == (estimate_prompt_tokens(REQUEST), 33)
    assert found.is_estimated


def test_where_only_the_sum_is_known_the_sum_is_kept() -> None:
    found = estimate_missing(read(in_usage(total_tokens=400)), REQUEST)
    assert (found.prompt_tokens, found.completion_tokens) == (
        400 - estimate_tokens(TEXT),
        estimate_tokens(TEXT),
    )
    assert found.is_estimated


def test_the_estimate_has_the_reasoning_and_what_a_cut_off_answer_was_allowed() -> None:
    thought = "First, what is a kettle? " * 3
    found = estimate_missing(read({}, reasoning=thought), REQUEST)
    assert found.completion_tokens == estimate_tokens(TEXT + thought)
    # Hidden reasoning took the rest.
    cut = estimate_missing(read({}, "", end="length"), REQUEST)
    assert cut.completion_tokens == REQUEST.parameters.max_tokens
    # The estimate is high, the limit is not; but it may have been ignored.
    nearly = estimate_missing(read({}, "word " * 90), REQUEST)
    assert nearly.completion_tokens == REQUEST.parameters.max_tokens
    ignored = estimate_missing(read({}, "word " * 900), REQUEST)
    assert ignored.completion_tokens == estimate_tokens("word " * 900)


def test_a_completion_that_no_usage_was_read_for_is_estimated_too() -> None:
    found = estimate_missing(Completion("", "length", "m"), REQUEST)
    assert (found.prompt_tokens, found.completion_tokens) == (estimate_prompt_tokens(REQUEST), 100)
    assert found.is_estimated


def test_an_answer_without_a_word_takes_a_token() -> None:
    assert read({}, "").completion_tokens == 1


def test_a_schema_and_a_bare_prompt_are_part_of_the_estimate() -> None:
    with_schema = Request(
        ChatPrompt((Message("user", "Write."),), {"type": "object"}), REQUEST.parameters, "test@1"
    )
    without = Request(ChatPrompt((Message("user", "Write."),)), REQUEST.parameters, "test@1")
    assert estimate_prompt_tokens(with_schema) > estimate_prompt_tokens(without) > 8
    assert estimate_prompt_tokens(Request(TextPrompt(""), REQUEST.parameters, "test@1")) == 1


def test_the_estimate_of_a_text_is_on_the_high_side() -> None:
    file = Path(__file__).with_name("token_counts.json")
    low = {"Amharic": 0.65, "letters": 0.5, "spaces": 0.6}
    for row in json.loads(file.read_text("utf-8")):
        shares = [estimate_tokens(row["text"]) / tokens for tokens in row["tokens"].values()]
        assert min(shares) >= low.get(row["name"], 0.9), (row["name"], shares)
        if row["text"].isascii():
            assert min(shares) <= 2, (row["name"], shares)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)
NAMES = st.sampled_from(
    [
        "prompt_tokens", "completion_tokens", "total_tokens", "inputTokens", "output_tokens",
        "cached_tokens", "cache_read_input_tokens", "cache_write_tokens", "reasoning_tokens",
        "prompt_tokens_details", "billed_units", "prompt_n", "thoughtsTokenCount",
    ]
)  # fmt: skip
COUNTS = st.dictionaries(NAMES, st.integers(-5, MAX_TOKENS + 5) | ANYTHING)


# Hypothesis reads the Unicode tables for its first text: on a busy machine that takes seconds.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(["usage", "timings", "choices"]), COUNTS | st.lists(COUNTS)))
def test_whatever_is_reported_the_counts_are_those_of_some_call(reply: dict[str, Any]) -> None:
    found = estimate_missing(read(reply), REQUEST)
    assert found.prompt_tokens > 0
    assert found.completion_tokens > 0
    assert 0 <= found.cached_tokens + found.cache_write_tokens <= found.prompt_tokens
    assert max(found.prompt_tokens, found.completion_tokens) < 2**31


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        ({"cost": 0.00042, "prompt_tokens": 9}, "0.00042"),
        ({"cost": 0}, "0"),
        ({"cost": "0.1"}, None),
        ({"cost": True}, None),
        ({"cost": -1}, None),
        ({"cost": float("inf")}, None),
        ({"cost": float("nan")}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_cost_that_an_endpoint_reports_is_the_cost_of_a_model_without_a_price(
    usage: dict[str, Any] | None, usd: str | None
) -> None:
    completion = with_usage(Completion("Yes.", "stop", "m"), {"usage": usage})
    assert cost_usd(completion, "m", {}) == (None if usd is None else Decimal(usd))
    priced = {"m": Price(input_usd=Decimal(0), output_usd=Decimal(0))}
    assert cost_usd(completion, "m", priced) == 0
