"""`seedbed train` from the outside: what it asks the service for, and how it ends."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from tests.unit.cli.answers import evaluation_json, job_json
from tests.unit.cli.stand_in import Answer, StandIn


def seedbed(service: StandIn, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["train", "d1", "--api", service.url, *arguments])


def test_a_job_is_started_and_followed_to_what_its_evaluation_says(service: StandIn) -> None:
    service.will("POST /v1/training-jobs", Answer(job_json(), 202))
    done = job_json(
        status="succeeded", step=9, steps=9, loss=0.125, evaluation=evaluation_json("It learned.")
    )
    service.will("GET /v1/training-jobs/training_1", job_json(status="running", step=3), done)
    result = seedbed(service, "--method", "adalora", "--base-model", "tiny")
    assert result.exit_code == ExitCode.OK, result.output
    assert "step 9/9 · loss 0.1250" in result.output
    assert "It learned." in result.output
    (asked,) = service.asked_for("POST /v1/training-jobs")
    assert asked.json == {
        "dataset_id": "d1",
        "options": {"base_model": "tiny", "method": {"name": "adalora"}},
    }
    assert asked.headers["idempotency-key"]


def test_options_come_from_a_file_and_the_command_line_goes_over_them(
    service: StandIn, tmp_path: Path
) -> None:
    service.will("POST /v1/training-jobs", Answer(job_json(), 202))
    file = tmp_path / "options.json"
    file.write_text(json.dumps({"seed": 3, "method": {"name": "lora", "rank": 4}}))
    result = seedbed(service, "--options", str(file), "--method", "dora", "--no-wait", "--json")
    assert result.exit_code == ExitCode.OK, result.output
    (asked,) = service.asked_for("POST /v1/training-jobs")
    assert asked.json["options"] == {"seed": 3, "method": {"name": "dora", "rank": 4}}
    assert json.loads(result.stdout)["id"] == "training_1"
    file.write_text("[1]")
    assert seedbed(service, "--options", str(file)).exit_code == ExitCode.BAD_USAGE


def test_a_job_that_fails_says_why_and_is_no_success(service: StandIn) -> None:
    failed = job_json(status="failed", message="The disk is full.")
    service.will("POST /v1/training-jobs", Answer(failed, 202))
    result = seedbed(service)
    assert result.exit_code == ExitCode.TARGET_NOT_MET
    assert "The disk is full." in result.output


def test_the_usual_numbers_have_options_of_their_own(service: StandIn, tmp_path: Path) -> None:
    service.will("POST /v1/training-jobs", Answer(job_json(), 202))
    file = tmp_path / "options.json"
    judge = {"most_pairs": 5}
    file.write_text(json.dumps({"evaluation": {"judge": judge, "tasks": 7}}))
    numbers = "--rank 4 --epochs 1.5 --steps 20 --learning-rate 0.001 --held-out-share 0.2"
    named = "--held-out d2 --general d3"
    result = seedbed(
        service, "--options", str(file), "--no-wait", "--judge", "--seed", "3", *numbers.split(),
        *named.split(),
    )  # fmt: skip
    assert result.exit_code == ExitCode.OK, result.output
    (asked,) = service.asked_for("POST /v1/training-jobs")
    assert asked.json["options"] == {
        "method": {"rank": 4},
        "schedule": {"epochs": 1.5, "steps": 20, "learning_rate": 0.001},
        "evaluation": {
            "judge": judge, "tasks": 7, "held_out_share": 0.2, "held_out_dataset_id": "d2",
            "general_dataset_id": "d3",
        },
        "seed": 3,
    }  # fmt: skip


def test_log_lines_are_reported_as_they_come_and_the_report_is_fetched(
    service: StandIn, tmp_path: Path
) -> None:
    service.will("POST /v1/training-jobs", Answer(job_json(), 202))
    begun = job_json(status="running", step=1, log_tail="Computes on cpu.\n")
    log = "Computes on cpu.\nThe judge m is asked.\n"
    done = job_json(status="succeeded", step=2, log_tail=log, evaluation=evaluation_json("Better."))
    # A service that is restarted meanwhile is waited for.
    service.will("GET /v1/training-jobs/training_1", begun, Answer(b"", content_length=9), done)
    service.will("GET /v1/training-jobs/training_1/report", Answer(b"<p>all of it</p>"))
    report = tmp_path / "new" / "report.html"
    result = seedbed(service, "--report", str(report))
    assert result.exit_code == ExitCode.OK, result.output
    assert result.output.count("Computes on cpu.") == 1
    assert result.output.count("The judge m is asked.") == 1
    assert report.read_bytes() == b"<p>all of it</p>"


def test_a_report_that_cannot_be_had_is_said_before_or_after(
    service: StandIn, tmp_path: Path
) -> None:
    report = ("--report", str(tmp_path / "report.html"))
    assert seedbed(service, *report, "--no-wait").exit_code == ExitCode.BAD_USAGE
    assert seedbed(service, "--report", str(tmp_path)).exit_code == ExitCode.BAD_USAGE
    assert service.asked == []
    service.will("POST /v1/training-jobs", Answer(job_json(status="succeeded"), 202))
    result = seedbed(service, *report)
    assert result.exit_code == ExitCode.OK
    assert "Nothing was evaluated: no report written." in result.output
    assert not (tmp_path / "report.html").exists()


def test_a_run_may_be_named_in_place_of_a_data_set_and_one_of_the_two_must_be(
    service: StandIn,
) -> None:
    service.will("POST /v1/training-jobs", Answer(job_json(), 202))
    named = ["train", "--run", "run_1", "--no-wait", "--api", service.url]
    result = CliRunner().invoke(app, named)
    assert result.exit_code == ExitCode.OK, result.output
    (asked,) = service.asked_for("POST /v1/training-jobs")
    assert asked.json == {"run_id": "run_1", "options": {}}
    assert seedbed(service, "--run", "run_1").exit_code == ExitCode.BAD_USAGE
    neither = CliRunner().invoke(app, ["train", "--api", service.url])
    assert neither.exit_code == ExitCode.BAD_USAGE


def options_asked_for(service: StandIn, *arguments: str) -> object:
    service.will("POST /v1/training-jobs", Answer(job_json(), 202))
    result = seedbed(service, "--no-wait", *arguments)
    assert result.exit_code == ExitCode.OK, result.output
    return service.asked[-1].json["options"]


def test_another_program_is_chosen_by_name_and_an_unknown_one_is_refused(
    service: StandIn,
) -> None:
    asked = options_asked_for(service, "--where", "axolotl", "--base-model", "a/b")
    assert asked == {"where": "axolotl", "base_model": "a/b"}
    assert seedbed(service, "--where", "nowhere").exit_code == ExitCode.BAD_USAGE
    assert seedbed(service, "--method", "none").exit_code == ExitCode.BAD_USAGE
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("typed", "targets"),
    [
        ("q and v", "q and v"),
        ("all linear", "all linear"),
        ("q_proj, k_proj", ["q_proj", "k_proj"]),
        ("c_attn", ["c_attn"]),
    ],
)
def test_targets_are_a_preset_or_names(service: StandIn, typed: str, targets: object) -> None:
    asked = options_asked_for(service, "--targets", typed, "-r", "4", "--alpha", "8")
    assert asked == {"method": {"rank": 4, "alpha": 8.0, "targets": targets}}


def test_general_rows_are_mixed_in_with_their_share_or_the_usual_one(
    service: StandIn, tmp_path: Path
) -> None:
    assert options_asked_for(service, "--replay", "d2") == {
        "data": {"replay_dataset_id": "d2", "replay_share": 0.1}
    }
    file = tmp_path / "options.json"
    file.write_text(json.dumps({"data": {"replay_share": 0.3}}))
    for arguments in (("--replay-share", "0.3"), ("--options", str(file))):
        assert options_asked_for(service, "--replay", "d2", *arguments) == {
            "data": {"replay_dataset_id": "d2", "replay_share": 0.3}
        }


def test_every_option_of_the_api_can_be_set_by_its_path(service: StandIn) -> None:
    settings = ("schedule.shape=linear", "data.packing=true", "outputs.gguf=false", "seed=7")
    asked = options_asked_for(service, *[part for each in settings for part in ("--set", each)])
    assert asked == {
        "schedule": {"shape": "linear"},
        "data": {"packing": True},
        "outputs": {"gguf": False},
        "seed": 7,
    }
    for wrong in ("seed", "=1", "a..b=1"):
        result = seedbed(service, "--set", wrong)
        assert result.exit_code == ExitCode.BAD_USAGE
        assert "--set needs PATH=VALUE" in result.output


def test_an_answer_that_is_lost_begins_no_second_job(service: StandIn) -> None:
    lost = Answer(b'{"id', content_length=1000)
    service.will("POST /v1/training-jobs", lost, Answer(job_json(), 202))
    assert seedbed(service, "--no-wait").exit_code == ExitCode.OK
    first, second = service.asked_for("POST /v1/training-jobs")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
