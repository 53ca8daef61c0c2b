"""The counters of model calls: calls by outcome, tokens by kind, cost."""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy.orm import Session

from app.counters import CALLS, COST, TOKENS
from app.pipeline.types import Completion
from app.store.counting import count

Outcomes = Mapping[tuple[str, str], int]
"""Numbers of calls without an answer, by endpoint and outcome."""


def count_answered(
    session: Session, model: str, endpoint: str, completion: Completion, cost_usd: Decimal | None
) -> None:
    """Count an answered call with its tokens and its cost; None: the model has no price."""
    count(session, CALLS, model, endpoint, "answered")
    tokens = {
        "prompt": completion.prompt_tokens,
        "completion": completion.completion_tokens,
        "cached": completion.cached_tokens,
        "cache_write": completion.cache_write_tokens,
        "reasoning": completion.reasoning_tokens,
    }
    for kind, number in tokens.items():
        count(session, TOKENS, model, endpoint, kind, by=number)
    if cost_usd is not None:
        count(session, COST, model, endpoint, by=int(cost_usd * COST.per_unit))


def count_unanswered(session: Session, model: str, outcomes: Outcomes) -> None:
    """Count calls without an answer."""
    for (endpoint, outcome), number in outcomes.items():
        count(session, CALLS, model, endpoint, outcome, by=number)
