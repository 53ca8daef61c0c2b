"""Model calls to several endpoints that serve the same model, behind one collection of outcomes."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from app.llm.batch_api.batches import BatchEndpoint
from app.llm.fanout import Dropped, Fanout
from app.llm.loop_thread import LoopThread
from app.llm.outcomes import Outcome, OutcomeQueue
from app.llm.provider import ProviderFactory
from app.llm.request_body import LengthName

FIRST_IN_AIR = 4
"""Calls that go out before anything is known of an endpoint's limits; each answer adds one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of the service."""

    name: str
    provider_for: Callable[[str], ProviderFactory]
    """Its provider for a model's name."""
    weight: float = 1.0
    """Its share of the calls in the air, beside those of the others."""
    requests_per_minute: int | None = None
    """Over all workers; None: as many as it answers."""
    tokens_per_minute: int | None = None
    batches_for: Callable[[str, LengthName | None], BatchEndpoint] | None = None
    """Its Batch API, for a model's name and what was learned before; None: batches do not go there.
    """


class Calls:
    """One event loop for all endpoints; one thread may use it. Make it after a fork."""

    def __init__(self, endpoints: Sequence[Endpoint], model: str, concurrency: int) -> None:
        self._outcomes = OutcomeQueue()
        with ExitStack() as cleanup:
            loop = LoopThread("model calls")
            cleanup.callback(loop.close)
            self.lanes: Mapping[str, Fanout] = {
                endpoint.name: cleanup.enter_context(
                    Fanout(
                        endpoint.provider_for(model),
                        concurrency,
                        first=min(FIRST_IN_AIR, concurrency),
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

    def collect(self, timeout_s: float, limit: int) -> list[Outcome]:
        """Return outcomes of all endpoints, as `OutcomeQueue.collect` does."""
        return self._outcomes.collect(timeout_s, limit)

    def abandon(self) -> list[Dropped]:
        """Cancel what is not answered anywhere."""
        return [dropped for lane in self.lanes.values() for dropped in lane.abandon()]

    def close(self) -> None:
        """Abandon what is in the air and give the connections back; a second call is free."""
        self._cleanup.close()
