"""Watching a job: its log, its report, and the next command."""

from pathlib import Path

import pytest
import typer

from app.cli.exits import ExitCode
from app.cli.output import Output
from app.cli.service.find_service import Service
from app.cli.training.watch import Watching, next_step, watch_and_report, watch_job
from app.errors import InvalidInput
from app.schemas.training import TrainingJobView
from tests.unit.cli.answers import evaluation_json, job_json
from tests.unit.cli.stand_in import Answer, StandIn

JOB = "GET /v1/training-jobs/training_1"


def a_job(**changes: object) -> TrainingJobView:
    return TrainingJobView.model_validate(job_json(**changes))


@pytest.mark.parametrize(
    ("logs", "lines"),
    [
        (["a\n", "a\nb\n", "a\nb\nc\n"], ["a", "b", "c"]),
        (["a\nb\n", "b\nc\n"], ["a", "b", "c"]),
        (["a\nb\n", "b\nx\nb\nc\n"], ["a", "b", "c"]),
        (["a\n", "c\nd\n"], ["a", "c", "d"]),
    ],
)
def test_each_line_of_the_log_is_shown_once_although_only_its_end_is_kept(
    service: StandIn,
    connected: Service,
    capsys: pytest.CaptureFixture[str],
    logs: list[str],
    lines: list[str],
) -> None:
    looks = [job_json(status="running", log_tail=log) for log in logs]
    service.will(JOB, *looks, job_json(status="succeeded", log_tail=logs[-1]))
    assert watch_job(connected, a_job(), Output(as_json=False)).status == "succeeded"
    shown = capsys.readouterr().err.splitlines()
    assert [line for line in shown if len(line) == 1] == lines


def test_the_report_is_written_when_there_is_an_evaluation(
    service: StandIn, connected: Service, tmp_path: Path
) -> None:
    service.will(f"{JOB}/report", Answer(b"<html>"))
    watching = Watching.checked(wait=True, report=tmp_path / "new" / "report.html")
    job = a_job(status="succeeded", evaluation=evaluation_json("It rose."))
    watch_and_report(connected, job, watching, Output(as_json=False))
    assert (tmp_path / "new" / "report.html").read_bytes() == b"<html>"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_without_success_has_an_exit_code(connected: Service, status: str) -> None:
    with pytest.raises(typer.Exit) as ended:
        watch_and_report(connected, a_job(status=status), Watching(), Output(as_json=False))
    assert ended.value.exit_code == ExitCode.TARGET_NOT_MET


def test_without_waiting_the_job_is_not_looked_at(service: StandIn, connected: Service) -> None:
    watch_and_report(connected, a_job(), Watching(wait=False), Output(as_json=False))
    assert service.asked == []


def test_a_report_needs_waiting_and_a_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be combined with --no-wait"):
        Watching.checked(wait=False, report=tmp_path / "report.html")
    with pytest.raises(InvalidInput, match="is a folder"):
        Watching.checked(wait=True, report=tmp_path)
    assert Watching.checked(wait=False, report=None) == Watching(wait=False, report=None)


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({"status": "succeeded"}, "`seedbed serve training_1`"),
        ({"status": "succeeded", "options": {"task": "labels"}}, "`seedbed jobs download"),
        ({"status": "succeeded", "kind": "evaluation"}, "`seedbed jobs download training_1`"),
        ({"status": "failed"}, "`seedbed jobs resume training_1`"),
        ({"status": "cancelled"}, "`seedbed jobs resume training_1`"),
        ({"status": "running"}, "`seedbed jobs follow training_1`"),
    ],
)
def test_the_next_command_depends_on_the_state(changes: dict[str, object], command: str) -> None:
    assert command in next_step(a_job(**changes))
