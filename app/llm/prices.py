"""The cost of model calls: of an answer, and the maximum of a request."""

import json
from collections.abc import Mapping
from decimal import Decimal

from app.errors import Fault, InvalidInput
from app.pipeline.budget import NO_TOKENS, Amount, Tokens
from app.pipeline.types import ChatPrompt, Completion, Request
from app.settings import Price

_TOKENS_PER_PRICE = 1_000_000
_WRITING = Decimal("1.25")
"""Price of writing a prompt token to a cache, in prices of input, with OpenAI and Anthropic."""


def cost_usd(
    completion: Completion, model: str, prices: Mapping[str, Price], *, by_batch: bool = False
) -> Decimal | None:
    """Return the US dollars for one answer of `model`; None: it has no price.

    Without a price, the cost that the endpoint reports counts.

    The requested model name counts, not the one in the answer: endpoints answer with dated or
    resolved names (``gpt-x-2026-01-01``) that the user's price list does not contain.
    """
    price = prices.get(model)
    if price is None:
        return completion.billed_usd
    fresh = completion.prompt_tokens - completion.cached_tokens - completion.cache_write_tokens
    prompt_usd = (
        price.input_usd * fresh
        + _reading_usd(price) * completion.cached_tokens
        + _writing_usd(price) * completion.cache_write_tokens
    )
    output_usd = price.output_usd * completion.completion_tokens
    factor = price.batch_factor if by_batch else 1
    return (prompt_usd + output_usd) * factor / _TOKENS_PER_PRICE


def _reading_usd(price: Price) -> Decimal:
    return price.input_usd if price.cached_input_usd is None else price.cached_input_usd


def _writing_usd(price: Price) -> Decimal:
    return price.input_usd * _WRITING if price.cache_write_usd is None else price.cache_write_usd


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


def max_tokens(request: Request) -> Tokens:
    """Return the maximum that one call should use.

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
    return Tokens(size + _AROUND_A_CALL, request.parameters.max_tokens)


def max_usage(
    request: Request,
    model: str,
    prices: Mapping[str, Price],
    *,
    seen: Tokens = NO_TOKENS,
    by_batch: bool = False,
) -> Amount:
    """Return the maximum that one call can use; its cost is 0 when the model has no price.

    Args:
        request: the call.
        model: its model.
        prices: prices by model.
        seen: the largest bill that went beyond `max_tokens`, where one did. An endpoint that adds
            to the prompt, or whose limit leaves out reasoning, does so with every call.
        by_batch: True: the call goes by the Batch API.
    """
    most = max_tokens(request) + seen.with_headroom()
    price = prices.get(model)
    usd = Decimal(0)
    if price is not None:
        # All of the prompt at its dearest.
        dearest = max(price.input_usd, _reading_usd(price), _writing_usd(price))
        dearest_price = Price(
            input_usd=dearest, output_usd=price.output_usd, batch_factor=price.batch_factor
        )
        bound = Completion("", "", model, most.prompt, most.completion)
        usd = cost_usd(bound, model, {model: dearest_price}, by_batch=by_batch) or Decimal(0)
    return Amount(1, most.total, usd)
