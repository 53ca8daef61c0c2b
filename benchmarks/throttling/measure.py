"""Workers at an endpoint that refuses calls: their throughput, waste and recovery.

The endpoint answers after 50 ms. Three things are measured:

- Stray refusals: the calls per second of one worker on a whole run, as a share of those of an
  undisturbed worker in the same round.
- Hard limits, each with one and two workers: the share of all calls that is refused in the first
  seconds, from the first call on. Limits of a minute are scaled to 10 seconds: the first holds are
  as long as at a minute, so that more of the fewer calls of a window are wasted.
- An outage of 10 seconds: the seconds from its end until the rate over a whole second is back at
  90 % of the rate over 5 seconds before it.
"""

import math
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.endpoint import Endpoint, endpoint
from benchmarks.service import Load, NewDatabase, Service, work

_DELAY_S = 0.05
_UNDISTURBED = "undisturbed"
STRAY = {
    "0.5 % refused at random": ("stray:0.005", 0.9),
    "2 % refused at random": ("stray:0.02", 0.8),
}
"""Limits, and the least share of the undisturbed calls."""
HARD = {
    "150 calls a second": "sliding:150",
    "bucket of 150 calls a second": "bucket:150,150",
    "the same without any burst": "bucket:150,1",
    "1,500 in 10 s, no Retry-After": "window:1500,10",
    "100,000 tokens a second": "tokens:100000,1000000",
}
MOST_WASTED = 0.05
"""Share of calls that a hard limit may refuse."""
LIMITED_S = 40.0
_AWAY_FROM_S, _AWAY_FOR_S, _AFTER_S = 8.0, 10.0, 12.0
OUTAGES = {
    f"10 s of status {status}": f"away:{_AWAY_FROM_S},{_AWAY_FOR_S},{status}"
    for status in (503, 429)
}
BACK_AT = 0.9
LONGEST_RECOVERY_S = 5.0
_BEFORE_S = 5.0
_EVERY_S = 0.1
_START_WITHIN_S = 60.0
_MANY = 1_000_000
"""Calls of a run that ends by time."""


