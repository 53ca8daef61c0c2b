"""The cost of model calls: of an answer, and the maximum of a request."""

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
    """Return the US dollars for one answer of `model`; None: it has no price.

    The requested model name counts, not the one in the answer: endpoints answer with dated or
    resolved names (``gpt-x-2026-01-01``) that the user's price list does not contain.
    """
    price = prices.get(model)
    if price is None:
        return None
    input_usd = price.input_usd * completion.prompt_tokens
    output_usd = price.output_usd * completion.completion_tokens
    factor = price.batch_factor if by_batch else 1
    return (input_usd + output_usd) * factor / TOKENS_PER_PRICE


def check_priced(model: str, prices: Mapping[str, Price], field: str) -> None:
    """Check that the model has a price, so that the cost cap in `field` can be enforced.

    Raises:
        InvalidInput: The model has no price.
    """
    if model not in prices:
        fault = Fault(f"set the price of {model} in SEEDBED_PRICES", field=field)
        raise InvalidInput("The model has no known price, so its cost cannot be capped.", [fault])


_AROUND_A_TURN = 16
"""Tokens that a chat template may put around one message, at most."""
_AROUND_A_CALL = 64
_SPREAD_OUT = 2
"""Factor by which a schema may grow when an endpoint writes it with line breaks."""


def max_usage(
    request: Request, model: str, prices: Mapping[str, Price], *, by_batch: bool = False
) -> Amount:
    """Return the maximum that one call can use; its cost is 0 when the model has no price.

    No tokenizer makes more tokens than the text has bytes; the request limits the answer.
    """
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        size = sum(len(turn.content.encode()) + _AROUND_A_TURN for turn in prompt.messages)
        # Some endpoints add the schema to the prompt.
        schema = "" if prompt.schema is None else json.dumps(dict(prompt.schema))
        size += len(schema) * _SPREAD_OUT
    else:
        size = len(prompt.text.encode())
    bound = Completion("", "", model, size + _AROUND_A_CALL, request.parameters.max_tokens)
    usd = cost_usd(bound, model, prices, by_batch=by_batch) or Decimal(0)
    return Amount(1, bound.prompt_tokens + bound.completion_tokens, usd)
