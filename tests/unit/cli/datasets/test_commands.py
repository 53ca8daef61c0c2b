"""`seedbed datasets`: what it asks the service for, and what it shows."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from tests.unit.cli.answers import dataset_json
from tests.unit.cli.stand_in import Answer, StandIn

GET = "GET /v1/datasets/d1"


def datasets(service: StandIn, *arguments: str) -> Result:
    environment = {"COLUMNS": "200", "SEEDBED_API_URL": service.url}
    return CliRunner().invoke(app, ["datasets", *arguments], env=environment)


def test_a_version_is_made_of_its_recipe_and_waited_for(service: StandIn, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"split": {"kind": "x"}}))
    service.will("POST /v1/datasets", dataset_json(state="queued"), status=202)
    service.will(GET, dataset_json(state="making"), dataset_json())
    result = datasets(
        service, "make", "run_1", "d0", "--name", "cooking", "--recipe", str(recipe),
        "--test-share", "0.05", "--nothing-near", "d7", "--nothing-near", "d8",
        "--test-set", "d9", "--seed", "3", "--licence", "mit",
    )  # fmt: skip
    assert result.exit_code == ExitCode.OK, result.output
    (asked,) = service.asked_for("POST /v1/datasets")
    assert asked.json == {
        "name": "cooking",
        "recipe": {
            "sources": [{"run_id": "run_1"}, {"dataset_id": "d0"}],
            "nothing_near": ["d7", "d8"],
            "test_sets": ["d9"],
            "licence": "mit",
            "split": {"kind": "x", "test_share": 0.05, "seed": 3},
            "mix": {"seed": 3},
        },
    }
    assert len(service.asked_for(GET)) == 2
    for words in ("cooking", "ready", "1,234", "5"):
        assert words in result.stdout


def test_only_what_was_given_is_in_the_recipe(service: StandIn) -> None:
    service.will("POST /v1/datasets", dataset_json(), status=202)
    assert datasets(service, "make", "run_1", "--name", "x", "--test-share", "0").exit_code == 0
    (asked,) = service.asked_for("POST /v1/datasets")
    assert asked.json["recipe"] == {
        "sources": [{"run_id": "run_1"}],
        "split": {"test_share": 0.0},
    }


def test_a_version_that_failed_says_why(service: StandIn) -> None:
    failed = dataset_json(state="failed", message="No row is left.")
    service.will("POST /v1/datasets", failed, status=202)
    result = datasets(service, "make", "run_1", "--name", "x")
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "d1 failed: No row is left." in result.stderr


def test_a_file_is_uploaded_as_it_is_with_its_description(service: StandIn, tmp_path: Path) -> None:
    service.will("POST /v1/datasets/import", dataset_json(is_import=True), status=202)
    file = tmp_path / "rows.json.gz"
    file.write_bytes(gzip.compress(b"[]"))
    result = datasets(
        service, "import", str(file), "--name", "old", "--format", "alpaca", "--vicuna",
        "--max-characters", "900", "--skip-unreadable", "--licence", "mit", "--source", "a web",
        "--columns", '{"input": null}', "--json",
    )  # fmt: skip
    assert result.exit_code == ExitCode.OK, result.output
    assert json.loads(result.stdout)["id"] == "d1"
    (asked,) = service.asked_for("POST /v1/datasets/import")
    assert asked.query == {
        "name": "old",
        "format": "alpaca",
        "vicuna": "True",
        "most_characters": "900",
        "skip_unreadable": "True",
        "licence": "mit",
        "source": "a web",
        "columns": '{"input": null}',
    }
    assert asked.headers["content-type"] == "application/octet-stream"


def test_a_file_that_is_not_there_is_named(service: StandIn) -> None:
    result = datasets(service, "import", "none.json", "--name", "x", "--format", "alpaca")
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "none.json cannot be read" in result.stderr
    assert service.asked == []


def test_versions_are_listed_of_a_name(service: StandIn) -> None:
    service.will("GET /v1/datasets", {"items": [dataset_json()], "next_cursor": None})
    result = datasets(service, "list", "--name", "cooking", "--limit", "3")
    assert "d1" in result.stdout
    assert service.asked[0].query == {"name": "cooking", "limit": "3"}
    service.will("GET /v1/datasets", {"items": [], "next_cursor": None})
    assert "No data sets yet." in datasets(service, "list").stdout
    assert "name" not in service.asked[-1].query


def test_one_is_shown_with_what_its_filters_dropped(service: StandIn) -> None:
    service.will(GET, dataset_json())
    service.will(f"{GET}/manifest", {"dropped": {"refusal": {"sorry": 2}, "empty": {"no": 1}}})
    result = datasets(service, "show", "d1")
    assert result.stdout.index("dropped by empty") < result.stdout.index("dropped by refusal")
    assert '{"sorry": 2}' in result.stdout
    shown = json.loads(datasets(service, "show", "d1", "--json").stdout)
    assert shown["manifest"]["dropped"]["refusal"] == {"sorry": 2}


def test_one_that_is_not_ready_has_no_manifest_to_ask_for(service: StandIn) -> None:
    service.will(GET, dataset_json(state="making"))
    shown = json.loads(datasets(service, "show", "d1", "--json").stdout)
    assert shown["manifest"] == {}
    assert len(service.asked) == 1


def file_answer(content: bytes, *, promised: int | None = None, status: int = 200) -> Answer:
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    return Answer(content, status, content_length=promised, etag=tag)


def test_a_file_is_downloaded_and_verified(service: StandIn, tmp_path: Path) -> None:
    service.will(f"{GET}/download", file_answer(b"[1, 2]"))
    out = tmp_path / "new" / "out.json"
    result = datasets(service, "download", "d1", "--out", str(out), "--split", "test", "--json")
    assert result.exit_code == ExitCode.OK, result.output
    sha256 = hashlib.sha256(b"[1, 2]").hexdigest()
    assert json.loads(result.stdout) == {"file": str(out), "sha256": sha256, "size_bytes": 6}
    assert out.read_bytes() == b"[1, 2]"
    assert service.asked[0].query == {"format": "alpaca", "split": "test"}
    shown = datasets(service, "download", "d1", "--out", str(out)).stdout
    assert f"Wrote 6 bytes to {out}, SHA-256 {sha256}." in shown


def test_a_broken_download_is_resumed_where_it_broke(service: StandIn, tmp_path: Path) -> None:
    whole = b"0123456789"
    tag = f'"{hashlib.sha256(whole).hexdigest()}"'
    service.will(
        f"{GET}/download",
        Answer(whole[:4], content_length=10, etag=tag),
        Answer(whole[4:], 206, etag=tag),
    )
    out = tmp_path / "out.json"
    assert datasets(service, "download", "d1", "--out", str(out)).exit_code == ExitCode.OK
    assert out.read_bytes() == whole
    first, second = service.asked
    assert "range" not in first.headers
    assert second.headers["range"] == "bytes=4-"
    assert second.headers["if-range"] == tag


def test_a_file_that_changed_meanwhile_or_arrived_wrong_is_not_kept(
    service: StandIn, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    out.write_text("from before")
    service.will(
        f"{GET}/download", Answer(b"0123", content_length=10, etag='"a"'), file_answer(b"another")
    )
    result = datasets(service, "download", "d1", "--out", str(out))
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "The file has changed meanwhile" in result.stderr
    service.will(f"{GET}/download", Answer(b"x", etag='"b"'))
    result = datasets(service, "download", "d1", "--out", str(out))
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert "did not arrive complete" in result.stderr
    assert out.read_text() == "from before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_download_gives_up_after_five_tries(service: StandIn, tmp_path: Path) -> None:
    first = Answer(b"ab", content_length=100, etag='"a"')
    service.will(f"{GET}/download", first, Answer(b"cd", 206, content_length=100, etag='"a"'))
    result = datasets(service, "download", "d1", "--out", str(tmp_path / "x"))
    assert result.exit_code == ExitCode.SERVICE_FAILED
    assert [asked.headers.get("range") for asked in service.asked] == [
        None, "bytes=2-", "bytes=4-", "bytes=6-", "bytes=8-",
    ]  # fmt: skip


@pytest.mark.parametrize("part", ["report", "card"])
def test_the_report_or_the_card_is_written(service: StandIn, tmp_path: Path, part: str) -> None:
    service.will(f"{GET}/{part}", Answer(b"<html>", content_type="text/html"))
    out = tmp_path / "page"
    result = datasets(service, "report", "d1", "--part", part, "--out", str(out))
    assert f"Wrote the {part} to {out}." in result.stdout
    assert out.read_bytes() == b"<html>"


def test_two_versions_are_compared_by_counts(service: StandIn) -> None:
    service.will(GET, dataset_json())
    counts = {"added": 1200, "removed": 3, "changed": 0, "same": 9}
    service.will("GET /v1/datasets/d2/compare/d1", counts)
    result = datasets(service, "compare", "d1", "d2")
    assert result.stdout == "1,200 added · 3 removed · 0 changed · 9 same\n"


def test_one_is_deleted(service: StandIn) -> None:
    service.will("DELETE /v1/datasets/d1", Answer(b"", 204))
    result = datasets(service, "delete", "d1", "--json")
    assert json.loads(result.stdout) == {"deleted": "d1"}
    service.will("DELETE /v1/datasets/d1", {"detail": "A run reviews it."}, status=409)
    refused = datasets(service, "delete", "d1")
    assert (refused.exit_code, refused.stderr) == (ExitCode.BAD_USAGE, "A run reviews it.\n")


@pytest.mark.parametrize(("option", "private"), [((), True), (("--public",), False)])
def test_one_is_pushed_privately_unless_asked(
    service: StandIn, option: tuple[str, ...], private: bool
) -> None:
    service.will("POST /v1/datasets/d1/push", {"url": "https://hub/me/x", "commit": "c"})
    result = datasets(service, "push", "d1", "me/x", *option)
    assert result.stdout == "Pushed to https://hub/me/x.\n"
    assert service.asked[0].json == {"repo": "me/x", "private": private}
