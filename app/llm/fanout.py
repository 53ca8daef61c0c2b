"""Many model calls at a time, behind a plain interface: give it requests, take answers.

One event loop in one thread, made with the `Fanout`: make it after a fork, never before. A child
would inherit the object without its thread.
"""

import asyncio
import heapq
import os
import random
import threading
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from app.errors import ItemTrouble, ProviderTrouble, Throttled
from app.llm.pacing import Pacing
from app.llm.provider import Provider, ProviderFactory
from app.pipeline.types import Completion, Request

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one submitted call ended."""

    key: int
    answer: Completion | ProviderTrouble
    """Never `Throttled`: such a call is asked again until something else comes out."""
    latency_s: float
    """Of the call that was answered, without the waiting before it."""


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """A call that is not out yet; in order of submission, also when it has to be asked again."""

    turn: int
    key: int = field(compare=False)
    request: Request = field(compare=False)


class Fanout:
    """Keeps up to `concurrency` calls in the air; one thread may use it.

    `provider_factory` is called inside the loop; what it raises comes out of the constructor.
    """

    def __init__(self, provider_factory: ProviderFactory, concurrency: int) -> None:
        self._pid = os.getpid()
        self._pacing = Pacing(concurrency, random.random)
        self._last_throttle: Throttled | None = None
        self._waiting: list[_Waiting] = []
        self._asked: dict[asyncio.Task[None], _Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._submitted = 0
        # Shared with the caller's thread, under the condition's lock.
        self._news = threading.Condition()
        self._outcomes: deque[Outcome] = deque()
        self._defect: Exception | None = None
        self._finished = 0
        self._wanted = 1
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="model calls", daemon=True)
        self._thread.start()
        try:
            self._provider: Provider = self._within_loop(_call(provider_factory))
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def in_air(self) -> int:
        """Calls submitted and not answered yet, those held by a throttle among them."""
        return self._submitted - self._finished

    @property
    def capacity(self) -> int:
        """How many more calls may be submitted now; falls with throttling and climbs back."""
        return max(0, self._pacing.limit - self.in_air)

    @property
    def held_s(self) -> float:
        """For how long nobody asks, because the provider throttles; 0 in fair weather."""
        return self._pacing.hold_s(self._loop.time())

    @property
    def last_throttle(self) -> Throttled | None:
        """The latest throttle in the provider's words; None if there was none."""
        return self._last_throttle

    def submit(self, key: int, request: Request) -> None:
        """Ask `request` as soon as pacing allows; its outcome will carry `key`."""
        if os.getpid() != self._pid:
            raise RuntimeError("A Fanout does not survive a fork: make it in the child.")
        if self._closed:
            raise RuntimeError("This Fanout is closed.")
        self._submitted += 1
        waiting = _Waiting(self._submitted, key, request)
        self._loop.call_soon_threadsafe(self._enter, waiting)

    def collect(self, timeout_s: float, most: int = 32) -> list[Outcome]:
        """Return outcomes when `most` are there, when no more can come, or when the time is over.

        In the order the answers came; empty if there were none. A provider's defect (an exception
        that is no `ProviderTrouble`) is raised here.
        """
        with self._news:
            self._wanted = most
            self._news.wait_for(self._enough, timeout_s)
            if self._defect is not None:
                defect, self._defect = self._defect, None
                raise defect
            count = min(most, len(self._outcomes))
            return [self._outcomes.popleft() for _ in range(count)]

    def abandon(self) -> list[int]:
        """Cancel what is not answered and return its keys, in order of submission.

        Outcomes that are already there stay and can still be collected.
        """
        return self._within_loop(self._abandon())

    def close(self) -> None:
        """Abandon what is in the air, close the provider, end the thread; a second call is free."""
        if self._closed:
            return
        self._closed = True
        try:
            self._within_loop(self._abandon())
            self._within_loop(self._provider.aclose())
        finally:
            self._stop()

    def _enough(self) -> bool:
        ready = len(self._outcomes)
        return ready >= self._wanted or self._defect is not None or (ready > 0 and not self.in_air)

    def _within_loop(self, work: Coroutine[Any, Any, T]) -> T:
        # Any: what a coroutine is sent and yields, which no caller sees.
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    # From here on everything runs in the loop's thread.

    def _run(self) -> None:
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    def _enter(self, waiting: _Waiting) -> None:
        heapq.heappush(self._waiting, waiting)
        self._refill()

    def _refill(self) -> None:
        """Let out as many calls as pacing allows now; no barrier, called after every answer."""
        if not self._waiting or self._timer is not None:
            return
        hold_s = self._pacing.hold_s(self._loop.time())
        if hold_s > 0:
            self._timer = self._loop.call_later(hold_s, self._hold_is_over)
            return
        while self._waiting and len(self._asked) < self._pacing.limit:
            waiting = heapq.heappop(self._waiting)
            task = self._loop.create_task(self._ask(waiting))
            self._asked[task] = waiting
            task.add_done_callback(self._done)

    def _hold_is_over(self) -> None:
        self._timer = None
        self._refill()

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._asked[task]
        self._refill()

    async def _ask(self, waiting: _Waiting) -> None:
        asked_at_s = self._loop.time()
        answer: Completion | ProviderTrouble
        try:
            answer = await self._provider.complete(waiting.request)
        except Throttled as trouble:
            self._last_throttle = trouble
            self._pacing.throttled(asked_at_s, self._loop.time(), trouble.retry_after_s)
            heapq.heappush(self._waiting, waiting)
            return
        except ProviderTrouble as trouble:
            answer = trouble
        except Exception as defect:  # noqa: BLE001 - raised again in the caller's thread, by collect
            self._finish(defect)
            return
        if isinstance(answer, Completion | ItemTrouble):
            self._pacing.answered(asked_at_s)
        self._finish(Outcome(waiting.key, answer, self._loop.time() - asked_at_s))

    def _finish(self, news: Outcome | Exception) -> None:
        with self._news:
            self._finished += 1
            if isinstance(news, Outcome):
                self._outcomes.append(news)
            else:
                self._defect = news
            if self._enough():
                self._news.notify_all()

    async def _abandon(self) -> list[int]:
        dropped: list[_Waiting] = []
        # A call that is throttled while it is being cancelled comes back into the queue.
        while self._asked or self._waiting:
            dropped += self._waiting
            self._waiting.clear()
            asked = dict(self._asked)
            for task in asked:
                task.cancel()
            if asked:
                await asyncio.wait(asked)
            dropped += [waiting for task, waiting in asked.items() if task.cancelled()]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with self._news:
            self._finished += len(dropped)
        return [waiting.key for waiting in sorted(dropped)]


async def _call(factory: ProviderFactory) -> Provider:
    return factory()
