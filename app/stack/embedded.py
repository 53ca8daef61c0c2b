"""The embedded stack: all processes of the service, started and stopped with this process."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from app.errors import ConfigurationError, StackError
from app.settings import EMBEDDED_MODEL, Settings
from app.stack.broker import IN_MEMORY_URL, broker_spec, broker_url, find_server, socket_path
from app.stack.data_folder import locked_folder, publish, withdraw
from app.stack.environment import process_environment, slow_model_pace
from app.stack.ports import free_port, is_free, reachable_host
from app.stack.process import ProcessSpec
from app.stack.process_specs import (
    Environment,
    api_spec,
    available_cores,
    migration_spec,
    model_spec,
    sweeper_spec,
    worker_spec,
)
from app.stack.supervisor import Supervisor
from app.stack.wait_until import wait_until

_LOOPBACK = "127.0.0.1"
_PORT_TRIES = 5
_SLOTS = 4
"""Parallel requests of the embedded model: a single one leaves the cores idle between steps."""
_READY_TIMEOUT_S = 15.0
_WORKER_GRACE_S = 15.0
"""Its tasks end within two seconds or are interrupted; then they save their results."""


def _discard(_message: str) -> None:
    pass


class EmbeddedStack:
    """The service on one data folder: broker, model server, migrations, API, worker, sweeper.

    A context manager; enter it in a thread that lives as long as the stack, best the main thread. A
    database, broker or model endpoint that the settings name is not started. A process that dies
    later is started again, with the same address. Leaving it stops all processes in reverse order;
    killing this process kills them too.

    Raises (on entering):
        StackError: Another stack uses the folder, or a process did not start; none is left.
        ConfigurationError: The settings contradict each other.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        worker_concurrency: int = 1,
        outer_environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = _discard,
    ) -> None:
        self._settings = settings
        self._worker_concurrency = worker_concurrency
        self._outer = dict(os.environ if outer_environment is None else outer_environment)
        self._say = say
        self._cleanup = ExitStack()
        self._supervisor: Supervisor | None = None
        self._api_url = ""

    @property
    def api_url(self) -> str:
        """The address of the API, without a trailing slash."""
        return self._api_url

    @property
    def log_dir(self) -> Path:
        """The folder of the log files, one for each process."""
        return self._settings.data_dir.expanduser().resolve() / "logs"

    def check(self) -> None:
        """Check that all processes run, or are started again.

        Raises:
            StackError: One has ended and did not come up again.
        """
        if self._supervisor is not None:
            self._supervisor.check()

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            folder = cleanup.enter_context(locked_folder(self._settings.data_dir))
            broker = self._broker_binary()
            # Entered first, so that the socket is removed after the broker has stopped.
            socket = cleanup.enter_context(socket_path(folder)) if broker else None
            supervisor = cleanup.enter_context(Supervisor(folder / "logs", say=self._say))
            found: Environment = {}
            if broker and socket:
                self._say("starting the broker")
                supervisor.start(broker_spec(broker, socket, folder, self._environment({})))
                found["REDIS_URL"] = broker_url(socket)
            elif self._settings.redis_url is None:
                found["REDIS_URL"] = IN_MEMORY_URL
            self._start_rest(supervisor, found)
            publish(folder, self._api_url, self._settings.default_model)
            cleanup.callback(withdraw, folder)
            supervisor.keep_running()
            self._supervisor = supervisor
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.close()
        self._supervisor = None

    def _broker_binary(self) -> Path | None:
        if self._settings.redis_url is not None:
            return None
        return find_server(self._outer.get("PATH"))

    def _start_rest(self, supervisor: Supervisor, found: Environment) -> None:
        if self._settings.embedded_model:
            found |= self._start_model(supervisor)
        environment = self._environment(found)
        self._say("bringing the database up to date")
        supervisor.finish(migration_spec(environment))
        self._start_api(supervisor, environment)
        if not environment["REDIS_URL"].startswith(IN_MEMORY_URL):
            self._say("starting the worker")
            supervisor.start(worker_spec(self._worker_concurrency, environment, _WORKER_GRACE_S))
            supervisor.start(sweeper_spec(environment))

    def _environment(self, extra: Mapping[str, str]) -> Environment:
        return process_environment(self._settings, self._outer, extra)

    def _start_model(self, supervisor: Supervisor) -> Environment:
        model = self._settings.model or EMBEDDED_MODEL
        if model != EMBEDDED_MODEL:
            raise ConfigurationError(
                f"SEEDBED_MODEL is {model!r}, but neither OPENAI_BASE_URL nor OPENAI_API_KEY is "
                f"set, and the embedded model answers only as {EMBEDDED_MODEL!r}. Name the "
                "endpoint, or unset SEEDBED_MODEL."
            )
        self._say("starting the embedded model")
        environment = self._environment({})
        # Each slot takes 100 MB for its context, and all of them share the same cores.
        slots = min(self._settings.concurrency, max(_SLOTS, available_cores()))
        port = _start_listening(
            supervisor, lambda port: model_spec(port, slots, environment), _LOOPBACK
        )
        return {
            "OPENAI_BASE_URL": f"http://{_LOOPBACK}:{port}/v1",
            "OPENAI_API_KEY": "embedded",
            "SEEDBED_MODEL": model,
            **slow_model_pace(self._settings, slots),
        }

    def _start_api(self, supervisor: Supervisor, environment: Environment) -> None:
        self._say("starting the API")
        host = self._settings.api_host

        def spec(port: int) -> ProcessSpec:
            self._api_url = f"http://{reachable_host(host)}:{port}"
            return api_spec(self._api_url, port, {**environment, "SEEDBED_API_PORT": str(port)})

        _start_listening(supervisor, spec, host, self._fixed_port())
        wait_until_all_answer(self._api_url, supervisor, self._say)

    def _fixed_port(self) -> int | None:
        """Return the port that the API must use; None: any free port."""
        port = self._settings.api_port
        host = self._settings.api_host
        try:
            if port == 0 or is_free(host, port):
                return port or None
        except OSError as error:
            raise StackError(
                f"The API cannot listen on {host} port {port} ({error.strerror}). Set "
                "SEEDBED_API_HOST and SEEDBED_API_PORT."
            ) from error
        if "api_port" in self._settings.model_fields_set:
            raise StackError(
                f"Port {port} on {host} is taken by another program. Set SEEDBED_API_PORT to "
                "another one, or to 0 for any free one."
            )
        return None


