"""Commands for one run or all, as a script sees them."""

import json

import pytest

from app.cli.exits import ExitCode
from tests.unit.cli.answers import MET, run_json
from tests.unit.cli.command_line import ROWS, Seedbed


def test_with_json_a_failure_is_a_document_too(seedbed: Seedbed) -> None:
    ended = seedbed("show", "zzz", "--json")
    assert ended.code == ExitCode.NOT_FOUND
    assert "zzz" in ended.json["error"]["message"]


def test_runs_are_listed(seedbed: Seedbed) -> None:
    page = {"items": [run_json(), run_json(id="r0", **MET)], "next_cursor": None}
    seedbed.service.will("GET /v1/runs", page)
    listed = seedbed("runs", "--limit", "2")
    assert listed.code == ExitCode.OK
    assert "r0" in listed.stdout
    assert "running (generate)" in listed.stdout
    assert [run["id"] for run in seedbed("runs", "--json").json] == ["r1", "r0"]


def test_no_runs_yet_is_said(seedbed: Seedbed) -> None:
    assert "No runs yet" in seedbed("runs").stdout
    assert seedbed("runs", "--json").json == []


def test_a_run_is_shown_with_its_message_and_cost(seedbed: Seedbed) -> None:
    seedbed.service.will("GET /v1/runs/r1", run_json(message="Look here.", cost_usd="0.0123"))
    shown = seedbed("show", "r1")
    assert shown.code == ExitCode.OK
    assert "Look here." in shown.stdout
    assert "cost $0.0123" in shown.stdout
    assert "45% of the input cached" in shown.stdout
    assert "the endpoint left out the tokens of 2 calls" in shown.stdout
    [line] = [
        line
        for line in shown.stdout.splitlines()
        if line.split()[:3] == ["generate", "10", "1,000"]
    ]
    assert line.split()[3:] == ["45%", "200", "$0.0123"]


@pytest.mark.parametrize("action", ["cancel", "pause", "resume", "batches/stop"])
def test_a_run_is_acted_upon(seedbed: Seedbed, action: str) -> None:
    seedbed.service.will(f"POST /v1/runs/r1/{action}", run_json(), status=202)
    command = "-".join(reversed(action.split("/")))
    assert seedbed(command, "r1").code == ExitCode.OK
    assert len(seedbed.service.asked_for(f"POST /v1/runs/r1/{action}")) == 1


@pytest.mark.parametrize(
    ("typed", "body"),
    [
        (["--model", "other"], {"options": {"model": "other"}}),
        (
            ["--set", "sampling.generate.top_p=1", "--set", "sampling.classify.max_tokens=512"],
            {"options": {"sampling": {"generate": {"top_p": 1}, "classify": {"max_tokens": 512}}}},
        ),
        (["--answer-format", "marked_text"], {"options": {"answer_format": "marked_text"}}),
        (["--lookahead", "2", "--reuse-replies"], None),
        (["--give-up-refused"], {"give_up_refused": True}),
        (["--set", "sampling.generate.top_p=null"], None),
    ],
    ids=["model", "sampling", "format", "several", "give up", "back to the default"],
)
def test_a_run_is_resumed_with_changes(
    seedbed: Seedbed, typed: list[str], body: dict[str, object] | None
) -> None:
    seedbed.service.will("POST /v1/runs/r1/resume", run_json(), status=202)
    assert seedbed("resume", "r1", *typed).code == ExitCode.OK
    (asked,) = seedbed.service.asked_for("POST /v1/runs/r1/resume")
    assert body is None or asked.json == body


@pytest.mark.parametrize(
    "typed", [["--profile", "paper"], ["--target", "9"], ["--set", "sampling.generat.top_p=1"]]
)
def test_what_a_run_cannot_change_is_refused_before_anything_is_sent(
    seedbed: Seedbed, typed: list[str]
) -> None:
    assert seedbed("resume", "r1", *typed).code == ExitCode.BAD_USAGE
    assert seedbed.service.asked == []


def test_a_run_that_is_paused_again_at_once_does_not_exit_0(seedbed: Seedbed) -> None:
    paused = run_json(status="paused", end_reason="provider", message="No credit.")
    seedbed.service.will("POST /v1/runs/r1/resume", paused, status=202)
    ended = seedbed("resume", "r1")
    assert ended.code == ExitCode.PAUSED
    assert "No credit." in ended.stderr


def test_an_ended_run_cannot_be_cancelled_and_the_reason_is_reported(seedbed: Seedbed) -> None:
    seedbed.service.will("POST /v1/runs/r1/cancel", {"detail": "It has ended."}, status=409)
    ended = seedbed("cancel", "r1")
    assert ended.code == ExitCode.BAD_USAGE
    assert "It has ended." in ended.stderr


def test_export_writes_what_there_is(seedbed: Seedbed) -> None:
    out = seedbed.folder / "deep" / "down.json"
    ended = seedbed("export", "r1", "--out", str(out), "--json")
    assert ended.json == {"file": str(out), "rows": 4}
    assert json.loads(out.read_text()) == ROWS


def test_export_of_nothing_fails(seedbed: Seedbed) -> None:
    seedbed.service.will("GET /v1/runs/r1/dataset", [])
    ended = seedbed("export", "r1", "--out", str(seedbed.out))
    assert ended.code == ExitCode.SERVICE_FAILED
    assert "has no rows yet" in ended.stderr
