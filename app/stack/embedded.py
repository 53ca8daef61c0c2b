"""Everything the service needs, started as children of this process and stopped with it."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from app.errors import ConfigurationError, StackError
from app.settings import EMBEDDED_MODEL, Settings
from app.stack.broker import IN_MEMORY_URL, broker_part, broker_url, find_server, socket_place
from app.stack.environment import part_environment, slow_model_pace
from app.stack.folder import held_folder, publish, withdraw
from app.stack.parts import (
    Environment,
    api_part,
    available_cores,
    migration_part,
    model_part,
    sweeper_part,
    worker_part,
)
from app.stack.ports import free_port, is_free, reachable_host
from app.stack.process import Part
from app.stack.supervisor import Supervisor

_LOOPBACK = "127.0.0.1"
_PORT_TRIES = 5
_SLOTS = 4
"""Of the embedded model, on few cores: one alone leaves them idle between its steps."""
_READY_TIMEOUT_S = 15.0
_WORKER_GRACE_S = 15.0
"""Its tasks end within two seconds or are interrupted; then they write down what they have."""


def _say_nothing(_what: str) -> None:
    pass


class EmbeddedStack:
    """The whole service on one data folder: broker, model server, schema, API, worker, sweeper.

    A context manager, to be entered in a thread that lives as long as it (the main thread). What
    the settings name elsewhere (database, broker, model endpoint) is not started. Leaving it stops
    every part, in reverse order; killing this process kills them too.

    Raises (on entering):
        StackError: another stack holds the folder, or a part did not start; nothing is left.
        ConfigurationError: the settings contradict each other.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        worker_concurrency: int = 1,
        outer_environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = _say_nothing,
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
        """Where the API answers, without a trailing slash."""
        return self._api_url

    @property
    def log_dir(self) -> Path:
        """Where each part's output lies, as ``<part>.log``."""
        return self._settings.data_dir.expanduser().resolve() / "logs"

    def check(self) -> None:
        """See whether all parts still run.

        Raises:
            StackError: one has ended.
        """
        if self._supervisor is not None:
            self._supervisor.check()

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            folder = cleanup.enter_context(held_folder(self._settings.data_dir))
            broker = self._find_broker()
            # Entered before the supervisor, so that the socket's place goes after the broker.
            socket = cleanup.enter_context(socket_place(folder)) if broker else None
            supervisor = cleanup.enter_context(Supervisor(folder / "logs"))
            found: Environment = {}
            if broker and socket:
                self._say("starting the broker")
                supervisor.start(broker_part(broker, socket, folder, self._environment({})))
                found["REDIS_URL"] = broker_url(socket)
            elif self._settings.redis_url is None:
                found["REDIS_URL"] = IN_MEMORY_URL
            self._start_rest(supervisor, found)
            publish(folder, self._api_url)
            cleanup.callback(withdraw, folder)
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

    def _find_broker(self) -> Path | None:
        if self._settings.redis_url is not None:
            return None
        return find_server(self._outer.get("PATH"))

    def _start_rest(self, supervisor: Supervisor, found: Environment) -> None:
        if self._settings.embedded_model:
            found |= self._start_model(supervisor)
        environment = self._environment(found)
        self._say("bringing the database up to date")
        supervisor.finish(migration_part(environment))
        self._start_api(supervisor, environment)
        if not environment["REDIS_URL"].startswith(IN_MEMORY_URL):
            self._say("starting the worker")
            supervisor.start(worker_part(self._worker_concurrency, environment, _WORKER_GRACE_S))
            supervisor.start(sweeper_part(environment))

    def _environment(self, extra: Mapping[str, str]) -> Environment:
        return part_environment(self._settings, self._outer, extra)

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
        # Each slot takes 100 MB for its context, and more of them only share the same cores.
        slots = min(self._settings.concurrency, max(_SLOTS, available_cores()))
        port = _start_listening(
            supervisor, lambda port: model_part(port, slots, environment), _LOOPBACK
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

        def part(port: int) -> Part:
            self._api_url = f"http://{reachable_host(host)}:{port}"
            return api_part(self._api_url, port, {**environment, "SEEDBED_API_PORT": str(port)})

        _start_listening(supervisor, part, host, self._fixed_port())
        _wait_until_all_answer(self._api_url, supervisor)

    def _fixed_port(self) -> int | None:
        """The port the API must have; None when any free one will do."""
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
    supervisor: Supervisor, part: Callable[[int], Part], host: str, fixed: int | None = None
) -> int:
    """Start a part on a port, trying another one when a stranger was faster; returns the port."""
    for tries_left in reversed(range(_PORT_TRIES)):
        port = fixed or free_port(host)
        try:
            supervisor.start(part(port))
        except StackError:
            if fixed or not tries_left or is_free(host, port):
                raise
        else:
            return port
    raise AssertionError("the last try returns or raises")


def _wait_until_all_answer(api_url: str, supervisor: Supervisor) -> None:
    """Wait until the API says that its database and broker answer."""
    give_up_at = time.monotonic() + _READY_TIMEOUT_S
    while True:
        supervisor.check()
        try:
            answer = httpx.get(f"{api_url}/v1/ready", timeout=5.0, trust_env=False)
        except httpx.HTTPError as error:
            said = str(error)
        else:
            if answer.status_code == httpx.codes.OK:
                return
            said = answer.text[:500]
        if time.monotonic() > give_up_at:
            raise StackError(
                f"The API runs, but is not ready: {said}. See to DATABASE_URL and REDIS_URL."
            )
        time.sleep(0.2)
