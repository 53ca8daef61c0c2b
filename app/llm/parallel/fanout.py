"""Concurrent model calls to one endpoint: submit requests, collect outcomes.

`Calls` joins the fan-outs of several endpoints.
"""

import asyncio
import heapq
import math
import random
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Self

from app.errors import ItemError, ProviderError, Throttled
from app.llm.parallel.concurrency_control import ConcurrencyControl
from app.llm.parallel.loop_thread import LoopThread
from app.llm.parallel.outcomes import Outcome, OutcomeQueue
from app.llm.parallel.sent_call import SentCall
from app.llm.provider import Provider, ProviderFactory
from app.pipeline.types import Completion, Request

FEWEST_SET_ASIDE = 8
"""This many refused calls leave their places to others even if one may be in flight. With fewer,
nobody could see whether the others are refused as well."""
LONG_QUIET_S = 5.0
"""When every call was refused and waits longer than this, the provider counts as throttling."""


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
    refused: int = field(default=0, compare=False)
    """The number of its refusals by a rate limit."""


class Fanout:
    """Up to `concurrency` calls in flight to one endpoint; for use by one thread.

    Args:
        provider_factory: Makes the provider; called in the loop's thread. The constructor raises
            what it raises.
        concurrency: Most calls in flight.
        first: Calls in flight at the start; None: `concurrency`.
        patience_s: A throttle that asks for a longer wait holds all calls.
        loop: A loop shared with other endpoints; None: its own.
        outcomes: A queue shared with other endpoints; None: its own.
    """

    def __init__(
        self,
        provider_factory: ProviderFactory,
        concurrency: int,
        *,
        first: int | None = None,
        patience_s: float = math.inf,
        loop: LoopThread | None = None,
        outcomes: OutcomeQueue | None = None,
    ) -> None:
        self._concurrency = concurrency
        self._control = ConcurrencyControl(
            concurrency, random.random, first=first, patience_s=patience_s
        )
        self._last_throttle: Throttled | None = None
        self.throttled_calls = 0
        """Number of times that a call was refused by a rate limit."""
        self._waiting: list[_Waiting] = []
        self._asked: dict[asyncio.Task[None], _Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._refused: list[tuple[float, _Waiting]] = []
        """Calls that were refused, and when each may be sent again; a heap."""
        self._retry_timer: asyncio.TimerHandle | None = None
        self._refused_since_s: float | None = None
        """When the first call was refused after the last answer; None: an answer came since."""
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
    def set_aside(self) -> int:
        """Refused calls that wait alone and leave their places to others, up to a bound."""
        return min(len(self._refused), max(self._concurrency, FEWEST_SET_ASIDE))

    @property
    def capacity(self) -> int:
        """Calls that may be submitted now; it falls when the provider throttles and recovers."""
        wanted = self._control.limit + self._control.ahead
        return max(0, wanted - self.in_flight + self.set_aside)

    @property
    def held_s(self) -> float:
        """Seconds for which no call is sent because the provider throttles; 0: calls are sent."""
        return self._control.hold_s(self._loop.time())

    @property
    def refused_s(self) -> float | None:
        """Seconds since which the provider refuses all calls as too many; None: it answers some."""
        refused_s = self._control.refused_s(self._loop.time())
        since_s = self._refused_since_s
        if refused_s is None and since_s is not None and self.quiet_s > LONG_QUIET_S:
            return self._loop.time() - since_s
        return refused_s

    @property
    def quiet_s(self) -> float:
        """Seconds for which no call is sent or in flight: all are held, or each was refused."""
        if self._asked:
            return 0.0
        held_s, refused = self.held_s, self._refused[:1]
        if self._waiting or self._submitted_calls or not refused:
            return held_s
        return max(held_s, refused[0][0] - self._loop.time())

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
        """Send nothing for `hold_s` seconds, or a little longer: another process was throttled."""
        self._thread.soon(lambda: self._control.hear(hold_s, self._loop.time()))

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
        now_s = self._loop.time()
        self._take_back_refused(now_s)
        if not self._waiting or self._timer is not None:
            return
        while self._waiting and len(self._asked) < self._control.limit:
            wait_s = self._control.wait_s(now_s)
            if wait_s > 0:
                self._timer = self._loop.call_later(wait_s, self._wait_is_over)
                return
            sent = self._control.send(now_s)
            waiting = heapq.heappop(self._waiting)
            task = self._loop.create_task(self._ask(waiting, sent))
            self._asked[task] = waiting
            task.add_done_callback(self._done)

    def _take_back_refused(self, now_s: float) -> None:
        """Let refused calls whose wait is over be sent again."""
        while self._refused and self._refused[0][0] <= now_s:
            _, waiting = heapq.heappop(self._refused)
            heapq.heappush(self._waiting, waiting)
        if self._refused and self._retry_timer is None:
            wait_s = self._refused[0][0] - now_s
            self._retry_timer = self._loop.call_later(wait_s, self._retry_is_due)

    def _retry_is_due(self) -> None:
        self._retry_timer = None
        self._refill()

    def _set_aside(self, waiting: _Waiting, wait_s: float) -> None:
        again = replace(waiting, refused=waiting.refused + 1)
        heapq.heappush(self._refused, (self._loop.time() + wait_s, again))
        if self._retry_timer is not None:
            # It may be due before the others; `_refill` sets the timer again.
            self._retry_timer.cancel()
            self._retry_timer = None

    def _wait_is_over(self) -> None:
        self._timer = None
        self._refill()

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._asked[task]
        if task.cancelled():
            self._control.lost()
        self._refill()

    async def _ask(self, waiting: _Waiting, sent: SentCall) -> None:
        answer: Completion | ProviderError
        try:
            answer = await self._provider.complete(waiting.request)
        except Throttled as error:
            now_s = self._loop.time()
            self._last_throttle = error
            self.throttled_calls += 1
            if self._refused_since_s is None:
                self._refused_since_s = now_s
            times = waiting.refused + 1
            wait_s = self._control.throttled(sent, now_s, error.retry_after_s, times)
            self._set_aside(waiting, wait_s)
            return
        except ProviderError as error:
            answer = error
        except Exception as defect:  # noqa: BLE001 - raised again in the caller's thread, by collect
            self._control.lost()
            self._finish(defect)
            return
        if isinstance(answer, Completion | ItemError):
            self._refused_since_s = None
            self._control.answered(sent, self._loop.time())
        else:
            self._control.lost()
        self._finish(Outcome(waiting.key, answer, self._loop.time() - sent.at_s))

    def _finish(self, result: Outcome | Exception) -> None:
        self._ended += 1
        self._outcomes.put(result)

    async def _withdraw(self) -> list[int]:
        keys = [waiting.key for waiting in sorted(self._not_sent())]
        self._ended += len(keys)
        self._outcomes.forget(len(keys))
        return keys

    def _not_sent(self) -> list[_Waiting]:
        """Remove and return the calls that are not sent now."""
        found = [*self._waiting, *(waiting for _, waiting in self._refused)]
        self._waiting.clear()
        self._refused.clear()
        return found

    async def _abandon(self) -> list[Dropped]:
        dropped: list[tuple[_Waiting, bool]] = []
        # A call that is throttled while it is being cancelled returns to the queue.
        while self._asked or self._waiting or self._refused:
            dropped += [(waiting, False) for waiting in self._not_sent()]
            asked = dict(self._asked)
            for task in asked:
                task.cancel()
            if asked:
                await asyncio.wait(asked)
            dropped += [(waiting, True) for task, waiting in asked.items() if task.cancelled()]
        for timer in (self._timer, self._retry_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._retry_timer = None
        self._ended += len(dropped)
        self._outcomes.forget(len(dropped))
        return [Dropped(waiting.key, was_out) for waiting, was_out in sorted(dropped)]


async def _call(factory: ProviderFactory) -> Provider:
    return factory()
