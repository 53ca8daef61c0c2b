"""One model call, whoever answers it."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from app.pipeline.types import Completion, Request


class Provider(Protocol):
    """Something that answers model calls; belongs to the event loop it was made in."""

    async def complete(self, request: Request) -> Completion:
        """Answer one request; raises a subclass of `ProviderError` when it cannot."""
        ...

    async def aclose(self) -> None:
        """Give back connections; no call may follow."""
        ...


ProviderFactory: TypeAlias = Callable[[], Provider]
"""Makes a provider inside the event loop that will use it."""
