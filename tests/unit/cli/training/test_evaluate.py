"""`seedbed evaluate` and `seedbed evaluations` from the outside."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from tests.unit.cli.answers import evaluation_json, job_json
from tests.unit.cli.stand_in import Answer, StandIn

JOB = "GET /v1/training-jobs/training_9"


def evaluation_job(**changes: object) -> dict[str, object]:
    return job_json(**{"id": "training_9", "kind": "evaluation", **changes})


def seedbed(service: StandIn, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--api", service.url])


def test_a_tuned_model_is_measured_and_what_was_found_is_reported(
    service: StandIn, tmp_path: Path
) -> None:
    service.will("POST /v1/evaluations", Answer(evaluation_job(), 202))
    service.will(
        JOB, evaluation_job(status="succeeded", evaluation=evaluation_json("It rose to 80 %."))
    )
    service.will(f"{JOB}/report", Answer(b"<html>"))
    report = tmp_path / "report.html"
    arguments = ["--job", "training_1", "--tasks", "9", "--general", "d2", "--judge-model", "m"]
    arguments += ["--judge-max-cost", "0.5"]
    result = seedbed(service, "evaluate", "d1", *arguments, "--report", str(report))
    assert result.exit_code == ExitCode.OK, result.output
    assert "It rose to 80 %." in result.output
    assert "step" not in result.output
    assert report.read_bytes() == b"<html>"
    (asked,) = service.asked_for("POST /v1/evaluations")
    assert asked.headers["idempotency-key"]
    assert asked.json == {
        "dataset_id": "d1",
        "options": {
            "training_job_id": "training_1",
            "evaluation": {
                "tasks": 9,
                "general_dataset_id": "d2",
                "judge": {"model": "m", "most_cost_usd": "0.5"},
            },
        },
    }


def test_a_base_model_is_measured_alone_and_not_beside_a_job_s(service: StandIn) -> None:
    service.will("POST /v1/evaluations", Answer(evaluation_job(), 202))
    result = seedbed(service, "evaluate", "d1", "--base-model", "tiny", "--no-wait", "--json")
    assert json.loads(result.stdout)["id"] == "training_9"
    (asked,) = service.asked_for("POST /v1/evaluations")
    assert asked.json["options"] == {"base_model": "tiny"}
    both = seedbed(service, "evaluate", "d1", "--base-model", "tiny", "--job", "training_1")
    assert both.exit_code == ExitCode.BAD_USAGE


def test_an_evaluation_that_fails_says_why(service: StandIn) -> None:
    failed = evaluation_job(status="failed", message="There is no model 'x'.")
    service.will("POST /v1/evaluations", Answer(failed, 202))
    result = seedbed(service, "evaluate", "d1")
    assert result.exit_code == ExitCode.TARGET_NOT_MET
    assert "There is no model 'x'." in result.output


def test_the_sheet_is_written_to_a_file(service: StandIn, tmp_path: Path) -> None:
    service.will(f"{JOB}/sheet", Answer(b"item,rating\r\n", content_type="text/csv"))
    out = tmp_path / "ada.csv"
    result = seedbed(service, "evaluations", "sheet", "training_9", "--out", str(out))
    assert result.exit_code == ExitCode.OK, result.output
    assert out.read_bytes() == b"item,rating\r\n"


def test_a_filled_sheet_is_brought_back_under_the_file_s_name_or_another(
    service: StandIn, tmp_path: Path
) -> None:
    figures = {"reviewers": [{"reviewer": "ada"}], "agreement": None}
    words = ["It rose.", "ada finds 80 % of y's answers valid and satisfying."]
    for name in ("ada", "Ada%20L"):
        service.will(f"PUT /v1/training-jobs/training_9/reviews/{name}", figures)
    service.will(JOB, evaluation_job(status="succeeded", evaluation=evaluation_json(*words)))
    file = tmp_path / "ada.csv"
    file.write_bytes(b"item,rating\r\nabc-1,A\r\n")
    result = seedbed(service, "evaluations", "read", "training_9", str(file))
    assert result.exit_code == ExitCode.OK, result.output
    assert "ada finds 80 %" in result.output
    assert "It rose." not in result.output
    (asked,) = service.asked_for("PUT /v1/training-jobs/training_9/reviews/ada")
    assert (asked.body, asked.headers["content-type"]) == (file.read_bytes(), "text/csv")
    named = seedbed(
        service, "evaluations", "read", "training_9", str(file), "--reviewer", "Ada L", "--json"
    )
    assert json.loads(named.stdout) == figures


def test_faults_of_a_sheet_are_reported_by_line_and_field(service: StandIn, tmp_path: Path) -> None:
    fault = {"message": "'E' is no rating; it is A, B, C or D", "line": 4, "field": "rating"}
    problem = {"title": "x", "detail": "The review sheet has faults.", "faults": [fault]}
    service.will("PUT /v1/training-jobs/training_9/reviews/ada", problem, status=422)
    file = tmp_path / "ada.csv"
    file.write_bytes(b"item,rating\n")
    result = seedbed(service, "evaluations", "read", "training_9", str(file))
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "'E' is no rating" in result.output
    missing = seedbed(service, "evaluations", "read", "training_9", str(tmp_path / "none.csv"))
    assert missing.exit_code == ExitCode.BAD_USAGE
