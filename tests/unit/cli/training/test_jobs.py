"""`seedbed jobs` from the outside: jobs that tune and measure, looked at and acted upon."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from tests.unit.cli.answers import evaluation_json, running_job_json
from tests.unit.cli.stand_in import Answer, StandIn

JOB = "/v1/training-jobs/training_1"


def seedbed(service: StandIn, *arguments: str) -> Result:
    command = ["jobs", *arguments, "--api", service.url]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def test_the_newest_are_listed_of_a_kind_and_a_data_set(service: StandIn) -> None:
    evaluation = {"base_model": "embedded", "training_job_id": "training_1"}
    page = {
        "items": [
            running_job_json(),
            running_job_json(id="training_2", kind="evaluation", options=evaluation),
        ]
    }
    service.will("GET /v1/training-jobs", page)
    result = seedbed(service, "list", "--kind", "training", "--dataset", "d1", "--limit", "2")
    assert result.exit_code == ExitCode.OK, result.output
    for words in ("training_1", "dora", "3/9", "2026-01-02 03:04", "training_2", "evaluation"):
        assert words in result.stdout
    (asked,) = service.asked_for("GET /v1/training-jobs")
    assert asked.query == {"kind": "training", "dataset_id": "d1", "limit": "2"}
    listed = json.loads(seedbed(service, "list", "--json").stdout)
    assert [job["id"] for job in listed] == ["training_1", "training_2"]


def test_none_yet_is_said(service: StandIn) -> None:
    service.will("GET /v1/training-jobs", {"items": []})
    assert "No jobs found." in seedbed(service, "list").stdout


def test_one_is_shown_with_the_end_of_its_log_and_why_it_ended(service: StandIn) -> None:
    failed = running_job_json(
        status="failed", message="The disk is full.", log_tail="Computes on cpu.\n"
    )
    service.will(f"GET {JOB}", failed)
    result = seedbed(service, "show", "training_1")
    assert result.exit_code == ExitCode.OK
    for words in ("training job training_1 · dora · embedded", "Computes on cpu.", "disk is full"):
        assert words in result.stdout
    assert json.loads(seedbed(service, "show", "training_1", "--json").stdout) == failed
    assert seedbed(service, "show", "none").exit_code == ExitCode.NOT_FOUND


def test_one_that_is_under_way_is_followed_to_its_end(service: StandIn, tmp_path: Path) -> None:
    done = running_job_json(status="succeeded", step=9, evaluation=evaluation_json("It learned."))
    service.will(f"GET {JOB}", running_job_json(), done)
    service.will(f"GET {JOB}/report", Answer(b"<html>"))
    report = tmp_path / "report.html"
    result = seedbed(service, "follow", "training_1", "--report", str(report))
    assert result.exit_code == ExitCode.OK, result.output
    assert "It learned." in result.stdout
    assert "running · step 3/9 · loss 0.5000" in result.stderr
    assert "`seedbed serve training_1`" in result.stderr
    assert report.read_bytes() == b"<html>"


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"status": "failed"}, "`seedbed jobs resume training_1`"),
        ({"status": "cancelled"}, "`seedbed jobs resume training_1`"),
        ({"status": "succeeded", "kind": "evaluation"}, "`seedbed jobs download training_1`"),
        (
            {"status": "succeeded", "options": {"where": "axolotl"}},
            "`seedbed jobs download training_1`",
        ),
        (
            {"status": "succeeded", "options": {"task": "labels"}},
            "`seedbed jobs download training_1`",
        ),
    ],
)
def test_what_can_be_done_next_is_said(
    service: StandIn, changes: dict[str, object], hint: str
) -> None:
    service.will(f"GET {JOB}", running_job_json(**changes))
    result = seedbed(service, "follow", "training_1")
    assert hint in result.stderr
    ended_well = changes["status"] == "succeeded"
    assert result.exit_code == (ExitCode.OK if ended_well else ExitCode.TARGET_NOT_MET)


@pytest.mark.parametrize("action", ["cancel", "resume"])
def test_one_is_acted_upon(service: StandIn, action: str) -> None:
    service.will(f"POST {JOB}/{action}", running_job_json(status="cancelling"))
    result = seedbed(service, action, "training_1")
    assert result.exit_code == ExitCode.OK, result.output
    assert "cancelling" in result.stdout
    service.will(f"POST {JOB}/{action}", {"detail": "It has succeeded."}, status=409)
    refused = seedbed(service, action, "training_1")
    assert refused.exit_code == ExitCode.BAD_USAGE
    assert "It has succeeded." in refused.stderr


def test_what_one_left_is_written_whoever_tuned(service: StandIn, tmp_path: Path) -> None:
    written = running_job_json(status="succeeded", options={"where": "axolotl"})
    content = b"base_model: x\n"
    file = {
        "name": "data/axolotl.yaml",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
    }
    service.will(f"GET {JOB}", written)
    service.will(f"GET {JOB}/outputs", [file])
    service.will(f"GET {JOB}/outputs/data/axolotl%2Eyaml", Answer(content))
    out = tmp_path / "out"
    result = seedbed(service, "download", "training_1", "--out", str(out))
    assert result.exit_code == ExitCode.OK, result.output
    assert (out / "data" / "axolotl.yaml").read_bytes() == content
    service.will(f"GET {JOB}", running_job_json())
    service.will(f"GET {JOB}/outputs", [])
    nothing = seedbed(service, "download", "training_1", "--out", str(out))
    assert nothing.exit_code == ExitCode.BAD_USAGE
    assert "The job is running and has no output files." in nothing.stderr


def test_a_job_that_measured_nothing_says_so(service: StandIn) -> None:
    service.will(f"GET {JOB}", running_job_json(status="succeeded"))
    said = "No rows were held out, so the model was not evaluated."
    assert said in seedbed(service, "show", "training_1").stdout
    service.will(
        f"GET {JOB}",
        running_job_json(status="succeeded", evaluation=evaluation_json("It learned.")),
    )
    assert said not in seedbed(service, "show", "training_1").stdout
