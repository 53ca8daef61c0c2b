"""Signs of life of real workers and sweepers."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.settings import Settings
from app.stack.broker import broker_spec, broker_url, find_server, socket_path
from app.stack.environment import process_environment
from app.stack.process import Process, ProcessSpec
from app.stack.process_specs import sweeper_spec, worker_spec
from app.store.database import Database
from app.store.migrate import migrate
from workers.heartbeat import EVERY_S

pytestmark = pytest.mark.crash

SLACK_S = 10.0


@contextmanager
def running(part: ProcessSpec, folder: Path) -> Iterator[Process]:
    process = Process(part, folder, watch_pipe=False)
    try:
        until = time.monotonic() + 30
        while not part.ready(process):
            assert time.monotonic() < until, process.log_text()
            time.sleep(0.05)
        yield process
    finally:
        process.kill()


def beats(pulse_file: Path, within_s: float = EVERY_S + SLACK_S) -> bool:
    """Whether the file is touched from now on."""
    now, until = time.time(), time.monotonic() + within_s
    while time.monotonic() < until:
        if pulse_file.exists() and pulse_file.stat().st_mtime > now:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    with socket_path(tmp_path) as socket:
        yield socket


@pytest.fixture
def settings(tmp_path: Path, socket: Path) -> Settings:
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "REDIS_URL": broker_url(socket),
            "pulse_file": tmp_path / "pulse",
        }
    )
    database = Database(settings.resolved_database_url)
    migrate(database)
    database.close()
    return settings


@pytest.fixture
def broker(tmp_path: Path, socket: Path) -> ProcessSpec:
    binary = find_server("")
    assert binary is not None
    return broker_spec(binary, socket, tmp_path, {})


def test_a_workers_pulse_stops_with_its_broker_and_comes_back_with_it(
    settings: Settings, broker: ProcessSpec, tmp_path: Path
) -> None:
    part = worker_spec(1, process_environment(settings, os.environ, {}), 10)
    assert settings.pulse_file is not None
    with ExitStack() as started:
        first_broker = started.enter_context(running(broker, tmp_path))
        worker = started.enter_context(running(part, tmp_path))
        assert beats(settings.pulse_file)
        first_broker.kill()
        time.sleep(0.5)
        assert not beats(settings.pulse_file, 2 * EVERY_S)
        started.enter_context(running(broker, tmp_path))
        assert beats(settings.pulse_file, 30)
        os.kill(worker.pid, signal.SIGSTOP)
        assert not beats(settings.pulse_file, 2 * EVERY_S)


def test_a_sweepers_pulse_stops_with_its_database(
    settings: Settings, broker: ProcessSpec, tmp_path: Path
) -> None:
    part = sweeper_spec(process_environment(settings, os.environ, {}))
    assert settings.pulse_file is not None
    with running(broker, tmp_path), running(part, tmp_path):
        assert beats(settings.pulse_file)
        engine = create_engine(settings.resolved_database_url)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE runs RENAME TO gone"))
        time.sleep(1.5)
        assert not beats(settings.pulse_file, 3)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO runs"))
        assert beats(settings.pulse_file)
        engine.dispose()
