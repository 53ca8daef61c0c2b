"""What a call costs, to the last digit."""

from decimal import Decimal

from app.llm.prices import cost_usd
from app.pipeline.types import Completion
from app.settings import Price

PRICES = {"model-a": Price(input_usd=Decimal("0.15"), output_usd=Decimal("0.60"))}
ANSWER = Completion("hi", "stop", "model-a-2026-01-01", prompt_tokens=1001, completion_tokens=7)


def test_the_cost_is_exact_and_goes_by_the_model_that_was_asked_for() -> None:
    assert cost_usd(ANSWER, "model-a", PRICES) == Decimal("0.00015435")


def test_a_model_without_a_price_has_no_cost_rather_than_none_to_pay() -> None:
    assert cost_usd(ANSWER, "model-b", PRICES) is None
