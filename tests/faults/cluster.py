"""The whole service as separate processes that may be killed, frozen and wiped at any moment.

Whatever dies is started again a moment later, as an orchestrator would; nothing here knows why.
All of it belongs to the thread that entered `cluster`, which calls `Cluster.tend` again and again,
and ends with it. The fake endpoint alone is never touched.
"""

import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from app.settings import Settings
from app.stack.broker import broker_spec, broker_url, find_server, socket_path
from app.stack.environment import process_environment
from app.stack.ports import free_port
from app.stack.process import Process, ProcessSpec
from app.stack.process_specs import Environment, api_spec, migration_spec, sweeper_spec
from app.stack.supervisor import Supervisor
from app.store.database import Database
from tests.faults.kept import Kept
from tests.servers.postgresql import PostgreSQLProcess

PRICES_USD = {"input_usd": "0.15", "output_usd": "0.60"}
"""Per million tokens of the scripted model."""
_LOOPBACK = "127.0.0.1"
_START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything, and how fast."""

    workers: int = 3
    children: int = 2
    """Pool processes of each worker."""
    sweepers: int = 2
    concurrency: int = 8
    """Calls in flight of each pool process."""
    delay_s: float = 0.4
    """Of the endpoint's replies, on average."""
    lease_s: float = 3.0
    slice_s: float = 5.0
    celery_app: str = "workers.celery_app"
    """What the workers run: the ablations bring one of their own."""


class Cluster:
    """What runs, and where it answers."""

    def __init__(self, environment: Environment, folder: Path, rng: random.Random) -> None:
        self._environment = environment
        self.database = Database(environment["DATABASE_URL"])
        """The tests' own look at it."""
        self._log_dir = folder / "logs"
        self._away_s: Callable[[], float] = lambda: rng.uniform(0.3, 1.0)
        self._kept: list[Kept] = []
        self._postgresql: PostgreSQLProcess | None = None
        self._postgresql_back_at: float | None = None
        self.api: Kept | None = None
        self.api_url = ""
        self.broker: Kept | None = None
        self.broker_socket = Path()
        self.endpoint_port = 0
        self.workers: list[Kept] = []
        self.sweepers: list[Kept] = []

    @property
    def endpoint_url(self) -> str:
        """Where the endpoint shows its books, without ``/v1``."""
        return f"http://{_LOOPBACK}:{self.endpoint_port}"

    @property
    def can_crash_database(self) -> bool:
        """Whether there are server processes to crash, and they are up."""
        return self._postgresql is not None and self._postgresql_back_at is None

    def tend(self) -> None:
        """Start again what has been away for long enough; call it many times a second."""
        if self._postgresql_back_at and time.monotonic() >= self._postgresql_back_at:
            assert self._postgresql is not None
            self._postgresql.restart()
            self._postgresql_back_at = None
        for kept in self._kept:
            kept.tend()

    def await_ready(self, *kept: Kept) -> None:
        """Wait until these, or all, do their work."""
        until = time.monotonic() + _START_TIMEOUT_S
        while not all(each.ready for each in kept or self._kept):
            assert time.monotonic() < until, [k.part.name for k in self._kept if not k.ready]
            self.tend()
            time.sleep(0.05)

    def wipe_broker(self) -> None:
        """Make the broker forget everything while it goes on."""
        with redis.Redis(unix_socket_path=str(self.broker_socket)) as client:
            client.execute_command("FLUSHALL")

    def crash_database(self, how: Callable[[PostgreSQLProcess], None]) -> None:
        """Crash PostgreSQL; it comes back a moment later."""
        assert self._postgresql is not None
        how(self._postgresql)
        self._postgresql_back_at = time.monotonic() + self._away_s()

    def calls_in_air(self, process: psutil.Process) -> int:
        """How many connections to the endpoint a process holds open."""
        try:
            return sum(
                connection.status == psutil.CONN_ESTABLISHED
                and bool(connection.raddr)
                and connection.raddr.port == self.endpoint_port
                for connection in process.net_connections("tcp4")
            )
        except psutil.NoSuchProcess:
            return 0

    def busy_children(self) -> list[tuple[Kept, psutil.Process]]:
        """Return the pool processes that have calls in flight now, with their workers."""
        return [
            (worker, child)
            for worker in self.workers
            if worker.ready
            for child in worker.children()
            if self.calls_in_air(child)
        ]

    def add_worker(self, size: Size) -> Kept:
        """Start one more worker."""
        name = f"worker-{len(self.workers) + 1}"
        self.workers.append(self._keep(_worker_spec(name, size, self._named(name))))
        return self.workers[-1]

    def add_sweeper(self) -> Kept:
        """Start one more sweeper."""
        name = f"sweeper-{len(self.sweepers) + 1}"
        part = sweeper_spec(self._named(name))
        part = ProcessSpec(name, part.command, part.environment, _catches_sigterm)
        self.sweepers.append(self._keep(part))
        return self.sweepers[-1]

    def add_api(self) -> None:
        """Start the API, on a port that stays the same."""
        port = free_port(_LOOPBACK)
        self.api_url = f"http://{_LOOPBACK}:{port}"
        environment = self._named("api") | {"SEEDBED_API_PORT": str(port)}
        self.api = self._keep(api_spec(self.api_url, port, environment))

    def add_broker(self, binary: Path, socket: Path) -> None:
        """Start the broker."""
        self.broker_socket = socket
        self._environment["REDIS_URL"] = broker_url(socket)
        self.broker = self._keep(broker_spec(binary, socket, socket.parent, self._environment))
        self.await_ready(self.broker)

    def watch_database(self, postgresql: PostgreSQLProcess) -> None:
        """Have this server to crash, and to bring back."""
        self._postgresql = postgresql

    def end(self) -> None:
        """Kill everything, and see that nothing is left of it, also of what was killed before."""
        for kept in reversed(self._kept):
            kept.end()
        self.database.close()
        ours = {session for kept in self._kept for session in kept.sessions}
        until = time.monotonic() + _END_TIMEOUT_S
        while left := [pid for pid in psutil.pids() if _session_of(pid) in ours]:
            assert time.monotonic() < until, [psutil.Process(pid).cmdline() for pid in left]
            time.sleep(0.05)

    def _keep(self, part: ProcessSpec) -> Kept:
        self._kept.append(Kept(part, self._log_dir, self._away_s))
        return self._kept[-1]

    def _named(self, name: str) -> Environment:
        # PostgreSQL then says who holds a lock.
        return self._environment | {"PGAPPNAME": name}


