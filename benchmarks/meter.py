"""CPU and memory of processes at work, read from outside: the same way for all of them."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil

from benchmarks.endpoint import Endpoint

_EVERY_S = 0.2
_HEAD, _TAIL = 0.1, 0.9
"""Calls before and after this part belong to the start and the end, with fewer in flight."""
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """Calls and resources of all processes up to one moment."""

    at_s: float
    calls: int
    cpu_s: float
    """User and system time."""
    endpoint_cpu_s: float
    resident_mb: float


@dataclass(frozen=True, slots=True)
class Measure:
    """Figures of one way of calling; rates are of the middle four fifths of the calls."""

    calls_per_s: float
    cpu_ms: float
    """Of the measured processes, per call."""
    endpoint_cpu_ms: float
    peak_mb: float
    final_mb: float
    calls: int
    """Of all measured processes."""
    accepted: int = 0

    @property
    def accepted_per_s(self) -> float:
        """Instructions, at the rate of the calls."""
        return self.calls_per_s * self.accepted / self.calls


def readings(processes: Sequence[subprocess.Popen[bytes]], endpoint: Endpoint) -> Iterator[Reading]:
    """Yield a reading five times a second until all processes have ended.

    `RuntimeError` when one of them fails.
    """
    watched = [_Watched(process) for process in processes]
    while True:
        yield _read(watched, endpoint)
        time.sleep(_EVERY_S)
        statuses = [process.poll() for process in processes]
        if any(statuses):
            raise RuntimeError(f"a process under measurement failed: {statuses}")
        if all(status == 0 for status in statuses):
            return


class _Watched:
    """A process; once it has ended it has taken what it had taken when last seen."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = psutil.Process(process.pid)
        self.cpu_s = 0.0
        self.resident_bytes = 0

    def look(self) -> None:
        try:
            times, resident_bytes = self._process.cpu_times(), self._process.memory_info().rss
        except psutil.NoSuchProcess:
            return
        # One that has ended and was not waited for has no memory left.
        if resident_bytes:
            self.cpu_s, self.resident_bytes = times.user + times.system, resident_bytes


def _read(watched: Sequence[_Watched], endpoint: Endpoint) -> Reading:
    for process in watched:
        process.look()
    seen = endpoint.seen()
    return Reading(
        at_s=time.monotonic(),
        calls=seen.calls,
        cpu_s=sum(process.cpu_s for process in watched),
        endpoint_cpu_s=seen.cpu_s,
        resident_mb=sum(process.resident_bytes for process in watched) / _MB,
    )


def measure(read: Sequence[Reading], accepted: int = 0) -> Measure:
    """Sum readings up."""
    before, calls = read[0].calls, read[-1].calls - read[0].calls
    first = next(r for r in read if r.calls - before >= _HEAD * calls)
    last = next(r for r in reversed(read) if r.calls - before <= _TAIL * calls)
    if last.calls <= first.calls:
        raise RuntimeError("too few calls to measure anything: give more with --calls")
    done = last.calls - first.calls
    return Measure(
        calls_per_s=done / (last.at_s - first.at_s),
        cpu_ms=1000 * (last.cpu_s - first.cpu_s) / done,
        endpoint_cpu_ms=1000 * (last.endpoint_cpu_s - first.endpoint_cpu_s) / done,
        peak_mb=max(r.resident_mb for r in read),
        final_mb=read[-1].resident_mb,
        calls=calls,
        accepted=accepted,
    )
