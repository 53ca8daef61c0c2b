"""A provider backed by a function, for tests, demonstrations and dry runs without an endpoint."""

from collections.abc import Callable

from app.pipeline.types import Completion, Request


class ScriptedProvider:
    """A provider that answers every request with `reply`, which may raise a `ProviderError`."""

    def __init__(self, reply: Callable[[Request], Completion]) -> None:
        self._reply = reply

    async def complete(self, request: Request) -> Completion:
        """Return the function's answer."""
        return self._reply(request)

    async def aclose(self) -> None:
        """Do nothing: there is no connection to close."""
