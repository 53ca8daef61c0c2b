"""Data sets as a user has them: made of a run, taken in, downloaded, reported, compared."""

import gzip
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.stack.embedded import EmbeddedStack
from tests.acceptance.conftest import await_end, start

Json = dict[str, Any]
ROWS = [
    {"instruction": f"Name a fact about the number {n}.", "input": "", "output": f"It is {n}."}
    for n in range(300)
]


def await_ready(http: httpx.Client, dataset_id: str) -> Json:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        dataset: Json = http.get(f"/datasets/{dataset_id}").json()
        if dataset["state"] in {"ready", "failed"}:
            return dataset
        time.sleep(0.1)
    raise AssertionError(f"it is not made within a minute: {dataset}")


def take_in(http: httpx.Client, name: str, content: bytes, **query: str) -> Json:
    answer = http.post("/datasets/import", params={"name": name, **query}, content=content)
    assert answer.status_code in {200, 202}, answer.text
    assert answer.headers["Location"] == f"/v1/datasets/{answer.json()['id']}"
    return await_ready(http, answer.json()["id"])


@pytest.fixture(scope="module")
def taken_in(service: EmbeddedStack) -> Json:
    with httpx.Client(base_url=f"{service.api_url}/v1", trust_env=False) as http:
        return take_in(http, "numbers", json.dumps(ROWS).encode(), format="alpaca")


def test_a_run_becomes_a_version_with_a_manifest_a_report_and_a_card(http: httpx.Client) -> None:
    run_id = start(http, target=25, random_seed=4)
    assert await_end(http, run_id)["status"] == "succeeded"
    request = {
        "name": "grown",
        "recipe": {"sources": [{"run_id": run_id}], "split": {"test_share": 0.2}},
    }
    answer = http.post("/datasets", json=request)
    assert answer.status_code == 202, answer.text
    dataset = await_ready(http, answer.json()["id"])
    assert (dataset["state"], dataset["version"]) == ("ready", 1), dataset
    again = http.post("/datasets", json=request)
    assert (again.status_code, again.json()["id"]) == (200, dataset["id"])

    place = f"/datasets/{dataset['id']}"
    train = http.get(f"{place}/download", params={"split": "train"}).json()
    test = http.get(f"{place}/download", params={"split": "test"}).json()
    assert len(train) + len(test) == dataset["row_count"]
    assert test
    manifest = http.get(f"{place}/manifest").json()
    assert {file["name"] for file in manifest["files"]} == {
        "train.alpaca.json",
        "test.alpaca.json",
    }
    assert manifest["runs"][0]["run_id"] == run_id
    assert manifest["runs"][0]["models"] == ["scripted"]
    assert manifest["licence_unknown"]
    statistics = http.get(f"{place}/statistics").json()
    assert statistics["rows"] == dataset["row_count"]
    report = http.get(f"{place}/report")
    assert report.headers["Content-Type"].startswith("text/html")
    assert report.text.count("<svg") >= 3
    assert http.get(f"{place}/plots/lengths.svg").headers["Content-Type"] == "image/svg+xml"
    assert http.get(f"{place}/plots/nothing.svg").status_code == 404
    assert http.get(f"{place}/card").text.startswith("---\n")
    rows = http.get(f"{place}/rows", params={"limit": 1}).json()
    assert rows["items"][0]["origin"]["run_id"] == run_id
    following = http.get(f"{place}/rows", params={"limit": 1, "cursor": rows["next_cursor"]})
    assert following.json()["items"][0]["position"] == 1


def test_a_download_that_was_cut_off_goes_on_where_it_was(
    http: httpx.Client, taken_in: Json
) -> None:
    place = f"/datasets/{taken_in['id']}/download"
    whole = http.get(place, params={"format": "alpaca_jsonl"})
    etag = whole.headers["ETag"]
    assert etag == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    headers = {"Range": "bytes=1000-", "If-Range": etag}
    rest = http.get(place, params={"format": "alpaca_jsonl"}, headers=headers)
    assert rest.status_code == 206
    assert whole.content[:1000] + rest.content == whole.content
    other = {"Range": "bytes=1000-", "If-Range": '"another"'}
    assert http.get(place, params={"format": "alpaca_jsonl"}, headers=other).status_code == 200
    known = http.get(place, params={"format": "alpaca_jsonl"}, headers={"If-None-Match": etag})
    assert (known.status_code, known.content) == (304, b"")


