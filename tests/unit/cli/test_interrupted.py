"""Ctrl-C while something is followed: a real process ends, and says what continues where."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.cli.exits import ExitCode
from tests.unit.cli.answers import run_json, running_job_json, seed_set_json
from tests.unit.cli.command_line import SEED
from tests.unit.cli.stand_in import StandIn

ROOT = Path(__file__).resolve().parents[3]


def interrupted(service: StandIn, looked_at: str, *arguments: str) -> tuple[int, str]:
    """Exit code and words of a command that is interrupted once it looks on."""
    with subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", *arguments, "--api", service.url],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            until = time.monotonic() + 60
            while len(service.asked_for(looked_at)) < 2:
                assert time.monotonic() < until, "it did not look on"
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, reported = process.communicate(timeout=20)
        finally:
            process.kill()
    return process.returncode, reported


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("train", "d1"), "Interrupted. The training continues."),
        (("evaluate", "d1"), "Interrupted. The evaluation continues."),
        (("jobs", "follow", "training_1"), "Interrupted. The job continues."),
    ],
)
def test_a_job_goes_on_and_the_commands_for_it_are_reported(
    service: StandIn, command: tuple[str, ...], said: str
) -> None:
    for path in ("/v1/training-jobs", "/v1/evaluations"):
        service.will(f"POST {path}", running_job_json(), status=202)
    service.will("GET /v1/training-jobs/training_1", running_job_json())
    code, reported = interrupted(service, "GET /v1/training-jobs/training_1", *command)
    assert code == ExitCode.INTERRUPTED
    assert said in reported
    assert "`seedbed jobs follow training_1` watches the job again" in reported
    assert "Traceback" not in reported


def test_a_run_goes_on_in_the_service_and_the_commands_for_it_are_reported(
    service: StandIn, tmp_path: Path
) -> None:
    seeds = tmp_path / "seeds.jsonl"
    seeds.write_text(json.dumps(SEED) + "\n")
    service.will("POST /v1/seed-sets", seed_set_json(), status=201)
    service.will("GET /v1/runs", {"items": [], "next_cursor": None})
    service.will("POST /v1/runs", run_json(), status=202)
    service.will("GET /v1/runs/r1", run_json())
    out = str(tmp_path / "out.json")
    code, reported = interrupted(service, "GET /v1/runs/r1", "run", str(seeds), "--out", out)
    assert code == ExitCode.INTERRUPTED
    assert "Run r1 continues in the service. `seedbed show r1` shows its progress" in reported
    assert "Repeat the command to continue." in reported
