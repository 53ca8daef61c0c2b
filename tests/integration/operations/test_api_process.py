"""The API as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from app.stack.environment import process_environment
from app.stack.ports import free_port
from app.store.database import Database
from app.store.migrate import migrate

SEED = {
    "id": "greet",
    "name": "greet",
    "instruction": "Greet a guest in one sentence.",
    "instances": [{"input": "", "output": "Welcome!"}],
    "is_classification": False,
}


def test_a_process_told_to_stop_does_not_wait_for_its_followers(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        openai_base_url="http://127.0.0.1:9/v1",
        model="m",
        api_port=free_port("127.0.0.1"),
        _env_file=None,
    )
    database = Database(settings.resolved_database_url)
    migrate(database)
    database.close()
    url = f"http://127.0.0.1:{settings.api_port}/v1"
    with (
        subprocess.Popen(
            [sys.executable, "-m", "app.api"],
            env=process_environment(settings, os.environ, {}),
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        httpx.Client(base_url=url, timeout=10, trust_env=False) as http,
    ):
        try:
            _wait_until_up(http, process)
            run_id = http.post("/runs", json={"seed_tasks": [SEED]}).json()["id"]
            accept = {"Accept": "text/event-stream"}
            with http.stream("GET", f"/runs/{run_id}/events", headers=accept) as response:
                lines = response.iter_lines()
                assert next(lines).startswith("retry")
                process.send_signal(signal.SIGTERM)
                told_at = time.monotonic()
                # Cut off in the middle, so that the client knows to come again.
                with pytest.raises(httpx.RemoteProtocolError):
                    list(lines)
            process.wait(10)
            assert time.monotonic() - told_at < 8
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


def _wait_until_up(http: httpx.Client, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        try:
            if http.get("/health").status_code == httpx.codes.OK:
                return
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("the API did not start")
