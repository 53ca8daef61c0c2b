"""The interface of everything that answers model calls."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from app.pipeline.types import Completion, Request


class Provider(Protocol):
    """The sender of model calls; it belongs to the event loop in which it was created."""

    async def complete(self, request: Request) -> Completion:
        """Answer one request, or raise a subclass of `ProviderError`."""
        ...

    async def aclose(self) -> None:
        """Close the connections; no call may follow."""
        ...


ProviderFactory: TypeAlias = Callable[[], Provider]
"""Makes a provider inside the event loop that will use it."""
