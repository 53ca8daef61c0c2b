"""Model calls to several endpoints that serve the same model, behind one queue of outcomes."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from app.llm.dialects.shared import DialectMemory
from app.llm.parallel.fanout import Dropped, Fanout
from app.llm.parallel.loop_thread import LoopThread
from app.llm.parallel.outcomes import Outcome, OutcomeQueue
from app.llm.provider import ProviderFactory

if TYPE_CHECKING:
    # It loads openai's client.
    from app.llm.batch_api.batches import BatchEndpoint

FIRST_IN_FLIGHT = 4
"""Calls in flight before the limits of an endpoint are known; each answer adds one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model endpoint."""

    name: str
    provider_for: Callable[[str], ProviderFactory]
    """Makes its provider for a model name."""
    weight: float = 1.0
    """Its share of the calls in flight, relative to the other endpoints."""
    requests_per_minute: int | None = None
    """Rate limit over all workers; None: no limit of our own."""
    tokens_per_minute: int | None = None
    batches_for: "Callable[[str], BatchEndpoint] | None" = None
    """Makes its Batch API client for a model name; None: it has no Batch API."""
    dialects: DialectMemory = field(default_factory=DialectMemory)
    """Its known refusals by model, shared by its providers and clients."""


class Calls:
    """Model calls to all endpoints on one event loop, for one thread; make it after a fork.

    Args:
        endpoints: The endpoints.
        model: The model that they are asked for.
        concurrency: Most calls in flight to each.
        patience_s: A throttle that asks for a longer wait holds all calls to its endpoint.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        model: str,
        concurrency: int,
        patience_s: float = math.inf,
    ) -> None:
        self._outcomes = OutcomeQueue()
        with ExitStack() as cleanup:
            loop = LoopThread("model calls")
            cleanup.callback(loop.close)
            self.lanes: Mapping[str, Fanout] = {
                endpoint.name: cleanup.enter_context(
                    Fanout(
                        endpoint.provider_for(model),
                        concurrency,
                        first=min(FIRST_IN_FLIGHT, concurrency),
                        patience_s=patience_s,
                        loop=loop,
                        outcomes=self._outcomes,
                    )
                )
                for endpoint in endpoints
            }
            self._cleanup = cleanup.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def collect(
        self, timeout_s: float, limit: int, *, wait_for: int | None = None
    ) -> list[Outcome]:
        """Return outcomes of all endpoints, as `OutcomeQueue.collect` does."""
        return self._outcomes.collect(timeout_s, limit, wait_for=wait_for)

    def abandon(self) -> list[Dropped]:
        """Cancel the calls without an answer at all endpoints."""
        return [dropped for lane in self.lanes.values() for dropped in lane.abandon()]

    def close(self) -> None:
        """Abandon the calls in flight and close the connections. Safe to repeat."""
        self._cleanup.close()