@contextmanager
def cluster(
    size: Size, database_url: str, folder: Path, *, postgresql: PostgreSQLProcess | None = None
) -> Iterator[Cluster]:
    """Start everything on a fresh database; nothing of it is left when the block ends."""
    binary = find_server(os.environ.get("PATH"))
    assert binary is not None
    with ExitStack() as cleanup:
        socket = cleanup.enter_context(socket_path(folder))
        supervisor = cleanup.enter_context(Supervisor(folder / "logs"))
        port = _start_endpoint(supervisor, size.delay_s)
        environment = process_environment(_settings(size, folder, port), os.environ, {})
        environment["DATABASE_URL"] = database_url
        made = Cluster(environment, folder, random.Random(1))
        cleanup.callback(made.end)
        made.endpoint_port = port
        if postgresql is not None:
            made.watch_database(postgresql)
        made.add_broker(binary, socket)
        supervisor.finish(migration_spec(made._environment))  # noqa: SLF001 - ours, above
        made.add_api()
        for _ in range(size.workers):
            made.add_worker(size)
        for _ in range(size.sweepers):
            made.add_sweeper()
        made.await_ready()
        yield made


def _settings(size: Size, folder: Path, endpoint_port: int) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": folder,
            "OPENAI_BASE_URL": f"http://{_LOOPBACK}:{endpoint_port}/v1",
            "OPENAI_API_KEY": "none",
            "model": "scripted",
            "concurrency": size.concurrency,
            "lease_s": size.lease_s,
            "slice_s": size.slice_s,
            "prices": {"scripted": PRICES_USD},
        }
    )


def _start_endpoint(supervisor: Supervisor, delay_s: float) -> int:
    command = (sys.executable, "-m", "tests.faults.endpoint", "--delay-s", str(delay_s))
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    part = ProcessSpec("endpoint", command, environment, lambda process: bool(_port_of(process)))
    return int(_port_of(supervisor.start(part)))


def _port_of(process: Process) -> str:
    said = re.search(r"ready on port (\d+)", process.log_text())
    return said.group(1) if said else ""


def _worker_spec(name: str, size: Size, environment: Environment) -> ProcessSpec:
    command = (
        *(sys.executable, "-m", "celery", "-A", size.celery_app, "worker", "--pool", "prefork"),
        *("--concurrency", str(size.children), "--queues", "generation,maintenance"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "info"),
        *("--hostname", f"{name}@%h"),
    )
    return ProcessSpec(name, command, environment, lambda process: process.has_logged(" ready."))


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _catches_sigterm(process: Process) -> bool:
    """Whether a sweeper has come as far as its main function: nobody can ask it anything."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return caught is not None and bool(int(caught.group(1), 16) >> (signal.SIGTERM - 1) & 1)
