"""What was begun is finished: after a killed worker, after the whole service was stopped."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from app.settings import Settings
from app.stack.embedded import EmbeddedStack
from tests.acceptance.conftest import await_end, client_of, start

pytestmark = pytest.mark.crash

SettingsFor = Callable[[Path], Settings]


def _running() -> set[psutil.Process]:
    return {
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE
    }


def _pool_children(since: set[psutil.Process]) -> list[psutil.Process]:
    """The worker's children, of the stack started after `since`."""
    workers = [p for p in _running() - since if "workers.celery_app" in " ".join(p.cmdline())]
    return [child for worker in workers for child in worker.children()]


@pytest.mark.slow
def test_a_run_survives_killed_workers_and_loses_and_doubles_nothing(
    settings_for: SettingsFor, tmp_path: Path
) -> None:
    before = _running()
    with EmbeddedStack(settings_for(tmp_path)) as stack, client_of(stack) as client:
        whole = start(client, target=60, random_seed=4)
        assert await_end(client, whole)["status"] == "succeeded"
        run_id = start(client, target=60, random_seed=4)
        kills = 0
        until = time.monotonic() + 90
        while time.monotonic() < until:
            run = client.get(f"/runs/{run_id}").json()
            if run["status"] in {"succeeded", "failed"}:
                break
            if kills < 3 and run["progress"]["accepted"] > 15 * kills:
                for child in _pool_children(before):
                    os.kill(child.pid, signal.SIGKILL)
                kills += 1
            time.sleep(0.1)
        assert kills == 3
        assert run["status"] == "succeeded"
        expected, made = (client.get(f"/runs/{r}/dataset").content for r in (whole, run_id))
    assert made == expected


def test_a_run_goes_on_where_it_was_after_the_service_was_stopped(
    settings_for: SettingsFor, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path)
    others = _running()
    with EmbeddedStack(settings) as stack, client_of(stack) as client:
        run_id = start(client, target=80, random_seed=6)
        while (before := client.get(f"/runs/{run_id}").json())["progress"]["accepted"] < 10:
            time.sleep(0.05)
    assert _running() == others
    with EmbeddedStack(settings) as stack, client_of(stack) as client:
        run = await_end(client, run_id)
    assert before["status"] == "running"
    assert run["status"] == "succeeded"
    assert run["progress"]["accepted"] == 80
