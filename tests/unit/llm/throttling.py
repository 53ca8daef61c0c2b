"""Workers that ask an endpoint with a limit, in made-up time: the worth of concurrency control.

An endpoint here decides which call it takes. The workers have the control of the fan-out, and share
holds as workers of the service do.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from app.llm.parallel.concurrency_control import ConcurrencyControl

_REFUSED_S = 0.02
_HEARD_AFTER_S = (0.1, 0.6)
"""After a time between these the other workers have read of a hold."""
_GIVEN_AGAIN_S = (0.03, 0.12)
"""Time between two turns of the pump."""
_SHORTEST_SHARED_S = 0.05
_TOKENS = (100, 300, 500, 1100)


class Endpoint(Protocol):
    def takes(self, now_s: float, tokens: int) -> bool:
        """Take a call or refuse it."""

    def ends(self) -> None:
        """Hear that a call that was taken is answered."""

    def retry_after_s(self, now_s: float) -> float | None:
        """Say how long to wait, after a refusal."""


@dataclass
class _Limit:
    said_s: float | None = None
    """Its Retry-After."""

    def ends(self) -> None:
        pass

    def retry_after_s(self, now_s: float) -> float | None:  # noqa: ARG002 - others need it
        return self.said_s


@dataclass
class Sliding(_Limit):
    """A limit of calls in any second."""

    per_s: int = 150
    _taken: deque[float] = field(default_factory=deque)

    def takes(self, now_s: float, tokens: int) -> bool:  # noqa: ARG002 - others need it
        while self._taken and now_s - self._taken[0] >= 1:
            self._taken.popleft()
        if len(self._taken) >= self.per_s:
            return False
        self._taken.append(now_s)
        return True


@dataclass
class Fixed(_Limit):
    """A limit of calls in each window; it says when the next window begins."""

    calls: int = 150
    window_s: float = 1.0
    says: bool = True
    _window: int = -1
    _taken: int = 0

    def takes(self, now_s: float, tokens: int) -> bool:  # noqa: ARG002 - others need it
        if int(now_s / self.window_s) != self._window:
            self._window, self._taken = int(now_s / self.window_s), 0
        self._taken += 1
        return self._taken <= self.calls

    def retry_after_s(self, now_s: float) -> float | None:
        return (self._window + 1) * self.window_s - now_s if self.says else None


@dataclass
class Bucket(_Limit):
    """A token bucket: of calls, or of the calls' tokens."""

    per_s: float = 150.0
    burst: float = 150.0
    by_tokens: bool = False
    _left: float = 0.0
    _at_s: float = 0.0

    def __post_init__(self) -> None:
        self._left = self.burst

    def takes(self, now_s: float, tokens: int) -> bool:
        self._left = min(self.burst, self._left + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        needed = tokens if self.by_tokens else 1
        if self._left < needed:
            return False
        self._left -= needed
        return True


@dataclass
class AtOnce(_Limit):
    """A limit of calls at a time."""

    calls: int = 16
    _taken: int = 0

    def takes(self, now_s: float, tokens: int) -> bool:  # noqa: ARG002 - others need it
        if self._taken >= self.calls:
            return False
        self._taken += 1
        return True

    def ends(self) -> None:
        self._taken -= 1


@dataclass
class Stray(_Limit):
    """Refuse a share of the calls, whatever the load."""

    share: float = 0.02
    said_s: float | None = 0.2
    _rng: random.Random = field(default_factory=lambda: random.Random(3))

    def takes(self, now_s: float, tokens: int) -> bool:  # noqa: ARG002 - others need it
        return self._rng.random() >= self.share


@dataclass
class Away(_Limit):
    """Refuse all calls from time to time, whatever the load."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    def takes(self, now_s: float, tokens: int) -> bool:  # noqa: ARG002 - others need it
        return not any(begin <= now_s < end for begin, end in self.spans)


@dataclass
class Worker:
    control: ConcurrencyControl
    in_flight: int = 0
    waits: bool = False
    given: int = 0
    """Calls that wait to be sent, where they are given in turns."""
    stands_until_s: float = 0.0
    busy_until_s: float = 0.0
    refused: list[tuple[float, int]] = field(default_factory=list)
    """Refused calls: when each may be sent again, and how often it was refused."""


@dataclass
class Simulation:
    """Some seconds of it."""

    endpoint: Endpoint
    latency_s: float = 0.1
    workers: int = 1
    ceiling: int = 256
    refused_s: float = _REFUSED_S
    pauses: bool = True
    """Now and then a worker stands still, and then has many answers."""
    given_in_turns: bool = False
    """As by the pump, which gives calls between two of its transactions. Else there are always
    enough."""
    cpu_s: float = 0.0
    """What a worker is busy with each answer."""
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    log: list[tuple[float, bool]] = field(default_factory=list)
    """For each call that ended: when, and whether it was answered."""
    team: list[Worker] = field(default_factory=list)
    _events: list[tuple[float, int, Worker, Callable[[Worker, float], None]]] = field(
        default_factory=list
    )
    _count: int = 0

    def run(self, seconds: float) -> "Simulation":
        for n in range(self.workers):
            control = ConcurrencyControl(self.ceiling, self.rng.random, first=4, patience_s=600.0)
            self.team.append(Worker(control))
            if self.given_in_turns:
                self._at(n * 0.01, self.team[-1], self._give)
            self._at(n * 0.01, self.team[-1], lambda _worker, _now_s: None)
            if self.pauses:
                self._at(self.rng.random(), self.team[-1], self._stand_still)
        while self._events[0][0] < seconds:
            now_s, _, worker, happens = heapq.heappop(self._events)
            if now_s < worker.stands_until_s:
                self._at(worker.stands_until_s, worker, happens)
                continue
            happens(worker, now_s)
            self._refill(worker, now_s)
        return self

    def answered(self, from_s: float = 0.0, until_s: float = float("inf")) -> int:
        return sum(is_answer for at_s, is_answer in self.log if from_s <= at_s < until_s)

    def wasted(self, from_s: float = 0.0) -> float:
        """The share of the calls that were refused."""
        ended = [is_answer for at_s, is_answer in self.log if at_s >= from_s]
        return 1 - sum(ended) / len(ended)

    def _at(self, at_s: float, worker: Worker, what: Callable[[Worker, float], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (at_s, self._count, worker, what))

    def _give(self, worker: Worker, now_s: float) -> None:
        wanted = worker.control.limit + worker.control.ahead
        worker.given = max(worker.given, wanted - worker.in_flight)
        self._at(now_s + self.rng.uniform(*_GIVEN_AGAIN_S), worker, self._give)

    def _stand_still(self, worker: Worker, now_s: float) -> None:
        worker.stands_until_s = now_s + self.rng.uniform(0.05, 0.3)
        self._at(now_s + self.rng.uniform(1, 4), worker, self._stand_still)

    def _refill(self, worker: Worker, now_s: float) -> None:
        while worker.in_flight < worker.control.limit:
            if self.given_in_turns and not worker.given:
                return
            wait_s = worker.control.wait_s(now_s)
            if wait_s > 0 and not worker.waits:
                worker.waits = True
                self._at(now_s + wait_s, worker, self._go_on)
            if wait_s > 0:
                return
            self._ask(worker, now_s)

    def _go_on(self, worker: Worker, _now_s: float) -> None:
        worker.waits = False

    def _ask(self, worker: Worker, now_s: float) -> None:
        is_again = worker.refused and worker.refused[0][0] <= now_s
        times = heapq.heappop(worker.refused)[1] if is_again else 0
        call = worker.control.send(now_s)
        worker.given -= self.given_in_turns
        worker.in_flight += 1

        def answer(worker: Worker, now_s: float) -> None:
            worker.in_flight -= 1
            self.log.append((now_s, True))
            self.endpoint.ends()
            worker.control.answered(call, now_s)

        def refuse(worker: Worker, now_s: float) -> None:
            worker.in_flight -= 1
            self.log.append((now_s, False))
            wait_s = worker.control.throttled(call, now_s, said_s, times + 1)
            heapq.heappush(worker.refused, (now_s + wait_s, times + 1))
            self._share_hold(worker, now_s)

        if self.endpoint.takes(now_s, self.rng.choice(_TOKENS)):
            worker.busy_until_s = max(worker.busy_until_s, now_s) + self.cpu_s
            latency_s = self.latency_s * self.rng.uniform(0.9, 1.1)
            self._at(latency_s + (worker.busy_until_s if self.cpu_s else now_s), worker, answer)
        else:
            said_s = self.endpoint.retry_after_s(now_s)
            self._at(now_s + self.refused_s, worker, refuse)

    def _share_hold(self, worker: Worker, now_s: float) -> None:
        hold_s = worker.control.hold_s(now_s)
        if worker.control.refused_s(now_s) is None or hold_s < _SHORTEST_SHARED_S:
            return
        until_s = now_s + hold_s

        def hear(other: Worker, now_s: float) -> None:
            if until_s - now_s > other.control.hold_s(now_s) + _SHORTEST_SHARED_S:
                other.control.hear(until_s - now_s, now_s)

        heard_s = now_s + self.rng.uniform(*_HEARD_AFTER_S)
        for other in self.team:
            if other is not worker:
                self._at(heard_s, other, hear)