@dataclass(frozen=True, slots=True)
class Amount:
    """The size of the measurement."""

    calls: int
    in_flight: int
    rounds: int
    only: str
    """Measure what has this in its name."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Counters of the endpoint at one moment."""

    at_s: float
    """Since the first call."""
    calls: int
    refused: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one way in one round; None: not measured there."""

    calls_per_s: float
    refused: float
    """Share of all calls sent."""
    recovery_s: float | None = None


def report_throttles(title: str, new_database: NewDatabase, amount: Amount) -> list[str]:
    """Measure and print a table for one kind of database; return the targets that are missed."""
    print(
        f"\n{title}, {amount.in_flight} calls in flight, {1000 * _DELAY_S:.0f} ms each;"
        f" {amount.calls:,} calls or {LIMITED_S:.0f} s, {amount.rounds} rounds"
    )
    print(f"\n{'':44}{'calls/s':>9}{'share':>8}{'refused':>9}{'back after s':>14}")
    failures = []
    whole = _whole_runs(new_database, amount)
    undisturbed = whole.get(_UNDISTURBED, [])
    for name, found in whole.items():
        pairs = zip(found, undisturbed, strict=True)
        share = median(one.calls_per_s / other.calls_per_s for one, other in pairs)
        _print_row(name, found, f"{share:.2f}")
        least = STRAY[name][1] if name in STRAY else 0.0
        if share < least:
            failures.append(f"{name}: {share:.2f} of the undisturbed calls, {least} wanted")
    for name, limit in HARD.items():
        for workers in (1, 2):
            failures += _hard(f"{name}, {_number(workers)}", limit, workers, new_database, amount)
    for name, limit in OUTAGES.items():
        for workers in (1, 2):
            failures += _outage(f"{name}, {_number(workers)}", limit, workers, new_database, amount)
    return failures


def recovery_s(moments: Sequence[Moment], from_s: float, until_s: float) -> float:
    """Return the seconds from the end of an outage until the rate is back; infinity: never.

    Args:
        moments: The counters, in the order of time.
        from_s: The beginning of the outage.
        until_s: The end of it.
    """
    before = _rate(moments, from_s - _BEFORE_S, from_s)
    later = (one.at_s for one in moments if until_s <= one.at_s <= moments[-1].at_s - 1)
    back = (at_s for at_s in later if _rate(moments, at_s, at_s + 1) >= BACK_AT * before)
    return next(back, math.inf) - until_s


def _rate(moments: Sequence[Moment], from_s: float, until_s: float) -> float:
    """Return the calls per second between the moments that are nearest to these times."""
    first, last = (
        min(moments, key=lambda one: abs(one.at_s - wanted_s)) for wanted_s in (from_s, until_s)
    )
    return (last.calls - first.calls) / (last.at_s - first.at_s)


def _whole_runs(new_database: NewDatabase, amount: Amount) -> Mapping[str, Sequence[Figures]]:
    """Measure an undisturbed worker and those with stray refusals, in turn."""
    limits = {name: limit for name, (limit, _) in STRAY.items() if amount.only in name}
    if limits:
        limits = {_UNDISTURBED: "none", **limits}
    found: dict[str, list[Figures]] = {name: [] for name in limits}
    for _ in range(amount.rounds):
        for name, limit in limits.items():
            with endpoint(_DELAY_S, limit) as served:
                load = Load(served, amount.calls, amount.in_flight)
                calls_per_s = work(new_database, 1, load).calls_per_s
                seen = served.seen()
            refused = seen.refused / (seen.calls + seen.refused)
            found[name].append(Figures(calls_per_s, refused))
    return found


def _hard(
    name: str, limit: str, workers: int, new_database: NewDatabase, amount: Amount
) -> list[str]:
    if amount.only not in name:
        return []
    found = []
    for _ in range(amount.rounds):
        last = list(_moments(limit, workers, LIMITED_S, new_database, amount.in_flight))[-1]
        refused = last.refused / (last.calls + last.refused)
        found.append(Figures(last.calls / last.at_s, refused))
    _print_row(name, found)
    wasted = median(one.refused for one in found)
    too_much = f"{name}: {wasted:.1%} refused, at most {MOST_WASTED:.0%} wanted"
    return [too_much] if wasted > MOST_WASTED else []


def _outage(
    name: str, limit: str, workers: int, new_database: NewDatabase, amount: Amount
) -> list[str]:
    if amount.only not in name:
        return []
    found = []
    until_s = _AWAY_FROM_S + _AWAY_FOR_S
    for _ in range(amount.rounds):
        end_s = until_s + _AFTER_S
        moments = list(_moments(limit, workers, end_s, new_database, amount.in_flight))
        last = moments[-1]
        refused = last.refused / (last.calls + last.refused)
        back_s = recovery_s(moments, _AWAY_FROM_S, until_s)
        found.append(Figures(last.calls / last.at_s, refused, back_s))
    _print_row(name, found)
    back_s = median(one.recovery_s or 0.0 for one in found)
    too_late = f"{name}: back after {back_s:.1f} s, {LONGEST_RECOVERY_S:.0f} wanted"
    return [too_late] if back_s > LONGEST_RECOVERY_S else []


def _moments(
    limit: str, workers: int, until_s: float, new_database: NewDatabase, in_flight: int
) -> Iterator[Moment]:
    """Let workers ask an endpoint for so long, and yield its counters ten times a second."""
    with endpoint(_DELAY_S, limit) as served:
        service = Service(new_database(), served.base_url, in_flight // workers)
        try:
            run_id = service.start(Load(served, _MANY, in_flight).target)
            with service.workers(run_id, workers) as processes:
                yield from _watched(processes, served, until_s)
        finally:
            service.close()


def _watched(
    processes: Sequence[subprocess.Popen[bytes]], served: Endpoint, until_s: float
) -> Iterator[Moment]:
    give_up = time.monotonic() + _START_WITHIN_S + until_s
    while time.monotonic() < give_up:
        seen = served.seen()
        if seen.since_s:
            yield Moment(seen.since_s, seen.calls, seen.refused)
        if seen.since_s >= until_s:
            return
        if any(process.poll() is not None for process in processes):
            raise RuntimeError("a worker has ended before its time")
        time.sleep(_EVERY_S)
    raise RuntimeError("no worker has sent a call")


def _number(workers: int) -> str:
    return f"{workers} worker{'s' * (workers > 1)}"


def _print_row(name: str, found: Sequence[Figures], share: str = "") -> None:
    calls_per_s = median(one.calls_per_s for one in found)
    refused = median(one.refused for one in found)
    back = [one.recovery_s for one in found if one.recovery_s is not None]
    back_s = f"{median(back):.1f}" if back else ""
    print(f"{name:44}{calls_per_s:9,.0f}{share:>8}{refused:9.2%}{back_s:>14}", flush=True)
