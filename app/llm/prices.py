"""What a call cost, and what it can cost at the most."""

import json
from collections.abc import Mapping
from decimal import Decimal

from app.errors import Fault, InvalidInput
from app.pipeline.budget import Amount
from app.pipeline.types import ChatPrompt, Completion, Request
from app.settings import Price

TOKENS_PER_PRICE = 1_000_000


def cost_usd(
    completion: Completion, model: str, prices: Mapping[str, Price], *, by_batch: bool = False
) -> Decimal | None:
    """US dollars for one answer by `model` as it was asked for; None where it has no price.

    The name that was asked for counts, not the one in the answer: endpoints answer with dated or
    resolved names (``gpt-x-2026-01-01``) that no price list of the user contains.
    """
    price = prices.get(model)
    if price is None:
        return None
    input_usd = price.input_usd * completion.prompt_tokens
    output_usd = price.output_usd * completion.completion_tokens
    factor = price.batch_factor if by_batch else 1
    return (input_usd + output_usd) * factor / TOKENS_PER_PRICE


def check_priced(model: str, prices: Mapping[str, Price], field: str) -> None:
    """See that a cap of money, which stands in `field`, can be kept.

    Raises:
        InvalidInput: when nobody knows what the model costs.
    """
    if model not in prices:
        fault = Fault(f"set the price of {model} in SEEDBED_PRICES", field=field)
        raise InvalidInput("The model has no known price, so its cost cannot be capped.", [fault])


_AROUND_A_TURN = 16
"""Tokens that a chat template may put around one message, at most."""
_AROUND_A_CALL = 64
_SPREAD_OUT = 2
"""How much longer a schema may become with a line for each of its parts."""


def most(
    request: Request, model: str, prices: Mapping[str, Price], *, by_batch: bool = False
) -> Amount:
    """What one call can take at the most; without a known price it costs nothing here.

    No tokenizer makes more tokens than the text has bytes, whatever the model; the answer is
    bounded by the request itself.
    """
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        size = sum(len(turn.content.encode()) + _AROUND_A_TURN for turn in prompt.messages)
        # Some endpoints write the schema into the prompt.
        schema = "" if prompt.schema is None else json.dumps(dict(prompt.schema))
        size += len(schema) * _SPREAD_OUT
    else:
        size = len(prompt.text.encode())
    bound = Completion("", "", model, size + _AROUND_A_CALL, request.parameters.max_tokens)
    usd = cost_usd(bound, model, prices, by_batch=by_batch) or Decimal(0)
    return Amount(1, bound.prompt_tokens + bound.completion_tokens, usd)
