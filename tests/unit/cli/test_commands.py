"""Commands from the outside, as a script sees them: exit code, standard output, standard error."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.exits import EXIT_CODES_HELP, ExitCode
from app.cli.main import app
from app.cli.runs.embedded_model import with_embedded_options
from app.pipeline.options import RunOptions
from app.settings import EMBEDDED_MODEL
from app.stack.environment import variable_names
from app.stack.folder import held_folder, publish
from app.stack.ports import free_port
from tests.unit.cli.answers import MET, run_json, seed_set_json
from tests.unit.cli.stand_in import Answer, StandIn, stand_in

ROWS = [{"instruction": f"Say {n}.", "input": "", "output": f"\u00fc{n} \x1b[2J"} for n in range(4)]
SEED = {
    "id": "seed_1",
    "name": "greet",
    "instruction": "Greet someone.",
    "instances": [{"input": "", "output": "Hello."}],
    "is_classification": False,
}
KEY = f"sb_{'0' * 22}_{'a1' * 32}"


class Seedbed:
    """The command line, in a folder of its own, with a stand-in for the service."""

    def __init__(self, service: StandIn, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.out = folder / "out.json"
        self.seeds = folder / "seeds.jsonl"
        self.seeds.write_text(json.dumps(SEED) + "\n")
        service.will("POST /v1/seed-sets", seed_set_json(), status=201)
        service.will("GET /v1/runs", {"items": [], "next_cursor": None})
        service.will("POST /v1/runs", run_json(status="queued"), status=202)
        service.will("GET /v1/runs/r1", run_json(), run_json(**MET))
        service.will("GET /v1/runs/r1/dataset", ROWS)

    def __call__(self, *arguments: str, api: bool = True) -> "Ended":
        environment = {"SEEDBED_API_URL": self.service.url if api else None, "COLUMNS": "200"}
        result = CliRunner().invoke(app, list(arguments), env=environment)
        return Ended(result.exit_code, result.stdout, result.stderr)

    def run(self, *arguments: str) -> "Ended":
        return self("run", str(self.seeds), "--out", str(self.out), *arguments)

    def stored_run(self, **options: object) -> dict[str, object]:
        whole = RunOptions.model_validate(options).model_dump(mode="json")
        return run_json(options=whole, model=options.get("model", "the service's"))

    def has_runs(self, **by_status: object) -> None:
        pages = [
            {"items": [by_status[status]] if status in by_status else [], "next_cursor": None}
            for status in ("running", "queued", "paused")
        ]
        self.service.will("GET /v1/runs", *pages)


class Ended:
    def __init__(self, code: int, stdout: str, stderr: str) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def json(self) -> Any:  # Any: whatever was printed
        return json.loads(self.stdout)


@pytest.fixture
def seedbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seedbed]:
    monkeypatch.chdir(tmp_path)
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    with stand_in() as service:
        yield Seedbed(service, tmp_path)


def test_a_run_ends_with_the_data_set_the_funnel_and_three_rows(seedbed: Seedbed) -> None:
    ended = seedbed.run("--target", "10")
    assert ended.code == ExitCode.OK
    assert json.loads(seedbed.out.read_text()) == ROWS
    assert "rejected: near_duplicate" in ended.stdout
    assert [f"Say {n}." in ended.stdout for n in range(4)] == [True, True, True, False]
    assert f"Wrote 4 rows to {seedbed.out}." in ended.stdout
    [asked] = seedbed.service.asked_for("POST /v1/runs")
    assert asked.json["options"] == {"target": 10}


def test_every_option_of_a_run_reaches_the_service(seedbed: Seedbed) -> None:
    options = "--profile default --model m --seed 7 --language German --classification-share 0.25"
    seedbed.run(*options.split())
    [asked] = seedbed.service.asked_for("POST /v1/runs")
    assert asked.json["options"] == {
        "profile": "default",
        "model": "m",
        "random_seed": 7,
        "language": "German",
        "classification_share": 0.25,
    }


def test_without_a_terminal_progress_is_plain_lines_on_standard_error(seedbed: Seedbed) -> None:
    ended = seedbed.run()
    assert "running (generate): 3/10 accepted, 1 complete · acceptance rate 50%" in ended.stderr
    assert "\nsucceeded: 3/10" in ended.stderr
    assert "\x1b" not in ended.stdout + ended.stderr


def test_with_json_standard_output_is_one_document(seedbed: Seedbed) -> None:
    ended = seedbed.run("--json")
    assert ended.json["run"]["status"] == "succeeded"
    assert ended.json["file"] == str(seedbed.out)
    assert ended.json["rows"] == 4
    assert ended.json["shown_rows"] == ROWS[:3]


def test_an_unfinished_run_of_the_same_seeds_and_options_is_continued(seedbed: Seedbed) -> None:
    seedbed.has_runs(running=seedbed.stored_run(target=10))
    ended = seedbed.run("--target", "10")
    assert ended.code == ExitCode.OK
    assert "Continuing run r1" in ended.stderr
    assert not seedbed.service.asked_for("POST /v1/runs")
    assert seedbed.service.asked_for("GET /v1/runs")[0].query["seed_set_id"] == "s1"


@pytest.mark.parametrize(
    "options", [{"target": 11}, {"target": 10, "random_seed": 5}, {"target": 10, "lookahead": 2}]
)
def test_an_unfinished_run_of_other_options_is_left_alone(
    seedbed: Seedbed, options: dict[str, object]
) -> None:
    seedbed.has_runs(running=seedbed.stored_run(**options))
    seedbed.run("--target", "10")
    assert len(seedbed.service.asked_for("POST /v1/runs")) == 1


def test_a_model_that_is_asked_for_by_name_must_be_the_same(seedbed: Seedbed) -> None:
    seedbed.has_runs(running=seedbed.stored_run(model="small"))
    seedbed.run("--model", "large")
    assert len(seedbed.service.asked_for("POST /v1/runs")) == 1


def test_a_run_that_asks_another_model_than_the_stack_would_now_is_left_alone(
    seedbed: Seedbed,
) -> None:
    with held_folder(seedbed.folder / "data") as folder:
        publish(folder, seedbed.service.url)
        for model, started in (("of an endpoint", 1), (EMBEDDED_MODEL, 1)):
            seedbed.service.will("GET /v1/runs/r1", run_json(**MET))
            stored = seedbed.stored_run(**with_embedded_options({}, EMBEDDED_MODEL))
            seedbed.has_runs(running={**stored, "model": model})
            seedbed("run", str(seedbed.seeds), "--out", str(seedbed.out), api=False)
            assert len(seedbed.service.asked_for("POST /v1/runs")) == started, model


def test_a_paused_run_is_resumed(seedbed: Seedbed) -> None:
    seedbed.has_runs(paused={**seedbed.stored_run(), "status": "paused"})
    seedbed.service.will("POST /v1/runs/r1/resume", run_json(status="queued"), status=202)
    assert seedbed.run().code == ExitCode.OK
    assert len(seedbed.service.asked_for("POST /v1/runs/r1/resume")) == 1


def test_a_run_that_waits_for_a_person_says_for_what(seedbed: Seedbed) -> None:
    paused = run_json(status="paused", message="The key is wrong. Set OPENAI_API_KEY.")
    seedbed.service.will("GET /v1/runs/r1", paused)
    ended = seedbed.run()
    assert ended.code == ExitCode.PAUSED
    assert "Set OPENAI_API_KEY." in ended.stderr
    assert not seedbed.out.exists()


@pytest.mark.parametrize(
    ("status", "end_reason"), [("succeeded", "dry"), ("failed", "provider"), ("cancelled", None)]
)
def test_a_run_that_missed_its_target_still_brings_what_it_made(
    seedbed: Seedbed, status: str, end_reason: str | None
) -> None:
    ended_run = run_json(status=status, end_reason=end_reason, message="20 replies, none new.")
    seedbed.service.will("GET /v1/runs/r1", ended_run)
    ended = seedbed.run()
    assert ended.code == ExitCode.TARGET_NOT_MET
    assert "20 replies, none new." in ended.stderr
    assert json.loads(seedbed.out.read_text()) == ROWS


def test_an_empty_data_set_does_not_replace_a_file(seedbed: Seedbed) -> None:
    seedbed.out.write_text("from before")
    seedbed.service.will("GET /v1/runs/r1", run_json(status="failed"))
    seedbed.service.will("GET /v1/runs/r1/dataset", [])
    assert seedbed.run().code == ExitCode.TARGET_NOT_MET
    assert seedbed.out.read_text() == "from before"


@pytest.mark.parametrize(
    "came",
    [
        Answer(b'[{"instruction":', content_length=9999),
        b'[{"instruction": "a"',
        [{"instruction": "a", "input": ""}],
        [{"instruction": "a", "input": "", "output": "b", "id": "c"}],
        [{"instruction": "a", "input": None, "output": "b"}],
        {"rows": []},
    ],
)
def test_a_data_set_that_is_none_does_not_replace_a_file(seedbed: Seedbed, came: object) -> None:
    seedbed.out.write_text("from before")
    seedbed.service.will("GET /v1/runs/r1/dataset", came)
    assert seedbed.run().code == ExitCode.SERVICE_FAILED
    assert seedbed.out.read_text() == "from before"
    assert sorted(path.name for path in seedbed.folder.iterdir()) == ["out.json", "seeds.jsonl"]


def test_invalid_seeds_are_told_with_all_their_faults_before_any_request(
    seedbed: Seedbed,
) -> None:
    seedbed.seeds.write_text('{"id": "a"}\nnonsense\n')
    ended = seedbed.run()
    assert ended.code == ExitCode.BAD_USAGE
    assert "instruction" in ended.stderr
    assert "not JSON" in ended.stderr
    assert not seedbed.service.asked


@pytest.mark.parametrize(
    "option", ["--target=0", "--classification-share=1.5", "--seed=-1", "--language=1"]
)
def test_an_option_out_of_range_is_told_before_any_request(seedbed: Seedbed, option: str) -> None:
    ended = seedbed.run(option)
    assert ended.code == ExitCode.BAD_USAGE
    assert option[2:].partition("=")[0].replace("-", "_") in ended.stderr
    assert not seedbed.service.asked


def test_a_place_that_cannot_be_written_is_told_before_any_request(seedbed: Seedbed) -> None:
    ended = seedbed("run", str(seedbed.seeds), "--out", str(seedbed.folder))
    assert ended.code == ExitCode.BAD_USAGE
    assert "is a folder" in ended.stderr
    assert not seedbed.service.asked


def test_a_missing_file_of_seeds_is_told_in_words(seedbed: Seedbed) -> None:
    ended = seedbed("run", "nowhere.jsonl")
    assert ended.code == ExitCode.BAD_USAGE
    assert "nowhere.jsonl cannot be read" in ended.stderr


def test_refused_seeds_show_the_faults_of_the_service(seedbed: Seedbed) -> None:
    problem = {"detail": "No.", "faults": [{"message": "is odd", "line": 1, "field": "name"}]}
    seedbed.service.will("POST /v1/seed-sets", problem, status=422)
    ended = seedbed.run()
    assert ended.code == ExitCode.BAD_USAGE
    assert "is odd" in ended.stderr


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


@pytest.mark.parametrize("action", ["cancel", "pause", "resume"])
def test_a_run_is_acted_upon(seedbed: Seedbed, action: str) -> None:
    seedbed.service.will(f"POST /v1/runs/r1/{action}", run_json(), status=202)
    assert seedbed(action, "r1").code == ExitCode.OK
    assert len(seedbed.service.asked_for(f"POST /v1/runs/r1/{action}")) == 1


def test_an_ended_run_cannot_be_cancelled_and_the_reason_is_told(seedbed: Seedbed) -> None:
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


def test_seeds_are_checked_without_any_service(seedbed: Seedbed) -> None:
    good = seedbed("seeds", "check", str(seedbed.seeds), "--json", api=False)
    assert good.json == {"ok": True, "tasks": 1, "classification": 0}
    seedbed.seeds.write_text("{}\n[]\n")
    bad = seedbed("seeds", "check", str(seedbed.seeds), "--json", api=False)
    assert bad.code == ExitCode.BAD_USAGE
    assert {fault["line"] for fault in bad.json["faults"]} == {1, 2}
    told = seedbed("seeds", "check", str(seedbed.seeds), api=False)
    assert "instances" in told.stdout
    assert not seedbed.service.asked


def test_without_a_service_it_says_how_to_start_one(seedbed: Seedbed) -> None:
    ended = seedbed("runs", api=False)
    assert ended.code == ExitCode.SERVICE_FAILED
    assert "seedbed up" in ended.stderr


def test_a_refused_connection_says_how_to_start_one(seedbed: Seedbed) -> None:
    ended = seedbed("runs", "--api", f"127.0.0.1:{free_port('127.0.0.1')}")
    assert ended.code == ExitCode.SERVICE_FAILED
    assert "seedbed up" in ended.stderr


def test_a_service_that_runs_on_the_data_folder_is_used(seedbed: Seedbed) -> None:
    with held_folder(seedbed.folder / "data") as folder:
        publish(folder, seedbed.service.url)
        ended = seedbed("run", str(seedbed.seeds), "--out", str(seedbed.out), api=False)
    assert ended.code == ExitCode.OK
    assert json.loads(seedbed.out.read_text()) == ROWS


def test_a_second_stack_on_the_data_folder_is_told_where_the_first_is(seedbed: Seedbed) -> None:
    with held_folder(seedbed.folder / "data") as folder:
        publish(folder, "http://127.0.0.1:8123")
        ended = seedbed("up", api=False)
    assert ended.code == ExitCode.SERVICE_FAILED
    assert f"process {os.getpid()}, which answers at http://127.0.0.1:8123" in ended.stderr


def test_settings_that_cannot_work_are_named_without_their_value(
    seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_CONCURRENCY", "sk-pasted-in-the-wrong-place")
    ended = seedbed("runs", api=False)
    assert ended.code == ExitCode.BAD_USAGE
    assert "concurrency" in ended.stderr
    assert "sk-pasted" not in ended.stderr


@pytest.mark.parametrize("api", [True, False])
def test_the_key_in_the_settings_is_sent(
    seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch, api: bool
) -> None:
    monkeypatch.setenv("SEEDBED_API_KEY", f" {KEY}\n")
    with held_folder(seedbed.folder / "data") as folder:
        publish(folder, seedbed.service.url)
        assert seedbed("runs", api=api).code == ExitCode.OK
    assert seedbed.service.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_key_to_something_else_is_sent_nowhere_and_not_shown(
    seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_API_KEY", "sk-of-another-service")
    ended = seedbed("runs")
    assert ended.code == ExitCode.BAD_USAGE
    assert "SEEDBED_API_KEY" in ended.stderr
    assert "sk-of" not in ended.stderr + ended.stdout
    assert not seedbed.service.asked


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_bad_usage(seedbed: Seedbed, status: int) -> None:
    seedbed.service.will("GET /v1/runs", {"detail": "Not with this key."}, status=status)
    ended = seedbed("runs")
    assert ended.code == ExitCode.BAD_USAGE
    assert "Not with this key." in ended.stderr


def test_the_documented_exit_codes_are_all_there_are() -> None:
    for code in ExitCode:
        assert f"{code.value} " in EXIT_CODES_HELP


@pytest.mark.parametrize("command", ["run", "up", "runs", "show", "events", "cancel", "export"])
def test_every_command_documents_its_exit_codes_and_json(seedbed: Seedbed, command: str) -> None:
    told = seedbed(command, "--help").stdout
    assert "Exit codes: 0 done" in told
    assert "--json" in told
