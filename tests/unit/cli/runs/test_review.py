"""`seedbed review` from the outside: what it asks the service for, and how it ends."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from app.pipeline.options import RunOptions
from tests.unit.cli.answers import MET, estimate_json, review_json
from tests.unit.cli.stand_in import Answer, StandIn, stand_in


@pytest.fixture
def service() -> Iterator[StandIn]:
    with stand_in() as service:
        service.will("GET /v1/runs", {"items": [], "next_cursor": None})
        service.will("POST /v1/runs", review_json(status="queued"), status=202)
        service.will("GET /v1/runs/r1", review_json(), review_json(**MET))
        yield service


def review(service: StandIn, *arguments: str) -> Result:
    environment = {"SEEDBED_API_URL": service.url, "COLUMNS": "200"}
    return CliRunner().invoke(app, ["review", "d1", *arguments], env=environment)


def started(service: StandIn) -> Any:
    [asked] = service.asked_for("POST /v1/runs")
    return asked.json


def test_a_review_is_followed_to_its_end_and_says_what_became_of_the_rows(service: StandIn) -> None:
    ended = review(service, "--profile", "judge")

    assert ended.exit_code == ExitCode.OK
    assert started(service)["dataset_id"] == "d1"
    assert "running (review): 7/10 reviewed, 5 rows kept (71%)" in ended.stderr
    reported = {
        line.rpartition(" ")[0].strip(): line.split()[-1] for line in ended.stdout.splitlines()
    }
    assert reported["model calls"] == "11"
    assert reported["unreadable replies"] == "3"
    assert reported["rows reviewed"] == "7"
    assert reported["rejected: judged_low"] == reported["rejected: judge_failed"] == "1"
    assert reported["rows kept"] == "5"
    assert "seedbed export r1" in ended.stderr


def test_every_option_of_a_review_reaches_the_service(service: StandIn, tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.txt"
    rubric.write_text("5: it rhymes\n1: $0 ü", encoding="utf-8")

    ended = review(
        service, "--profile", "judge", "--model", "big", "--threshold", "3",
        "--rubric", str(rubric), "--batch",
        "--max-cost", "12.5", "--max-calls", "90", "--max-tokens", "5000",
    )  # fmt: skip

    assert ended.exit_code == ExitCode.OK
    assert started(service) == {
        "dataset_id": "d1",
        "options": {
            "profile": "judge",
            "model": "big",
            "batch": "later_stages",
            "review": {"threshold": 3, "rubric": "5: it rhymes\n1: $0 ü"},
        },
        "budget": {"max_cost_usd": "12.5", "max_calls": 90, "max_tokens": 5000},
    }


def test_an_unfinished_review_of_the_same_rows_is_continued(service: StandIn) -> None:
    options = RunOptions.model_validate({"profile": "re_answer"}).model_dump(mode="json")
    waiting = review_json(status="paused", profile="re_answer", options=options)
    service.will("GET /v1/runs", {"items": [waiting], "next_cursor": None})
    service.will("POST /v1/runs/r1/resume", review_json())

    ended = review(service, "--profile", "re_answer")

    assert ended.exit_code == ExitCode.OK
    assert service.asked_for("GET /v1/runs")[0].query["dataset_id"] == "d1"
    assert service.asked_for("POST /v1/runs/r1/resume")
    assert not service.asked_for("POST /v1/runs")
    assert "Continuing run r1 (7 rows reviewed so far)." in ended.stderr


def test_an_estimate_starts_nothing(service: StandIn) -> None:
    service.will("POST /v1/runs", estimate_json())

    ended = review(service, "--profile", "judge", "--estimate")

    assert ended.exit_code == ExitCode.OK
    assert started(service)["dry_run"] is True
    assert "$0.5" in ended.stdout
    assert not service.asked_for("GET /v1/runs/r1")


def test_a_review_that_waits_for_a_person_says_for_what(service: StandIn) -> None:
    paused = review_json(status="paused", end_reason="budget", message="The cap of 9 calls.")
    service.will("GET /v1/runs/r1", paused)

    ended = review(service, "--profile", "judge", "--json")

    assert ended.exit_code == ExitCode.PAUSED
    assert "The cap of 9 calls." in ended.stderr
    assert json.loads(ended.stdout)["run"]["status"] == "paused"


def test_a_review_in_which_nothing_could_be_used_says_so(service: StandIn) -> None:
    service.will(
        "GET /v1/runs/r1",
        review_json(
            status="failed", end_reason="dry", stage=None, message="No reply could be used."
        ),
    )

    ended = review(service, "--profile", "judge")

    assert ended.exit_code == ExitCode.TARGET_NOT_MET
    assert "No reply could be used." in ended.stderr


def test_a_data_set_that_is_not_ready_is_reported_with_the_field(service: StandIn) -> None:
    refused = {
        "title": "Invalid input",
        "detail": "The data set cannot be reviewed.",
        "faults": [{"message": "the data set is making, not ready", "field": "dataset_id"}],
    }
    service.will("POST /v1/runs", Answer(refused, status=422))

    ended = review(service, "--profile", "judge")

    assert ended.exit_code == ExitCode.BAD_USAGE
    assert "the data set is making, not ready" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--profile", "default"),
        ("--profile", "judge", "--threshold", "6"),
        ("--profile", "judge", "--rubric", "nowhere.txt"),
        ("--profile", "re_answer", "--threshold", "3"),
    ],
)
def test_what_cannot_work_is_reported_before_any_request(
    service: StandIn, arguments: tuple[str, ...]
) -> None:
    ended = review(service, *arguments)

    assert ended.exit_code == ExitCode.BAD_USAGE
    assert service.asked == []


def test_a_rubric_that_is_no_text_is_reported_before_any_request(
    service: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "rubric.txt").write_bytes(b"\xff\xfe5")

    ended = review(service, "--profile", "judge", "--rubric", str(tmp_path / "rubric.txt"))

    assert ended.exit_code == ExitCode.BAD_USAGE
    assert "not UTF-8 text" in ended.stderr
    assert service.asked == []


def test_a_run_that_reviews_is_shown_by_its_rows(service: StandIn) -> None:
    environment = {"SEEDBED_API_URL": service.url, "COLUMNS": "200"}

    shown = CliRunner().invoke(app, ["show", "r1"], env=environment)

    assert "reviewed" in shown.stdout
    assert "7/10" in shown.stdout
    assert "rows kept" in shown.stdout


def test_a_run_that_grows_cannot_be_asked_to_judge(service: StandIn, tmp_path: Path) -> None:
    environment = {"SEEDBED_API_URL": service.url, "COLUMNS": "200"}

    ended = CliRunner().invoke(app, ["run", str(tmp_path), "--profile", "judge"], env=environment)

    assert ended.exit_code == ExitCode.BAD_USAGE
    assert "'judge' is not one of" in ended.stderr
    assert service.asked == []
