"""Throughput of a worker against the bare openai client, its CPU per call, and its memory.

    python -m benchmarks.pipeline [--quick] [--databases sqlite,postgresql] [--targets]
    python -m benchmarks.pipeline --throttles [--rounds 3] [--databases sqlite] [--only bucket]
    python -m benchmarks.pipeline --memory [--accepted 52000] [--databases postgresql]

The endpoint answers after 100 ms; it, each client and each worker are processes of their own. They
take turns, in as many rounds as asked for; figures are medians, and the share of the openai
client's calls is taken within each round, so that a busy machine slows down both. A worker is one
without its broker, doing what the Celery task does; the run is the `default` profile on the bundled
seed tasks, with a price for its model. PostgreSQL is a real one, with fsync on, on a unix
socket. CPU is user and system time of the clients or workers, for each finished call.

With --throttles the endpoint refuses calls in several ways; see `benchmarks.throttling.measure`.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import TypeAlias

from benchmarks.endpoint import endpoint
from benchmarks.memory import report_memory
from benchmarks.meter import Measure, measure, readings
from benchmarks.service import Load, NewDatabase, Service, work
from benchmarks.throttling.measure import Amount, report_throttles
from tests.servers.postgresql import postgresql_server

DELAY_S = 0.1
MOST_CPU_OF_CLIENT = 2.0 / 2.1
"""2.0 ms where the openai client takes 2.1: machines differ, and one from hour to hour, so the
client in the same round is the measure."""
LEAST_SHARE = 0.9
_BARE = "openai client, short prompts"
_FAST_S = 0.005

Way: TypeAlias = Callable[[Load], Measure]


@contextmanager
def databases(names: Sequence[str]) -> Iterator[dict[str, NewDatabase]]:
    """Give, by name, a function that makes a fresh database."""
    with tempfile.TemporaryDirectory(prefix="seedbed-bench-") as folder:
        numbers = count(1)
        makers: dict[str, NewDatabase] = {
            "SQLite": lambda: f"sqlite:///{Path(folder) / f'{next(numbers)}.db'}"
        }
        if "postgresql" not in names:
            yield makers
            return
        with postgresql_server(durable=True) as server:
            makers["PostgreSQL"] = lambda: server.url(server.create_database())
            yield {name: make for name, make in makers.items() if name.lower() in names}


def call(kind: str, load: Load) -> Measure:
    """Measure one of the clients without a service."""
    command = [sys.executable, "-m", "benchmarks.callers", kind, load.served.base_url]
    amount = [f"--calls={load.calls}", f"--in-flight={load.in_flight}"]
    with subprocess.Popen([*command, *amount]) as process:
        return measure(list(readings([process], load.served)))


def ways_of(makers: Mapping[str, NewDatabase]) -> dict[str, Way]:
    """Return everything that is measured, by name."""
    ways: dict[str, Way] = {
        _BARE: partial(call, "openai-short"),
        "openai client, a run's prompts": partial(call, "openai"),
        "our provider, a run's prompts": partial(call, "provider"),
    }
    for name, new_database in makers.items():
        for workers in (1, 2):
            title = f"{workers} worker{'s' * (workers > 1)}, {name}"
            ways[title] = partial(work, new_database, workers)
    return ways


def report(rounds: Sequence[Mapping[str, Measure]]) -> dict[str, tuple[float, float]]:
    """Print the table; return, by name, the share of the client's calls and of its CPU."""
    print(
        f"\n{'':34}{'calls/s':>9}{'share':>8}{'CPU ms':>8}{'accepted/s':>12}{'peak MB':>9}"
        f"{'final MB':>10}{'endpoint ms':>13}"
    )
    figures = {}
    for name in rounds[0]:
        of = [each[name] for each in rounds]
        share = median(each[name].calls_per_s / each[_BARE].calls_per_s for each in rounds)
        cpu_ms = median(one.cpu_ms for one in of)
        cpu_share = median(each[name].cpu_ms / each[_BARE].cpu_ms for each in rounds)
        accepted = median(one.accepted_per_s for one in of)
        print(
            f"{name:34}{median(one.calls_per_s for one in of):9,.0f}{share:8.2f}{cpu_ms:8.2f}"
            f"{f'{accepted:,.0f}' if accepted else '':>12}{max(one.peak_mb for one in of):9,.0f}"
            f"{median(one.final_mb for one in of):10,.0f}"
            f"{median(one.endpoint_cpu_ms for one in of):13.2f}"
        )
        figures[name] = (share, cpu_share)
    return figures


def missed(figures: Mapping[str, tuple[float, float]]) -> list[str]:
    """List the workers that miss their targets."""
    said = []
    for name, (share, cpu_share) in figures.items():
        if "worker" in name and share < LEAST_SHARE:
            said.append(f"{name}: {share:.2f} of the openai client's calls, {LEAST_SHARE} wanted")
        if "worker" in name and cpu_share > MOST_CPU_OF_CLIENT:
            said.append(
                f"{name}: a call takes {cpu_share:.2f} of the openai client's CPU, "
                f"{MOST_CPU_OF_CLIENT:.2f} wanted"
            )
    return said


def machine() -> str:
    """Describe the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = os.getloadavg()[0]
    return (
        f"{cores} cores, {platform.machine()}, {platform.system()}, Python"
        f" {platform.python_version()}; load {busy:.1f} before the start"
    )


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pipeline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--calls", type=int, default=6000, help="of each way in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=256, help="calls, among all workers")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--quick", action="store_true", help="a minute or two: one short round")
    parser.add_argument(
        "--targets", action="store_true", help="fail when a worker misses its targets"
    )
    parser.add_argument("--throttles", action="store_true", help="workers that are refused calls")
    parser.add_argument("--only", default="", help="the throttles with this in their name")
    parser.add_argument("--memory", action="store_true", help="one worker over a long run")
    parser.add_argument("--accepted", type=int, default=52_000, help="instructions of --memory")
    options = parser.parse_args(arguments)
    if options.quick:
        options.calls, options.rounds = 1500, 1
    return options


def measure_memory(makers: Mapping[str, NewDatabase], accepted: int, in_flight: int) -> None:
    """Print the memory of one worker as its run grows, on each database."""
    for name, new_database in makers.items():
        with endpoint(_FAST_S) as served:
            print(f"\n1 worker, {name}, {in_flight} calls in flight, {1000 * _FAST_S:.0f} ms each")
            service = Service(new_database(), served.base_url, in_flight)
            report_memory(service, served, accepted)
            service.close()


def main(arguments: list[str]) -> int:
    """Run the benchmark that the command line asks for."""
    options = _parsed(arguments)
    print(machine())
    with databases(options.databases.lower().split(",")) as makers:
        if options.memory:
            measure_memory(makers, options.accepted, options.in_flight)
            return 0
        if options.throttles:
            amount = Amount(options.calls, options.in_flight, options.rounds, options.only)
            failures = [line for make in makers.items() for line in report_throttles(*make, amount)]
            return _end(options, failures)
        with endpoint(DELAY_S) as served:
            load = Load(served, options.calls, options.in_flight)
            print(
                f"{options.in_flight} calls in flight, {1000 * DELAY_S:.0f} ms each;"
                f" {options.calls:,} calls, {options.rounds} rounds"
            )
            ways = ways_of(makers)
            rounds = [{name: go(load) for name, go in ways.items()} for _ in range(options.rounds)]
        failures = missed(report(rounds))
    return _end(options, failures)


def _end(options: argparse.Namespace, failures: Sequence[str]) -> int:
    if options.targets and failures:
        print("\n" + "\n".join(failures))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
