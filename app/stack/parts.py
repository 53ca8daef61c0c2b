"""The stack's own processes, as parts: what is started, with what, and how it is seen to answer."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from app.stack.ports import listens
from app.stack.process import Part, Process

Environment = dict[str, str]


def available_cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def model_part(
    port: int, slots: int, environment: Environment, adapter: Path | None = None
) -> Part:
    """The embedded model server on loopback, which answers `slots` requests at the same time."""
    command = _module(
        "app.llm.model_server",
        *("--port", str(port), "--slots", str(slots), "--threads", str(available_cores())),
        *(("--adapter", str(adapter)) if adapter is not None else ()),
        "--die-with-parent",
    )
    return Part(
        "model",
        command,
        # OpenMP threads that spin while they wait collapse when anything else wants the cores.
        {**environment, "OMP_WAIT_POLICY": "passive"},
        _answers(f"http://127.0.0.1:{port}/v1/models", port),
        start_timeout_s=180,
    )


def migration_part(environment: Environment) -> Part:
    """Brings the database's schema up to date, and ends."""
    return Part("migrations", _module("app.store.migrate"), environment, start_timeout_s=120)


def api_part(url: str, port: int, environment: Environment) -> Part:
    """The HTTP API, to be reached at `url`."""
    return Part("api", _module("app.api"), environment, _answers(f"{url}/v1/health", port))


def sweeper_part(environment: Environment) -> Part:
    """Sends again what the broker or a dead worker lost; nobody asks it anything."""
    return Part("sweeper", _module("workers.sweeper"), environment)


def worker_part(concurrency: int, environment: Environment, stop_timeout_s: float) -> Part:
    """A Celery worker with `concurrency` processes, for every queue there is.

    It must end within `stop_timeout_s` of being told to; what it had not finished by then is
    claimed again by the next one, once its lease is over.
    """
    command = _module(
        "celery",
        *("-A", "workers.celery_app", "worker", "--pool", "prefork"),
        *("--concurrency", str(concurrency)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "info"),
        *("--hostname", f"seedbed-{os.getpid()}@%h"),
    )
    # Celery's own words once it consumes; asking it over the broker would take seconds.
    return Part(
        "worker",
        command,
        environment,
        lambda process: " ready." in process.log_text(),
        stop_timeout_s=stop_timeout_s,
    )


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    # -P: a folder named "app" where the user happens to stand must not be taken for ours.
    return (sys.executable, "-P", "-m", name, *arguments)


def _answers(url: str, port: int) -> Callable[[Process], bool]:
    def ready(process: Process) -> bool:
        # First what costs little: while parts load their code, the cores are theirs.
        if not listens(process.pid, port):
            return False
        try:
            # trust_env: a proxy named in the environment cannot reach our loopback.
            answer = httpx.get(url, timeout=2.0, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    return ready
