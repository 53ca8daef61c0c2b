"""Concurrent model calls to one endpoint: submit requests, collect outcomes.

`Calls` joins the fan-outs of several endpoints.
"""

import asyncio
import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Self

from app.errors import ItemError, ProviderError, Throttled
from app.llm.parallel.concurrency_control import ConcurrencyControl
from app.llm.parallel.loop_thread import LoopThread
from app.llm.parallel.outcomes import Outcome, OutcomeQueue
from app.llm.provider import Provider, ProviderFactory
from app.pipeline.types import Completion, Request


@dataclass(frozen=True, slots=True)
class Dropped:
    """A submitted call that will have no outcome."""

    key: int
    was_out: bool
    """True when it had been sent, so the provider may charge for it."""


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """A call that is not sent yet; ordered by submission, also when it is retried."""

    turn: int
    key: int = field(compare=False)
    request: Request = field(compare=False)


class Fanout:
    """Up to `concurrency` calls in flight to one endpoint; for use by one thread.

    Args:
        provider_factory: Makes the provider; called in the loop's thread. The constructor raises
            what it raises.
        concurrency: Most calls in flight.
        first: Calls in flight at the start; None: `concurrency`.
        loop: A loop shared with other endpoints; None: its own.
        outcomes: A queue shared with other endpoints; None: its own.
    """

    def __init__(
        self,
        provider_factory: ProviderFactory,
        concurrency: int,
        *,
        first: int | None = None,
        loop: LoopThread | None = None,
        outcomes: OutcomeQueue | None = None,
    ) -> None:
        self._control = ConcurrencyControl(concurrency, random.random, first=first)
        self._last_throttle: Throttled | None = None
        self._waiting: list[_Waiting] = []
        self._asked: dict[asyncio.Task[None], _Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._submitted = 0
        self._ended = 0
        # The caller's thread appends and wakes the loop's thread, which removes them.
        self._submitted_calls: deque[_Waiting] = deque()
        self._wake_requested = False
        self._closed = False
        self._outcomes = OutcomeQueue() if outcomes is None else outcomes
        self._owns_loop = loop is None
        self._thread = LoopThread("model calls") if loop is None else loop
        self._loop = self._thread.loop
        try:
            self._provider: Provider = self._thread.within(_call(provider_factory))
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """Calls submitted and not answered yet, including those held by a rate limit."""
        return self._submitted - self._ended

    @property
    def capacity(self) -> int:
        """Calls that may be submitted now; it falls when the provider throttles and recovers."""
        return max(0, self._control.limit - self.in_flight)

    @property
    def held_s(self) -> float:
        """Seconds for which no call is sent because the provider throttles; 0: calls are sent."""
        return self._control.hold_s(self._loop.time())

    @property
    def refused_s(self) -> float | None:
        """Seconds since which the provider refuses all calls as too many; None: it answers some."""
        return self._control.refused_s(self._loop.time())

    @property
    def last_throttle(self) -> Throttled | None:
        """The latest throttle, with the provider's message; None: there was none."""
        return self._last_throttle

    def submit(self, key: int, request: Request) -> None:
        """Send `request` as soon as the concurrency limit allows; its outcome has this `key`."""
        if self._closed:
            raise RuntimeError("This Fanout is closed.")
        self._submitted += 1
        self._outcomes.expect()
        self._submitted_calls.append(_Waiting(self._submitted, key, request))
        if not self._wake_requested:
            # One wake-up serves all submissions until it happens: each costs a system call.
            self._wake_requested = True
            self._thread.soon(self._enter)

    def hold(self, hold_s: float) -> None:
        """Send nothing for `hold_s` seconds: another process was throttled."""
        self._thread.soon(lambda: self._control.hold(self._loop.time() + hold_s))

    def collect(self, timeout_s: float, limit: int = 32) -> list[Outcome]:
        """Return outcomes as `OutcomeQueue.collect` does."""
        return self._outcomes.collect(timeout_s, limit)

    def withdraw(self) -> list[int]:
        """Remove the calls that are not sent yet, and return their keys in order of submission."""
        return self._thread.within(self._withdraw())

    def abandon(self) -> list[Dropped]:
        """Cancel the calls without an answer, and return them in order of submission.

        Outcomes that are already there can still be collected.
        """
        return self._thread.within(self._abandon())

    def close(self) -> None:
        """Abandon the calls in flight and close the provider. Safe to repeat."""
        if self._closed:
            return
        self._closed = True
        try:
            self._thread.within(self._abandon())
            self._thread.within(self._provider.aclose())
        finally:
            self._stop()

    def _stop(self) -> None:
        self._closed = True
        if self._owns_loop:
            self._thread.close()

    # From here on everything runs in the loop's thread.

    def _enter(self) -> None:
        # First: a later submission wakes the loop again.
        self._wake_requested = False
        while self._submitted_calls:
            heapq.heappush(self._waiting, self._submitted_calls.popleft())
        self._refill()

    def _refill(self) -> None:
        """Send as many calls as the limit allows now; called after every answer."""
        if not self._waiting or self._timer is not None:
            return
        now_s = self._loop.time()
        while self._waiting and len(self._asked) < self._control.limit:
            wait_s = self._control.wait_s(now_s)
            if wait_s > 0:
                self._timer = self._loop.call_later(wait_s, self._wait_is_over)
                return
            self._control.asked(now_s)
            waiting = heapq.heappop(self._waiting)
            task = self._loop.create_task(self._ask(waiting))
            self._asked[task] = waiting
            task.add_done_callback(self._done)

    def _wait_is_over(self) -> None:
        self._timer = None
        self._refill()

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._asked[task]
        self._refill()

    async def _ask(self, waiting: _Waiting) -> None:
        asked_at_s = self._loop.time()
        answer: Completion | ProviderError
        try:
            answer = await self._provider.complete(waiting.request)
        except Throttled as error:
            self._last_throttle = error
            self._control.throttled(asked_at_s, self._loop.time(), error.retry_after_s)
            heapq.heappush(self._waiting, waiting)
            return
        except ProviderError as error:
            answer = error
        except Exception as defect:  # noqa: BLE001 - raised again in the caller's thread, by collect
            self._finish(defect)
            return
        if isinstance(answer, Completion | ItemError):
            self._control.answered(asked_at_s, self._loop.time())
        self._finish(Outcome(waiting.key, answer, self._loop.time() - asked_at_s))

    def _finish(self, result: Outcome | Exception) -> None:
        self._ended += 1
        self._outcomes.put(result)

    async def _withdraw(self) -> list[int]:
        keys = [waiting.key for waiting in sorted(self._waiting)]
        self._waiting.clear()
        self._ended += len(keys)
        self._outcomes.forget(len(keys))
        return keys

    async def _abandon(self) -> list[Dropped]:
        dropped: list[tuple[_Waiting, bool]] = []
        # A call that is throttled while it is being cancelled returns to the queue.
        while self._asked or self._waiting:
            dropped += [(waiting, False) for waiting in self._waiting]
            self._waiting.clear()
            asked = dict(self._asked)
            for task in asked:
                task.cancel()
            if asked:
                await asyncio.wait(asked)
            dropped += [(waiting, True) for task, waiting in asked.items() if task.cancelled()]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended += len(dropped)
        self._outcomes.forget(len(dropped))
        return [Dropped(waiting.key, was_out) for waiting, was_out in sorted(dropped)]


async def _call(factory: ProviderFactory) -> Provider:
    return factory()
