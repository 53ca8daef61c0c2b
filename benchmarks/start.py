"""Processor time, time and modules of starting each kind of process.

    python -m benchmarks.start [--rounds 5] [--only help runs]

Every round starts each kind once, so that a busy machine slows all of them down alike; the figures
are medians. The last column compares the processor time with that of loading FastAPI and SQLAlchemy
in the same round: it says more than seconds do on another machine.

The API is started on a new SQLite database, and stopped when it answers. The worker and the sweeper
only load their modules, because without a broker they would wait for one.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import httpx

from app.stack.ports import free_port

_PYTHON = (sys.executable, "-P")
_SEEDBED = (*_PYTHON, "-m", "app.cli.main")
_COMPARED = "fastapi, sqlalchemy"
_START_TIMEOUT_S = 120.0
_POLL_S = 0.05
_NOWHERE = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one start."""

    cpu_s: float
    """User and system time of the process and of its children."""
    wall_s: float


Environment = Mapping[str, str]
Start = Callable[[Environment, int], None]
"""Starts a process in an environment, with its standard error, and waits for its end."""


class _NoRuns(BaseHTTPRequestHandler):
    """The API of a service without runs."""

    def do_GET(self) -> None:
        body = b'{"items": [], "next_cursor": null}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing: the benchmark prints a table."""


def _run(*command: str, environment: Environment, errors: int) -> None:
    subprocess.run(
        command, check=True, env=dict(environment), stdout=subprocess.DEVNULL, stderr=errors
    )


def _run_command(*command: str) -> Start:
    return lambda environment, errors: _run(*command, environment=environment, errors=errors)


def _start_api(environment: Environment, errors: int) -> None:
    port = free_port("127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "SEEDBED_DATA_DIR": folder,
            "SEEDBED_API_PORT": str(port),
            "REDIS_URL": _NOWHERE,
            "DATABASE_URL": f"sqlite:///{folder}/seedbed.db",
        }
        with subprocess.Popen(
            [*_PYTHON, "-m", "app.api"], env={**environment, **settings}, stderr=errors
        ) as process:
            try:
                _wait_for(f"http://127.0.0.1:{port}/v1/health", process)
            finally:
                process.send_signal(signal.SIGTERM)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    give_up_at = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.HTTPError:
            time.sleep(_POLL_S)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


def _migrate(environment: Environment, errors: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"DATABASE_URL": f"sqlite:///{folder}/seedbed.db"}
        _run(
            *(*_PYTHON, "-m", "app.store.migrate"),
            environment={**environment, **settings},
            errors=errors,
        )


@contextmanager
def _kinds() -> Iterator[Mapping[str, Start]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _NoRuns)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = f"http://127.0.0.1:{server.server_address[1]}"
    imports = partial(_run_command, *_PYTHON, "-c")
    try:
        yield {
            "python": imports("pass"),
            _COMPARED: imports(f"import {_COMPARED}"),
            "help": _run_command(*_SEEDBED, "--help"),
            "run --help": _run_command(*_SEEDBED, "run", "--help"),
            "keys --help": _run_command(*_SEEDBED, "keys", "--help"),
            "runs": _run_command(*_SEEDBED, "runs", "--api", api),
            "migrations": _migrate,
            "api": _start_api,
            "worker": imports("import workers.celery_app"),
            "sweeper": imports("import workers.sweeper"),
        }
    finally:
        server.shutdown()
        server.server_close()


def _cost_of(start: Start) -> Cost:
    before, began_at = _children_cpu_s(), time.monotonic()
    start(os.environ, subprocess.DEVNULL)
    wall_s = time.monotonic() - began_at
    return Cost(_children_cpu_s() - before, wall_s)


def _modules_of(start: Start) -> int:
    """Count the modules in a start of its own, because it takes time to report them."""
    with tempfile.TemporaryFile() as errors:
        start({**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}, errors.fileno())
        errors.seek(0)
        # The first line is the heading.
        return sum(line.startswith(b"import time:") for line in errors) - 1


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print the cost of each kind of start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="kinds; default: all")
    given = parser.parse_args()
    os.chdir(Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = str(Path.cwd())
    with _kinds() as kinds:
        chosen = [kind for kind in kinds if not given.only or kind in {*given.only, _COMPARED}]
        rounds = [{kind: _cost_of(kinds[kind]) for kind in chosen} for _ in range(given.rounds)]
        modules = {kind: _modules_of(kinds[kind]) for kind in chosen}
    print(f"{'start':24}{'CPU s':>8}{'s':>8}{'modules':>9}{'CPU ratio':>11}")
    for kind in chosen:
        costs = [each[kind] for each in rounds]
        ratio = median(each[kind].cpu_s / each[_COMPARED].cpu_s for each in rounds)
        cpu_s, wall_s = median(cost.cpu_s for cost in costs), median(cost.wall_s for cost in costs)
        print(f"{kind:24}{cpu_s:>8.2f}{wall_s:>8.2f}{modules[kind]:>9}{ratio:>11.2f}")


if __name__ == "__main__":
    main()
