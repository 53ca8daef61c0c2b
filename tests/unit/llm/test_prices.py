"""What a call costs, to the last digit."""

from dataclasses import replace
from decimal import Decimal

import pytest
from pydantic import ValidationError

from app.llm.prices import cost_usd, most
from app.pipeline.types import Completion, Parameters, Request, TextPrompt
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
    alone = most(request, "model-a", PRICES)
    assert most(request, "model-a", PRICES, by_batch=True) == replace(alone, usd=alone.usd / 2)
    assert alone.usd > 0


@pytest.mark.parametrize("factor", ["0", "1.01", "-0.5", "NaN"])
def test_the_factor_of_a_batch_is_above_nothing_and_at_most_one(factor: str) -> None:
    with pytest.raises(ValidationError, match="batch_factor"):
        Price.model_validate({"input_usd": "1", "output_usd": "1", "batch_factor": factor})
