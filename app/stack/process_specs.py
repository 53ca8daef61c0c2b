"""The processes of the stack: command, environment and readiness check of each."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from app.stack.ports import listens
from app.stack.process import Process, ProcessSpec

Environment = dict[str, str]
SWEEPING = "looks for waiting work"
"""The sweeper logs this when it has started."""
WORKING_ALONE = "works without a broker"
"""The worker that needs no broker logs this when it has started."""


def available_cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def model_spec(
    port: int, slots: int, environment: Environment, adapter: Path | None = None
) -> ProcessSpec:
    """Describe the embedded model server on loopback, which answers `slots` requests at once."""
    command = _module(
        "app.llm.model_server",
        *("--port", str(port), "--slots", str(slots), "--threads", str(available_cores())),
        *(("--adapter", str(adapter)) if adapter is not None else ()),
        "--die-with-parent",
    )
    return ProcessSpec(
        "model",
        command,
        # Spinning OpenMP threads slow down badly when another process needs the cores.
        {**environment, "OMP_WAIT_POLICY": "passive"},
        _answers(f"http://127.0.0.1:{port}/v1/models", port),
        start_timeout_s=180,
    )


def migration_spec(environment: Environment) -> ProcessSpec:
    """Describe the process that migrates the database to the newest schema, and ends."""
    return ProcessSpec("migrations", _module("app.store.migrate"), environment, start_timeout_s=120)


def api_spec(url: str, port: int, environment: Environment) -> ProcessSpec:
    """Describe the HTTP API, reached at `url`."""
    return ProcessSpec("api", _module("app.api"), environment, _answers(f"{url}/v1/health", port))


def sweeper_spec(environment: Environment) -> ProcessSpec:
    """Describe the sweeper, which sends tasks again that the broker or a dead worker lost."""
    return ProcessSpec(
        "sweeper",
        _module("workers.sweeper"),
        environment,
        lambda process: process.has_logged(SWEEPING),
    )


def local_worker_spec(environment: Environment, stop_timeout_s: float) -> ProcessSpec:
    """Describe the worker that needs no broker, and no sweeper; it works on one thing at a time.

    It gets `stop_timeout_s` seconds to end.
    """
    return ProcessSpec(
        "worker",
        _module("workers.local_worker"),
        environment,
        lambda process: process.has_logged(WORKING_ALONE),
        stop_timeout_s=stop_timeout_s,
    )


def worker_spec(concurrency: int, environment: Environment, stop_timeout_s: float) -> ProcessSpec:
    """Describe a Celery worker with `concurrency` processes for all queues.

    It gets `stop_timeout_s` seconds to end. Another worker takes over its unfinished work when the
    lease has expired.
    """
    command = _module(
        "celery",
        *("-A", "workers.celery_app", "worker", "--pool", "prefork"),
        *("--concurrency", str(concurrency)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "info"),
        *("--hostname", f"seedbed-{os.getpid()}@%h"),
    )
    # Celery logs this when it starts to consume; a ping over the broker would take seconds.
    return ProcessSpec(
        "worker",
        command,
        environment,
        lambda process: process.has_logged(" ready."),
        stop_timeout_s=stop_timeout_s,
    )


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    # -P: a folder named "app" in the current directory must not be imported instead of ours.
    return (sys.executable, "-P", "-m", name, *arguments)


def _answers(url: str, port: int) -> Callable[[Process], bool]:
    def ready(process: Process) -> bool:
        # The cheap check first: while processes load their code, they need the cores.
        if not listens(process.pid, port):
            return False
        try:
            # trust_env: a proxy from the environment cannot reach our loopback.
            answer = httpx.get(url, timeout=2.0, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    return ready
