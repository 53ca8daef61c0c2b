"""What a call cost."""

from collections.abc import Mapping
from decimal import Decimal

from app.pipeline.types import Completion
from app.settings import Price

TOKENS_PER_PRICE = 1_000_000


def cost_usd(completion: Completion, model: str, prices: Mapping[str, Price]) -> Decimal | None:
    """US dollars for one answer by `model` as it was asked for; None where it has no price.

    The name that was asked for counts, not the one in the answer: endpoints answer with dated or
    resolved names (``gpt-x-2026-01-01``) that no price list of the user contains.
    """
    price = prices.get(model)
    if price is None:
        return None
    input_usd = price.input_usd * completion.prompt_tokens
    output_usd = price.output_usd * completion.completion_tokens
    return (input_usd + output_usd) / TOKENS_PER_PRICE
