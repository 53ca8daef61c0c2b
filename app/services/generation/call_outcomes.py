"""Outcomes of model calls, read as what they mean for their items and their endpoints."""

import time

from app.errors import ItemTrouble, Outage, ProviderTrouble
from app.llm.inbox import Outcome
from app.services.context import ServiceContext
from app.services.generation.work.claiming import paid_reply
from app.services.generation.work.recording import Again, Answered
from app.services.generation.work.requests import Asked
from app.services.model_calls.endpoints import Endpoints, Report


class Reading:
    """Reads for one pump."""

    def __init__(self, context: ServiceContext, model: str, endpoints: Endpoints) -> None:
        self._prices = context.prices
        self._model = model
        self._endpoints = endpoints
        self.refusal: ProviderTrouble | None = None
        """What no further call of the run will get past until a person acts."""
        self.answered_at = time.monotonic()

    def read(self, asked: Asked, outcome: Outcome, report: Report) -> Answered:
        """Read one; what concerns its endpoint goes into the report."""
        name = asked.endpoint
        self.answered_at = time.monotonic()
        match outcome.answer:
            case ItemTrouble() as trouble:
                report.answered.add(name)
                return Answered(asked, str(trouble), trouble.may_be_paid)
            case Outage() as trouble:
                counts = (
                    self._endpoints.blames(name, asked.item.attempts) and name not in report.away
                )
                report.away[name] = str(trouble)
                what = str(trouble) if counts else Again()
                return Answered(asked, what, trouble.may_be_paid)
            case ProviderTrouble() as trouble:
                self.refusal = trouble
                return Answered(asked, Again())
            case completion:
                report.answered.add(name)
                tokens = completion.prompt_tokens + completion.completion_tokens
                report.taken.setdefault(name, []).append((asked.reserved.tokens, tokens))
                latency_s = outcome.latency_s
                reply = paid_reply(
                    asked, completion, self._model, self._prices, latency_s=latency_s
                )
                return Answered(asked, reply)
