"""A context on SQLite whose endpoints are functions, and requests to send to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.llm.parallel.calls import Endpoint
from app.llm.scripted.provider import ScriptedProvider
from app.pipeline.budget import Amount
from app.pipeline.types import Completion, Parameters, Request, TextPrompt
from app.services.context import ServiceContext
from app.settings import Price
from app.store.database import Database

MODEL = "m"
PRICES = {MODEL: Price(input_usd=Decimal(10), output_usd=Decimal(20))}


def request(text: str) -> Request:
    return Request(TextPrompt(text), Parameters(0.0, 1.0, max_tokens=10), "test@1")


def echo(asked: Request) -> Completion:
    assert isinstance(asked.prompt, TextPrompt)
    return Completion(asked.prompt.text, "stop", MODEL, prompt_tokens=3, completion_tokens=2)


def context_of(
    database: Database, *answers: Callable[[Request], Completion], **changes: Any
) -> ServiceContext:
    """A context with an endpoint for each function, named `e0`, `e1` and so on."""
    limits = changes.pop("limits", {})

    def endpoint(n: int, answer: Callable[[Request], Completion]) -> Endpoint:
        return Endpoint(f"e{n}", lambda _: lambda: ScriptedProvider(answer), **limits)

    values: dict[str, Any] = {
        "database": database,
        "endpoints": [endpoint(n, answer) for n, answer in enumerate(answers)],
        "default_model": MODEL,
        "concurrency": 4,
        "slice_s": 10.0,
        "lease_s": 30.0,
        "prices": PRICES,
        "outage_patience_s": 0.3,
    }
    return ServiceContext(**{**values, **changes})


@dataclass(frozen=True)
class ACall:
    """A call of which only its number is known."""

    key: int
    endpoint: str = "e0"
    attempts: int = 0
    reserved: Amount = field(default_factory=lambda: Amount(1, 100, Decimal(1)))
    request: Request = field(default_factory=lambda: request("?"))
