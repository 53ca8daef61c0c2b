"""Who may use the service: real processes, reached on loopback and on another address."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import httpx
import psutil
import pytest
from pydantic import SecretStr

from app.services.access import api_keys
from app.services.access.api_keys import NewKey
from app.services.access.key_form import Scope
from app.settings import Settings
from app.stack.embedded import EmbeddedStack
from app.stack.environment import process_environment
from app.stack.ports import free_port
from app.store.database import Database
from app.store.migrate import migrate
from tests.acceptance.conftest import SEEDS, start

EVERYWHERE = "0.0.0.0"  # noqa: S104 for a moment, with a key


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Of the data folder that `settings_for(tmp_path)` names."""
    database = Database(f"sqlite:///{tmp_path / 'seedbed.db'}")
    migrate(database)
    yield database
    database.close()


@dataclass(frozen=True)
class Api:
    """An API process of its own, on a data folder."""

    process: "subprocess.Popen[str]"
    port: int

    def get(self, path: str, key: str | None = None, host: str = "127.0.0.1") -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.get(f"http://{host}:{self.port}{path}", headers=headers, trust_env=False)

    def end(self) -> str:
        """Stop it; what it logged."""
        self.process.terminate()
        return self.process.communicate(timeout=30)[1]


def start_api(settings: Settings, host: str) -> Api:
    port = free_port("127.0.0.1")
    # In memory: the jobs of one process alone, which is all that is needed here.
    changes = {"REDIS_URL": "memory://", "SEEDBED_API_HOST": host, "SEEDBED_API_PORT": str(port)}
    # Would have uvicorn believe everybody's headers, if it were asked to believe anybody's.
    changes["FORWARDED_ALLOW_IPS"] = "*"
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "app.api"],
        env=process_environment(settings, os.environ, changes),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Api(process, port)


@contextmanager
def running_api(settings: Settings, host: str = "127.0.0.1") -> Iterator[Api]:
    api = start_api(settings, host)
    try:
        give_up_at = time.monotonic() + 60
        while True:
            try:
                assert api.get("/v1/health").status_code == 200
            except httpx.HTTPError:
                assert api.process.poll() is None, api.end()
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
            else:
                break
        yield api
    finally:
        api.end()


@pytest.fixture
def outer_address() -> str:
    """An address of this machine that is not loopback."""
    for addresses in psutil.net_if_addrs().values():
        for found in addresses:
            if found.family == socket.AF_INET and not found.address.startswith("127."):
                return str(found.address)
    pytest.skip("this machine has no address but loopback")


def test_without_a_key_the_api_refuses_to_be_reached_from_elsewhere(
    tmp_path: Path, database: Database, settings_for: Callable[[Path], Settings]
) -> None:
    assert not api_keys.are_needed(database)
    api = start_api(settings_for(tmp_path), EVERYWHERE)
    said = api.process.communicate(timeout=60)[1]
    assert api.process.returncode == 1
    assert "seedbed keys create" in said
    assert "Traceback" not in said


def test_the_embedded_stack_tells_why_it_does_not_start_without_a_key(
    tmp_path: Path, settings_for: Callable[[Path], Settings]
) -> None:
    environment = process_environment(
        settings_for(tmp_path),
        os.environ,
        {"REDIS_URL": "memory://", "SEEDBED_API_HOST": EVERYWHERE},
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "app.cli.main", "up"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert "seedbed keys create" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_from_elsewhere_only_a_good_key_opens_the_api_and_no_header(
    tmp_path: Path,
    database: Database,
    settings_for: Callable[[Path], Settings],
    outer_address: str,
) -> None:
    new = api_keys.create_key(database, "a", [Scope.READ])
    with running_api(settings_for(tmp_path), EVERYWHERE) as api:
        for host in ("127.0.0.1", outer_address):
            assert api.get("/v1/runs", host=host).status_code == 401
            assert api.get("/v1/runs", new.key, host).status_code == 200
            assert api.get("/docs", host=host).status_code == 200
            # From this machine, whichever of its addresses is asked.
            assert api.get("/v1/ready", host=host).status_code == 200
        api_keys.revoke_key(database, new.stored.id, force=True)
        assert api.get("/v1/health", host=outer_address).status_code == 200
        # Closed for good, also to this machine.
        for host in ("127.0.0.1", outer_address):
            for key in (None, new.key):
                assert api.get("/v1/runs", key, host).status_code == 401
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Host"):
            answer = httpx.get(
                f"http://{outer_address}:{api.port}/v1/runs",
                headers={name: "127.0.0.1"},
                trust_env=False,
            )
            assert answer.status_code == 401, name


def test_a_revoked_key_is_worthless_in_every_process_and_no_key_is_logged(
    tmp_path: Path, database: Database, settings_for: Callable[[Path], Settings]
) -> None:
    new, other = (api_keys.create_key(database, name, [Scope.READ]) for name in "ab")
    settings = settings_for(tmp_path)
    with running_api(settings) as first, running_api(settings) as second:
        for api in (first, second):
            assert api.get("/v1/runs", new.key).status_code == 200
        ended = seedbed(settings, "keys", "revoke", new.stored.id)
        assert ended.returncode == 0
        for api in (first, second):
            assert api.get("/v1/runs", new.key).status_code == 401
            assert api.get("/v1/runs", other.key).status_code == 200
        logs = first.end() + second.end()
    assert "/v1/runs" in logs
    assert not any(key.key[-64:] in logs for key in (new, other))


def test_the_embedded_stack_works_with_keys(
    tmp_path: Path, database: Database, settings_for: Callable[[Path], Settings]
) -> None:
    new, other = (api_keys.create_key(database, name, [Scope.RUN]) for name in "ab")
    # A stack of one process; a broker has nothing to do with keys.
    settings = settings_for(tmp_path).model_copy(update={"redis_url": SecretStr("memory://")})
    seeds, out = tmp_path / "seeds.jsonl", tmp_path / "out.json"
    seeds.write_bytes(SEEDS)
    order = ("run", str(seeds), "--target", "5", "--out", str(out))
    with EmbeddedStack(settings) as stack:
        without = seedbed(settings, *order)
        assert without.returncode == 2
        assert "SEEDBED_API_KEY" in without.stderr
        with_key = seedbed(settings, *order, SEEDBED_API_KEY=new.key)
        assert with_key.returncode == 0, with_key.stderr
        assert out.exists()
        _see_a_stream_end_with_its_key(stack, database, new, other)
    assert new.key[-64:] not in "".join(log.read_text() for log in stack.log_dir.iterdir())


def _see_a_stream_end_with_its_key(
    stack: EmbeddedStack, database: Database, new: NewKey, other: NewKey
) -> None:
    def client(key: NewKey) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key.key}"}
        return httpx.Client(
            base_url=f"{stack.api_url}/v1", headers=headers, timeout=30, trust_env=False
        )

    with client(new) as follower, client(other) as runner:
        run_id = start(runner, target=5000)
        with follower.stream("GET", f"/runs/{run_id}/dataset", params={"follow": True}) as stream:
            pieces = stream.iter_bytes()
            next(pieces)
            api_keys.revoke_key(database, new.stored.id)
            give_up_at = time.monotonic() + 5
            with pytest.raises(httpx.RemoteProtocolError):
                list(takewhile(lambda _: time.monotonic() < give_up_at, pieces))
        assert runner.post(f"/runs/{run_id}/cancel").status_code == 202


def seedbed(
    settings: Settings, *arguments: str, **variables: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "app.cli.main", *arguments],
        env=process_environment(settings, os.environ, variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
