"""A hundred hostile uploads neither kill the service nor hold up its health checks."""

import os
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from app.settings import Settings
from app.stack.environment import process_environment
from app.stack.ports import free_port
from app.store.database import Database
from app.store.migrate import migrate
from tests.hostile_uploads import HostileUpload, hostile_uploads

_GIB = 1024**3
_IDLE_S = 10.0
_ASK_EVERY_S = 0.5
_AT_ONCE = 8
_LONGEST_S = 1.0
_MOST_TIMES_IDLE = 10
_NOISE_S = 0.05
"""Below it nothing is shown: ten times an idle value of 3 ms is a few turns of the scheduler, when
two cores have twelve processes."""
_SLOW_CLIENTS = 200
_SLOW_S = 5.0


@contextmanager
def _limited_api(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """An API whose process, and each that it starts, can have 1 GiB of address space."""
    settings = Settings(
        data_dir=folder,
        redis_url=SecretStr("memory://"),
        openai_base_url="http://127.0.0.1:9/v1",
        model="m",
        api_port=free_port("127.0.0.1"),
        import_timeout_s=30,
        header_timeout_s=_SLOW_S,
        body_timeout_s=_SLOW_S,
        _env_file=None,
    )
    database = Database(settings.resolved_database_url)
    migrate(database)
    database.close()
    with (
        (folder / "api.log").open("w", encoding="utf-8") as log,
        subprocess.Popen(
            [sys.executable, "-m", "app.api"],
            env=process_environment(settings, os.environ, {}),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (_GIB, _GIB)),  # noqa: PLW1509 no thread runs yet
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield process, f"http://127.0.0.1:{settings.api_port}"
        finally:
            process.kill()


_ASKER = f"""
import sys, time, urllib.request
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open
while True:
    began = time.perf_counter()
    with open_url(sys.argv[1], timeout=60) as answer:
        assert answer.status == 200
    print(time.perf_counter() - began, flush=True)
    time.sleep({_ASK_EVERY_S})
"""
"""In a process of its own: a thread would wait for those that send the files."""


class _Health:
    """Asks for health twice a second, and keeps how long each answer took."""

    def __init__(self, url: str) -> None:
        self._command = [sys.executable, "-c", _ASKER, f"{url}/v1/health"]
        self.took_s: list[float] = []

    def __enter__(self) -> "_Health":
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.poll() is None, "an answer failed"
        self._process.kill()
        text, _stderr = self._process.communicate()
        # The last line may be cut off.
        self.took_s = [float(line) for line in text.split("\n")[:-1]]

    def p99_s(self) -> float:
        found = sorted(self.took_s)
        return found[min(len(found) - 1, int(len(found) * 0.99))]


def _answer(http: httpx.Client, upload: HostileUpload) -> tuple[int, float, str]:
    began = time.perf_counter()
    answer = http.post(
        upload.path,
        params=upload.params,
        content=upload.content,
        headers={"Content-Type": upload.content_type},
    )
    took_s = time.perf_counter() - began
    print(f"{answer.status_code} {took_s:6.2f} s {len(upload.content):9,} bytes  {upload.name}")
    return answer.status_code, took_s, answer.text[:300]


@pytest.mark.crash
@pytest.mark.alone
def test_a_hundred_hostile_uploads_harm_nobody(tmp_path: Path) -> None:
    uploads = hostile_uploads()
    with _limited_api(tmp_path) as (process, url):
        _wait_until_up(url, process)
        with _Health(url) as idle:
            time.sleep(_IDLE_S)
        with (
            _Health(url) as busy,
            httpx.Client(base_url=url, timeout=300, trust_env=False) as http,
            ThreadPoolExecutor(_AT_ONCE) as senders,
        ):
            answers = list(senders.map(lambda one: _answer(http, one), uploads))
        before, during = idle.p99_s(), busy.p99_s()
        print(f"health p99: {before:.4f} s idle, {during:.4f} s busy: {during / before:.1f} times")
        assert process.poll() is None
        wrong = [
            (upload.name, status, text)
            for upload, (status, _, text) in zip(uploads, answers, strict=True)
            if status not in {202, 413, 422}
        ]
        assert wrong == []
        assert during <= min(_LONGEST_S, max(_MOST_TIMES_IDLE * before, _NOISE_S))
        assert httpx.get(f"{url}/v1/ready", trust_env=False).status_code == httpx.codes.OK


@pytest.mark.crash
@pytest.mark.alone
def test_clients_that_send_a_byte_at_a_time_hold_up_nobody(tmp_path: Path) -> None:
    beginnings = [
        b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        b"POST /v1/seed-sets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n",
        b"POST /v1/datasets/import?name=a HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 9999\r\n\r\n",
    ]
    with _limited_api(tmp_path) as (process, url), ExitStack() as connections:
        _wait_until_up(url, process)
        port = httpx.URL(url).port or 0
        left: set[socket.socket] = set()
        with _Health(url) as busy, httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
            for number in range(_SLOW_CLIENTS):
                slow = socket.create_connection(("127.0.0.1", port), timeout=30)
                left.add(connections.enter_context(slow))
                slow.sendall(beginnings[number % len(beginnings)])
            answered = 0
            until = time.monotonic() + 60
            while left and time.monotonic() < until:
                left = {one for one in left if _drips(one)}
                answered += http.get("/v1/datasets").status_code == httpx.codes.OK
                time.sleep(0.2)
            imported = http.post(
                "/v1/datasets/import",
                params={"name": "b"},
                content=b'{"instruction": "a", "output": "b"}\n',
            )
        print(f"health p99 with {_SLOW_CLIENTS} slow clients: {busy.p99_s():.4f} s")
        assert left == set()
        assert answered > 0
        assert imported.status_code == httpx.codes.ACCEPTED, imported.text
        assert busy.p99_s() <= _LONGEST_S
        assert process.poll() is None


def _drips(connection: socket.socket) -> bool:
    """Send one more byte; False: the other end has closed the connection."""
    try:
        connection.sendall(b"x")
        return not select.select([connection], [], [], 0)[0] or connection.recv(65_536) != b""
    except OSError:
        return False


def _wait_until_up(url: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(f"{url}/v1/health", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.ConnectError:
            time.sleep(0.1)
    raise AssertionError("the API did not start")
