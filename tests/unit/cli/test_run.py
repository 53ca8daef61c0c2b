"""`seedbed run` as a script sees it: exit code, standard output, standard error."""

import json

import pytest

from app.cli.exits import ExitCode
from app.cli.runs.embedded_model import EMBEDDED_OPTIONS, with_embedded_options
from app.settings import EMBEDDED_MODEL
from app.stack.data_folder import locked_folder, publish
from tests.unit.cli.answers import MET, run_json
from tests.unit.cli.command_line import ROWS, Seedbed
from tests.unit.cli.stand_in import Answer


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
    with locked_folder(seedbed.folder / "data") as folder:
        publish(folder, seedbed.service.url, EMBEDDED_MODEL)
        for model, started in (("of an endpoint", 1), (EMBEDDED_MODEL, 1)):
            seedbed.service.will("GET /v1/runs/r1", run_json(**MET))
            stored = seedbed.stored_run(**with_embedded_options({}, EMBEDDED_MODEL))
            seedbed.has_runs(running={**stored, "model": model})
            seedbed("run", str(seedbed.seeds), "--out", str(seedbed.out), api=False)
            assert len(seedbed.service.asked_for("POST /v1/runs")) == started, model


def test_the_model_of_the_service_counts_and_not_the_one_of_this_terminal(
    seedbed: Seedbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def posted() -> dict[str, object]:
        seedbed.service.will("GET /v1/runs/r1", run_json(**MET))
        seedbed("run", str(seedbed.seeds), "--out", str(seedbed.out), api=False)
        options: dict[str, object] = seedbed.service.asked_for("POST /v1/runs")[-1].json["options"]
        return options

    with locked_folder(seedbed.folder / "data") as folder:
        publish(folder, seedbed.service.url, "of an endpoint")
        assert not posted().keys() & EMBEDDED_OPTIONS.keys()
        publish(folder, seedbed.service.url, EMBEDDED_MODEL)
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        assert posted().items() >= EMBEDDED_OPTIONS.items()


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


def test_invalid_seeds_are_reported_with_all_their_faults_before_any_request(
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
def test_an_option_out_of_range_is_reported_before_any_request(
    seedbed: Seedbed, option: str
) -> None:
    ended = seedbed.run(option)
    assert ended.code == ExitCode.BAD_USAGE
    assert option[2:].partition("=")[0].replace("-", "_") in ended.stderr
    assert not seedbed.service.asked


def test_a_place_that_cannot_be_written_is_reported_before_any_request(seedbed: Seedbed) -> None:
    ended = seedbed("run", str(seedbed.seeds), "--out", str(seedbed.folder))
    assert ended.code == ExitCode.BAD_USAGE
    assert "is a folder" in ended.stderr
    assert not seedbed.service.asked


def test_a_missing_file_of_seeds_is_reported_in_words(seedbed: Seedbed) -> None:
    ended = seedbed("run", "nowhere.jsonl")
    assert ended.code == ExitCode.BAD_USAGE
    assert "nowhere.jsonl cannot be read" in ended.stderr


def test_refused_seeds_show_the_faults_of_the_service(seedbed: Seedbed) -> None:
    problem = {"detail": "No.", "faults": [{"message": "is odd", "line": 1, "field": "name"}]}
    seedbed.service.will("POST /v1/seed-sets", problem, status=422)
    ended = seedbed.run()
    assert ended.code == ExitCode.BAD_USAGE
    assert "is odd" in ended.stderr
