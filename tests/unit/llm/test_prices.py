"""What a call costs, to the last digit."""

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.llm.prices import cost_usd, max_usage
from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES, generate_stage
from app.pipeline.shapes import Asking
from app.pipeline.types import (
    Capabilities,
    ChatPrompt,
    Completion,
    Instance,
    Message,
    Parameters,
    Request,
    TextPrompt,
)
from app.settings import Price

PRICES = {"model-a": Price(input_usd=Decimal("0.15"), output_usd=Decimal("0.60"))}
ANSWER = Completion("hi", "stop", "model-a-2026-01-01", prompt_tokens=1001, completion_tokens=7)


def test_the_cost_is_exact_and_goes_by_the_model_that_was_asked_for() -> None:
    assert cost_usd(ANSWER, "model-a", PRICES) == Decimal("0.00015435")


def test_a_model_without_a_price_has_no_cost_rather_than_none_to_pay() -> None:
    assert cost_usd(ANSWER, "model-b", PRICES) is None


def test_a_batch_costs_half_unless_the_price_says_otherwise() -> None:
    assert cost_usd(ANSWER, "model-a", PRICES, by_batch=True) == Decimal("0.000077175")
    dearer = {"model-a": PRICES["model-a"].model_copy(update={"batch_factor": Decimal("0.6")})}
    assert cost_usd(ANSWER, "model-a", dearer, by_batch=True) == Decimal("0.00009261")
    assert cost_usd(ANSWER, "model-a", dearer) == Decimal("0.00015435")


def test_at_the_most_a_batch_takes_the_same_tokens_for_half_the_money() -> None:
    request = Request(TextPrompt("Once upon"), Parameters(1.0, 1.0, 20), "test/text@1")
    alone = max_usage(request, "model-a", PRICES)
    assert max_usage(request, "model-a", PRICES, by_batch=True) == replace(alone, usd=alone.usd / 2)
    assert alone.usd > 0


def test_a_long_prompt_that_is_written_to_a_cache_costs_no_more_than_the_most() -> None:
    # A byte a token, and no price of its own for writing: a quarter more than input.
    request = Request(TextPrompt("x" * 4000), Parameters(1.0, 1.0, 20), "test/text@1")
    written = Completion("", "length", "model-a", 4000, 20, cache_write_tokens=4000)
    assert max_usage(request, "model-a", PRICES).usd >= (cost_usd(written, "model-a", PRICES) or 0)


def written_out(request: Request) -> bytes:
    """A request as the wordiest template hands it to a model that reads byte by byte."""
    prompt = request.prompt
    if isinstance(prompt, TextPrompt):
        return prompt.text.encode()
    form = "" if prompt.schema is None else json.dumps(dict(prompt.schema), indent=2)
    said = [form.encode(), *(turn.content.encode() for turn in prompt.messages)]
    # Of the marks of a template the whole name is one token.
    return b"".join(b"<" + b"t" * 14 + b">" + words for words in said)


def text_request(text: str, max_tokens: int) -> Request:
    return Request(TextPrompt(text), Parameters(1.0, 1.0, max_tokens), "test/text@1")


def chat_request(turns: list[str], max_tokens: int, *, with_schema: bool) -> Request:
    messages = tuple(Message("user", words) for words in turns)
    made = generate_stage(PROFILES["default"]).build_request(
        [Demonstration("Say hello.", Instance("", "Hello."))],
        Asking(RunOptions(), Capabilities(json_schema=with_schema)),
    )
    assert isinstance(made.prompt, ChatPrompt)
    prompt = replace(made.prompt, messages=messages)
    return Request(prompt, Parameters(1.0, 1.0, max_tokens), "test/chat@1")


TEXTS = st.text(st.characters(codec="utf-8"), max_size=80)
LENGTHS = st.integers(1, 4096)
REQUESTS = st.builds(text_request, TEXTS, LENGTHS) | st.builds(
    chat_request, st.lists(TEXTS, min_size=1, max_size=6), LENGTHS, with_schema=st.booleans()
)
AMOUNTS = st.decimals(0, 1000, places=6)
OPTIONAL = st.none() | AMOUNTS


def prices_of(
    input_usd: Decimal,
    output_usd: Decimal,
    cached_input_usd: Decimal | None,
    cache_write_usd: Decimal | None,
) -> Mapping[str, Price]:
    return {
        "m": Price(
            input_usd=input_usd,
            output_usd=output_usd,
            cached_input_usd=cached_input_usd,
            cache_write_usd=cache_write_usd,
        )
    }


@settings(deadline=None)
@given(REQUESTS, st.builds(prices_of, AMOUNTS, AMOUNTS, OPTIONAL, OPTIONAL), st.data())
def test_no_call_takes_more_than_the_most_it_can(
    request: Request, prices: Mapping[str, Price], data: st.DataObject
) -> None:
    size = len(written_out(request))
    cached = data.draw(st.integers(0, size))
    written = data.draw(st.integers(0, size - cached))
    worst = Completion(
        "",
        "length",
        "m",
        size,
        request.parameters.max_tokens,
        cached_tokens=cached,
        cache_write_tokens=written,
    )
    bound = max_usage(request, "m", prices)
    assert bound.calls == 1
    assert bound.tokens >= worst.prompt_tokens + worst.completion_tokens
    assert bound.usd >= (cost_usd(worst, "m", prices) or 0)
    # Far above what it takes, a cap would keep a run from going on long before it is reached.
    assert bound.tokens <= 2 * len(written_out(request)) + 200 + worst.completion_tokens


@pytest.mark.parametrize("factor", ["0", "1.01", "-0.5", "NaN"])
def test_the_factor_of_a_batch_is_above_nothing_and_at_most_one(factor: str) -> None:
    with pytest.raises(ValidationError, match="batch_factor"):
        Price.model_validate({"input_usd": "1", "output_usd": "1", "batch_factor": factor})


CACHING = {
    "m": Price(
        input_usd=Decimal(1),
        output_usd=Decimal(10),
        cached_input_usd=Decimal("0.1"),
        cache_write_usd=Decimal("1.5"),
    )
}


@pytest.mark.parametrize(
    ("price", "by_batch", "expected"),
    [
        (CACHING["m"], False, "0.0013"),
        (CACHING["m"], True, "0.00065"),
        # Without prices of their own: cached tokens cost as much as others, written ones more.
        (Price(input_usd=Decimal(1), output_usd=Decimal(10)), False, "0.00201"),
    ],
)
def test_tokens_of_a_cache_have_prices_of_their_own(
    price: Price, by_batch: bool, expected: str
) -> None:
    answer = Completion("", "stop", "m", 1000, 100, cached_tokens=800, cache_write_tokens=40)
    assert cost_usd(answer, "m", {"m": price}, by_batch=by_batch) == Decimal(expected)