def test_bad_input_is_a_clear_problem(http: httpx.Client, taken_in: Json) -> None:
    def refused(**query: str) -> Json:
        content = json.dumps(ROWS[:3]).encode()
        answer = http.post("/datasets/import", params={"name": "bad", **query}, content=content)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.status_code == 422, answer.text
        problem: Json = answer.json()
        return problem

    unknown = refused(format="word")
    assert unknown["faults"][0]["message"] == "unknown format 'word'"
    assert "alpaca" in unknown["detail"]
    columns = json.dumps({"instruction": "question"})
    missing = refused(format="alpaca", columns=columns)
    assert "question" in json.dumps(missing["faults"])
    assert refused(format="alpaca", columns="{")["faults"][0]["field"] == "columns"
    assert refused(format="csv", vicuna="true")["faults"][0]["field"] == "vicuna"
    empty = http.post("/datasets/import", params={"name": "bad", "format": "alpaca"}, content=b"")
    assert empty.status_code == 422
    cut = json.dumps(ROWS).encode()[:-2000]
    answer = http.post("/datasets/import", params={"name": "bad", "format": "alpaca"}, content=cut)
    assert answer.status_code == 422
    place = f"/datasets/{taken_in['id']}/download"
    assert http.get(place, params={"format": "word"}).status_code == 422
    assert http.get(place, params={"split": "test"}).status_code == 422
    assert http.get("/datasets/dataset_none/manifest").status_code == 404
    assert http.get("/datasets", params={"name": "bad"}).json()["items"] == []
    recipe = {"sources": [{"run_id": "run_none"}], "filters": {"unheard_of": True}}
    answer = http.post("/datasets", json={"name": "bad", "recipe": recipe})
    assert answer.json()["faults"][0]["field"] == "recipe.filters.unheard_of"


def test_versions_are_compared_and_deleted(http: httpx.Client, taken_in: Json) -> None:
    changed = [{**ROWS[0], "output": "It is nothing."}, *ROWS[2:]]
    packed = gzip.compress(json.dumps(changed).encode())
    other = take_in(http, "numbers", packed, format="alpaca")
    answer = http.get(f"/datasets/{other['id']}/compare/{taken_in['id']}").json()
    counts = {name: answer[name] for name in ("added", "removed", "changed", "same")}
    assert counts == {"added": 0, "removed": 1, "changed": 1, "same": 298}
    assert http.delete(f"/datasets/{other['id']}").status_code == 204
    assert http.get(f"/datasets/{other['id']}").status_code == 404
    assert http.get(f"/datasets/{other['id']}/download").status_code == 404


def test_from_the_command_line(service: EmbeddedStack, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    lines = [{"question": row["instruction"], "answer": row["output"]} for row in ROWS[:50]]
    file.write_text("\n".join([*map(json.dumps, lines), "broken"]))
    columns = json.dumps({"instruction": "question", "output": "answer", "input": None})

    def say(*words: str, code: int = 0) -> Any:
        command = ["datasets", *words, "--api", service.api_url, "--json"]
        answer = CliRunner().invoke(app, command)
        assert answer.exit_code == code, answer.output
        return json.loads(answer.stdout)

    taking = ("import", str(file), "--name", "asked", "--format", "jsonl", "--columns", columns)
    refused = say(*taking, code=2)
    assert refused["error"]["faults"][0]["line"] == 51
    asked = say(*taking, "--skip-unreadable")
    assert (asked["row_count"], asked["dropped_count"]) == (50, 1)
    made = say("make", asked["id"], "--name", "made", "--test-share", "0.1", "--licence", "mit")
    assert made["state"] == "ready"
    assert {one["id"] for one in say("list")} >= {asked["id"], made["id"]}
    assert say("show", made["id"])["manifest"]["licences"] == ["mit"]
    out = tmp_path / "out.parquet"
    reported = say("download", made["id"], "--out", str(out), "--format", "parquet")
    assert reported["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    say("report", made["id"], "--out", str(tmp_path / "report.html"))
    assert "<svg" in (tmp_path / "report.html").read_text()
    assert say("compare", asked["id"], made["id"])["removed"] == 50 - made["row_count"]
    assert "token" in say("push", made["id"], "owner/made", code=1)["error"]["message"]
    say("delete", made["id"])
    say("show", made["id"], code=4)
