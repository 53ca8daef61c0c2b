"""Workers that ask an endpoint with a limit a second, in made-up time: what pacing is worth."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from app.llm.parallel.concurrency_control import ConcurrencyControl

_REFUSED_S = 0.02


class Limit:
    """Answers so many calls in any second."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._answered: deque[float] = deque()

    def takes(self, now_s: float) -> bool:
        while self._answered and now_s - self._answered[0] >= 1:
            self._answered.popleft()
        if len(self._answered) >= self._per_s:
            return False
        self._answered.append(now_s)
        return True


@dataclass
class Worker:
    pacing: ConcurrencyControl
    in_flight: int = 0
    waits: bool = False
    stands_until_s: float = 0.0


@dataclass
class Simulation:
    """Some seconds of it; `pauses`: now and then a worker stands still, then has many answers."""

    limit: Limit
    latency_s: float = 0.1
    workers: int = 2
    retry_after_s: float | None = None
    pauses: bool = True
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    answered: int = 0
    refused: int = 0

    def run(self, seconds: float) -> None:
        self._events: list[tuple[float, int, Worker, Callable[[Worker, float], None]]] = []
        self._count = 0
        for n in range(self.workers):
            worker = Worker(ConcurrencyControl(256, self.rng.random, first=4))
            self._at(n * 0.01, worker, lambda _worker, _now_s: None)
            if self.pauses:
                self._at(self.rng.random(), worker, self._stand_still)
        while self._events[0][0] < seconds:
            now_s, _, worker, happens = heapq.heappop(self._events)
            if now_s < worker.stands_until_s:
                self._at(worker.stands_until_s, worker, happens)
                continue
            happens(worker, now_s)
            self._refill(worker, now_s)

    def _at(self, at_s: float, worker: Worker, what: Callable[[Worker, float], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (at_s, self._count, worker, what))

    def _stand_still(self, worker: Worker, now_s: float) -> None:
        worker.stands_until_s = now_s + self.rng.uniform(0.05, 0.3)
        self._at(now_s + self.rng.uniform(1, 4), worker, self._stand_still)

    def _refill(self, worker: Worker, now_s: float) -> None:
        while worker.in_flight < worker.pacing.limit:
            wait_s = worker.pacing.wait_s(now_s)
            if wait_s > 0 and not worker.waits:
                worker.waits = True
                self._at(now_s + wait_s, worker, self._go_on)
            if wait_s > 0:
                return
            self._ask(worker, now_s)

    def _go_on(self, worker: Worker, _now_s: float) -> None:
        worker.waits = False

    def _ask(self, worker: Worker, asked_at_s: float) -> None:
        worker.pacing.asked(asked_at_s)
        worker.in_flight += 1

        def answer(worker: Worker, now_s: float) -> None:
            worker.in_flight -= 1
            self.answered += 1
            worker.pacing.answered(asked_at_s, now_s)

        def refuse(worker: Worker, now_s: float) -> None:
            worker.in_flight -= 1
            self.refused += 1
            worker.pacing.throttled(asked_at_s, now_s, self.retry_after_s)

        if self.limit.takes(asked_at_s):
            self._at(asked_at_s + self.latency_s * self.rng.uniform(0.9, 1.1), worker, answer)
        else:
            self._at(asked_at_s + _REFUSED_S, worker, refuse)
