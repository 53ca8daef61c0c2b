"""`seedbed run --train` from the outside: one command from seeds to a tuned model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.exits import ExitCode
from tests.unit.cli.answers import evaluation_json, job_json, run_json
from tests.unit.cli.command_line import Seedbed

JOB = job_json(id="t1", status="succeeded", step=9, steps=9, loss=0.1)


@pytest.fixture
def training(seedbed: Seedbed) -> Seedbed:
    seedbed.service.will("GET /v1/runs/r1", run_json(status="succeeded", training_job_ids=["t1"]))
    seedbed.service.will(
        "GET /v1/training-jobs/t1", {**JOB, "evaluation": evaluation_json("It learned.")}
    )
    return seedbed


def test_a_run_is_followed_by_its_training(training: Seedbed, tmp_path: Path) -> None:
    options = tmp_path / "options.json"
    options.write_text('{"method": {"name": "dora"}}')
    ended = training.run("--training-options", str(options))
    assert ended.code == ExitCode.OK, ended.stderr
    (posted,) = training.service.asked_for("POST /v1/runs")
    assert posted.json["training"] == {"options": {"method": {"name": "dora"}}}
    assert "It learned." in ended.stdout


def test_a_training_that_failed_is_reported_by_the_exit_code(training: Seedbed) -> None:
    training.service.will(
        "GET /v1/training-jobs/t1", {**JOB, "status": "failed", "message": "The disk is full."}
    )
    ended = training.run("--train", "--json")
    assert ended.code == ExitCode.TARGET_NOT_MET
    assert json.loads(ended.stdout)["training_job"]["message"] == "The disk is full."


def test_the_service_of_another_machine_trains_without_the_extra_on_this_one(
    training: Seedbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if it was not installed.
    monkeypatch.setitem(sys.modules, "peft", None)
    ended = training.run("--train")
    assert ended.code == ExitCode.OK, ended.stderr
    assert len(training.service.asked_for("GET /v1/training-jobs/t1")) > 0


def test_without_the_option_nothing_is_trained(training: Seedbed) -> None:
    ended = training.run()
    assert ended.code == ExitCode.OK
    (posted,) = training.service.asked_for("POST /v1/runs")
    assert "training" not in posted.json
    assert training.service.asked_for("GET /v1/training-jobs/t1") == []


def has_one_in_training(training: Seedbed, **job: object) -> None:
    nothing: dict[str, object] = {"items": [], "next_cursor": None}
    ended = training.stored_run()
    ended |= {"status": "succeeded", "end_reason": "target_met", "training_job_ids": ["t1"]}
    found = {"items": [ended], "next_cursor": None}
    training.service.will("GET /v1/runs", nothing, nothing, nothing, found)
    training.service.will("GET /v1/training-jobs/t1", {**JOB, **job}, JOB)
    training.service.will("POST /v1/runs", run_json(status="queued"), status=202)


def test_the_same_command_goes_on_with_a_training_that_was_left(training: Seedbed) -> None:
    has_one_in_training(training, status="running", options={"seed": 0})
    ended = training.run("--train")
    assert ended.code == ExitCode.OK, ended.stderr
    assert "Run r1 has ended; continuing with its training job." in ended.stderr
    assert training.service.asked_for("POST /v1/runs") == []


@pytest.mark.parametrize("job", [{"status": "succeeded"}, {"options": {"seed": 9}}])
def test_a_training_that_has_ended_or_is_another_one_is_left_alone(
    training: Seedbed, job: dict[str, object]
) -> None:
    has_one_in_training(training, **{"status": "running", **job})
    training.run("--train")
    assert len(training.service.asked_for("POST /v1/runs")) == 1


def test_a_run_that_was_begun_without_a_training_is_no_success(seedbed: Seedbed) -> None:
    seedbed.has_runs(running=seedbed.stored_run())
    ended = seedbed.run("--train")
    assert ended.code == ExitCode.TARGET_NOT_MET
    assert "Run r1 was started without --train." in ended.stderr


@pytest.mark.parametrize(
    ("where", "said"), [("here", "the package peft is missing"), ("axolotl", "")]
)
def test_a_machine_without_the_extra_is_reported_before_a_run_is_grown_for_nothing(
    where: str, said: str
) -> None:
    program = (
        "import sys\n"
        "sys.modules['peft'] = None\n"
        "from app.cli.run import check_training_extra\n"
        "from app.cli.output import Output\n"
        "with Output(as_json=False).failures_reported():\n"
        f"    check_training_extra({{'where': {where!r}}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in done.stderr
    assert bool(done.stderr) == bool(said)
