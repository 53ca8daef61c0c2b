"""An event loop in its own thread, for asynchronous work behind a synchronous interface.

Create it after a fork, never before: a child would inherit the object without its thread.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """An event loop that runs in a thread from its creation until `close`."""

    def __init__(self, name: str) -> None:
        self._pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def within(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, wait for it, and return or raise its result."""
        # Any: a coroutine's send and yield types, which no caller sees.
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def soon(self, work: Callable[[], None]) -> None:
        """Schedule `work` in the loop, without waiting for it."""
        if os.getpid() != self._pid:
            raise RuntimeError("Model calls do not survive a fork: create them in the child.")
        self.loop.call_soon_threadsafe(work)

    def close(self) -> None:
        """Stop the loop and wait for the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def _run(self) -> None:
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()
