"""The commands of the stack's processes, and how long each may take."""

import os
import sys
from pathlib import Path

import pytest

from app.stack.broker import broker_spec
from app.stack.process import Process, ProcessSpec
from app.stack.process_specs import (
    api_spec,
    available_cores,
    migration_spec,
    model_spec,
    sweeper_spec,
    worker_spec,
)

ENVIRONMENT = {"A": "b"}
MODULE = (sys.executable, "-P", "-m")


def facts(spec: ProcessSpec) -> tuple[str, float, float]:
    return spec.name, spec.start_timeout_s, spec.stop_timeout_s


def test_the_broker_listens_on_its_socket_only_and_keeps_nothing(tmp_path: Path) -> None:
    socket = tmp_path / "broker.sock"
    spec = broker_spec(Path("/bin/server"), socket, tmp_path, ENVIRONMENT)
    assert spec.command == (
        "/bin/server", "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700",
        "--save", "", "--appendonly", "no", "--dir", str(tmp_path), "--daemonize", "no",
        "--maxmemory-policy", "noeviction",
    )  # fmt: skip
    assert (facts(spec), spec.environment) == (("broker", 20, 10.0), ENVIRONMENT)


def test_the_model_server_gets_its_port_slots_and_cores() -> None:
    cores = str(available_cores())
    command = (*MODULE, "app.llm.model_server", "--port", "5", "--slots", "3", "--threads", cores)
    spec = model_spec(5, 3, ENVIRONMENT)
    assert spec.command == (*command, "--die-with-parent")
    assert facts(spec) == ("model", 180, 10.0)
    assert spec.environment == {"A": "b", "OMP_WAIT_POLICY": "passive"}
    tuned = model_spec(5, 3, ENVIRONMENT, Path("/adapter"))
    assert tuned.command == (*command, "--adapter", "/adapter", "--die-with-parent")


def test_the_other_processes_are_our_modules() -> None:
    for spec, module, name in (
        (api_spec("http://127.0.0.1:5", 5, ENVIRONMENT), "app.api", "api"),
        (sweeper_spec(ENVIRONMENT), "workers.sweeper", "sweeper"),
    ):
        assert spec.command == (*MODULE, module)
        assert (facts(spec), spec.environment) == ((name, 60.0, 10.0), ENVIRONMENT)
    migration = migration_spec(ENVIRONMENT)
    assert migration.command == (*MODULE, "app.store.migrate")
    assert facts(migration) == ("migrations", 120, 10.0)


def test_the_worker_forks_its_processes_and_gets_time_to_end() -> None:
    spec = worker_spec(2, ENVIRONMENT, 7.0)
    assert spec.command == (
        *MODULE, "celery", "-A", "workers.celery_app", "worker", "--pool", "prefork",
        "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat",
        "--loglevel", "info", "--hostname", f"seedbed-{os.getpid()}@%h",
    )  # fmt: skip
    assert facts(spec) == ("worker", 60.0, 7.0)


@pytest.mark.parametrize(
    ("line", "is_ready"),
    [
        ("[2026-01-01 00:00:00,000: INFO/MainProcess] seedbed-1@host ready.", True),
        ("[2026-01-01 00:00:00,000: INFO/MainProcess] Connected to redis+socket:///s", False),
    ],
)
def test_the_worker_is_ready_once_celery_logs_it(line: str, is_ready: bool, tmp_path: Path) -> None:
    ready = worker_spec(1, ENVIRONMENT, 7.0).ready
    process = Process(ProcessSpec("w", ("echo", line), {}), tmp_path, watch_pipe=False)
    process.wait(20)
    assert ready(process) is is_ready
