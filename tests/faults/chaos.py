"""A seeded schedule of faults, and the hand that does them.

Faults are due by the run's progress and not by the clock: on a slow machine they come later, and
all of them land while there is work to do. What was done is recorded with its times, so that those
that came too late can be taken out of the count.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import psutil

from tests.faults.cluster import Cluster
from tests.faults.kept import Kept
from tests.servers.postgresql import PostgreSQLProcess

Kind = Literal["worker", "child", "sweeper", "api", "wipe", "crash", "freeze"]

_FIRST, _LAST = 0.03, 0.93
"""Progress at the first and the last fault."""
_LEAST_GAP_S = 0.7
_PATIENCE_S = 10.0
"""How long a fault waits for a victim that is up and busy, before any that is up will do."""
_PAST_LEASE_S = 2.0
_MOST_FROZEN = 2


@dataclass(frozen=True, slots=True)
class Doses:
    """How many faults of each kind."""

    worker: int
    """SIGKILL to a worker with its pool."""
    child: int
    """SIGKILL to one pool process."""
    sweeper: int
    api: int
    wipe: int
    """The broker forgets everything: by FLUSHALL, or by SIGKILL and a fresh start."""
    crash: int
    """Of PostgreSQL."""
    freeze: int
    """SIGSTOP past the lease, of a pool process or a whole worker."""

    def kinds(self) -> list[Kind]:
        """Each kind as often as it is to come."""
        by_kind: dict[Kind, int] = {
            "worker": self.worker,
            "child": self.child,
            "sweeper": self.sweeper,
            "api": self.api,
            "wipe": self.wipe,
            "crash": self.crash,
            "freeze": self.freeze,
        }
        return [kind for kind, n in by_kind.items() for _ in range(n)]


@dataclass(frozen=True, slots=True)
class Due:
    """A fault that is to come."""

    progress: float
    """0 to 1: when."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that came."""

    kind: Kind
    what: str
    over_at: float
    """Seconds since 1970: when it was done; of a freeze, when it ended."""


def schedule(doses: Doses, seed: int) -> list[Due]:
    """Spread the faults over a run, in an order drawn by the seed."""
    rng = random.Random(seed)
    kinds = doses.kinds()
    rng.shuffle(kinds)
    step = (_LAST - _FIRST) / len(kinds)
    return [Due(_FIRST + step * (n + rng.random()), kind) for n, kind in enumerate(kinds)]


@dataclass(slots=True)
class _Frozen:
    worker: Kept
    what: str
    until: float
    """By the monotonic clock."""


@dataclass
class Chaos:
    """Does what is due; call `step` many times a second."""

    cluster: Cluster
    due: list[Due]
    lease_s: float
    seed: int
    done: list[Done] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._frozen: list[_Frozen] = []
        self._left = list(self.due)
        self._counts: Counter[Kind] = Counter()
        self._next_at = 0.0
        self._due_since: float | None = None
        self._acts: dict[Kind, Callable[[], str | None]] = {
            "worker": self._kill_worker,
            "child": self._kill_child,
            "sweeper": lambda: self._kill_any(self.cluster.sweepers),
            "api": lambda: self._kill_any([self.cluster.api] if self.cluster.api else []),
            "wipe": self._wipe,
            "crash": self._crash,
            "freeze": self._freeze,
        }

    def step(self, progress: float) -> None:
        """Thaw what was frozen for long enough, and do one fault if one is due and can be done."""
        now = time.monotonic()
        self._thaw(now)
        if not self._left or progress < self._left[0].progress or now < self._next_at:
            return
        self._due_since = self._due_since or now
        kind = self._left[0].kind
        what = self._acts[kind]()
        if what is None:
            # No process is up that could be hit: the next look shows one.
            return
        if kind != "freeze":
            self.done.append(Done(kind, what, time.time()))
        self._left.pop(0)
        self._counts[kind] += 1
        self._due_since = None
        self._next_at = now + _LEAST_GAP_S

    def end(self) -> None:
        """Thaw everything; what was due and never came stays undone."""
        self._thaw(float("inf"))

    def _thaw(self, now: float) -> None:
        for frozen in [each for each in self._frozen if each.until <= now]:
            self._frozen.remove(frozen)
            frozen.worker.thaw()
            self.done.append(Done("freeze", frozen.what, time.time()))

    def _out_of_patience(self) -> bool:
        return self._due_since is not None and time.monotonic() - self._due_since > _PATIENCE_S

    def _busy(self) -> list[tuple[Kept, psutil.Process]]:
        """Return pool processes with calls in flight; at the end, all."""
        busy = self.cluster.busy_children()
        if busy or not self._out_of_patience():
            return busy
        up = [worker for worker in self.cluster.workers if worker.ready]
        return [(worker, child) for worker in up for child in worker.children()]

    def _kill_any(self, kept: list[Kept]) -> str | None:
        up = [each for each in kept if each.ready]
        if not up:
            return None
        victim = self._rng.choice(up)
        victim.kill()
        return victim.part.name

    def _kill_worker(self) -> str | None:
        # Every other time one that is at work, else any.
        if self._counts["worker"] % 2 == 0:
            busy = self._busy()
            return self._kill_any([worker for worker, _ in busy])
        return self._kill_any(self.cluster.workers)

    def _kill_child(self) -> str | None:
        busy = self._busy()
        if not busy:
            return None
        worker, child = self._rng.choice(busy)
        child.kill()
        return f"a child of {worker.part.name}"

    def _wipe(self) -> str | None:
        broker = self.cluster.broker
        if broker is None or not broker.ready:
            return None
        if self._counts["wipe"] % 2 == 0:
            self.cluster.wipe_broker()
            return "FLUSHALL"
        broker.kill()
        return "broker killed"

    def _crash(self) -> str | None:
        if not self.cluster.can_crash_database:
            return None
        ways: tuple[Callable[[PostgreSQLProcess], None], ...] = (
            PostgreSQLProcess.kill,
            PostgreSQLProcess.stop_at_once,
        )
        how = ways[self._counts["crash"] % len(ways)]
        self.cluster.crash_database(how)
        return f"PostgreSQL {how.__name__}"

    def _freeze(self) -> str | None:
        busy = self._busy()
        if not busy or len(self._frozen) >= _MOST_FROZEN:
            return None
        worker, child = self._rng.choice(busy)
        whole = self._counts["freeze"] % 2 == 1
        if whole:
            worker.freeze()
        else:
            worker.freeze_child(child)
        what = worker.part.name if whole else f"a child of {worker.part.name}"
        until = time.monotonic() + self.lease_s + _PAST_LEASE_S
        self._frozen.append(_Frozen(worker, what, until))
        return what