def _start_listening(
    supervisor: Supervisor, spec: Callable[[int], ProcessSpec], host: str, fixed: int | None = None
) -> int:
    """Start a process on a port and return the port; retry when another program took it first."""
    for tries_left in reversed(range(_PORT_TRIES)):
        port = fixed or free_port(host)
        try:
            supervisor.start(spec(port))
        except StackError:
            if fixed or not tries_left or is_free(host, port):
                raise
        else:
            return port
    raise AssertionError("the last try returns or raises")


def wait_until_all_answer(
    api_url: str,
    supervisor: Supervisor,
    say: Callable[[str], None],
    *,
    timeout_s: float = _READY_TIMEOUT_S,
) -> None:
    """Wait until the API reports that its database and broker answer.

    A full disk is only said: with the service, a user can delete data sets.

    Raises:
        StackError: they do not answer in time, or a process of the stack has ended.
    """
    trouble = ""

    def is_ready() -> bool:
        nonlocal trouble
        supervisor.check()
        try:
            checks = httpx.get(f"{api_url}/v1/ready", timeout=5.0, trust_env=False).json()["checks"]
            wrong = {part: what for part, what in checks.items() if what != "ok"}
        except (httpx.HTTPError, ValueError, LookupError) as error:
            trouble = str(error)
            return False
        trouble = "; ".join(f"{part}: {what}" for part, what in wrong.items())
        return not wrong.keys() - {"disk"}

    if not wait_until(is_ready, timeout_s=timeout_s, poll_s=0.2):
        raise StackError(
            f"The API runs, but is not ready: {trouble}. Check DATABASE_URL and REDIS_URL."
        )
    if trouble:
        say(trouble)
