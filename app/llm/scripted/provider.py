"""A provider that is a function: for tests, demonstrations and dry runs without an endpoint."""

from collections.abc import Callable

from app.pipeline.types import Completion, Request


class ScriptedProvider:
    """Answers every request with `reply`, which may raise a `ProviderError` of its choice."""

    def __init__(self, reply: Callable[[Request], Completion]) -> None:
        self._reply = reply

    async def complete(self, request: Request) -> Completion:
        """Answer with the function."""
        return self._reply(request)

    async def aclose(self) -> None:
        """Nothing is held."""
