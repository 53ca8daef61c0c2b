"""What a user may send wrongly: every fault named, nothing stored."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import Json, seed_tasks

JSONL = {"Content-Type": "application/jsonl"}
JSON = {"Content-Type": "application/json"}


def _line(**changes: Any) -> str:
    task = {
        "id": "a",
        "name": "a",
        "instruction": "Say something kind about rain.",
        "instances": [{"input": "", "output": "It waters the beans."}],
        "is_classification": False,
    }
    return json.dumps({k: v for k, v in {**task, **changes}.items() if v is not ...})


def _problem(answer: httpx.Response, status: int = 422) -> Json:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: Json = answer.json()
    assert set(problem) >= {"type", "title", "status", "detail", "instance", "faults"}
    return problem


@pytest.mark.parametrize(
    ("body", "line", "field"),
    [
        (b'{"instruction": "broken', 1, None),
        ((_line() + "\n" + _line(instruction=...)).encode(), 2, "instruction"),
        (_line(instruction="  ").encode(), 1, "instruction"),
        (_line(instruction=7).encode(), 1, "instruction"),
        (_line(is_classification="no").encode(), 1, "is_classification"),
        (_line(instances=[]).encode(), 1, "instances"),
        (_line(instances=[{"input": ""}]).encode(), 1, "instances[0].output"),
        (_line(instances=[{"input": "", "output": " "}]).encode(), 1, "instances[0].output"),
        (_line(instruction="NUL \x00 in it").encode(), 1, "instruction"),
        (b"\xff\xfe\n", 1, None),
        (("\n".join([_line(), _line(id="b")])).encode(), 2, "instruction"),
        (b"", None, None),
        (b"[1, 2]", 1, None),
    ],
    ids=[
        "broken line", "missing field", "empty field", "wrong type", "wrong type of a flag",
        "no instance", "no output", "empty output", "NUL", "not UTF-8", "duplicate", "no task",
        "not an object",
    ],
)  # fmt: skip
def test_a_broken_seed_set_is_refused_with_line_and_field(
    http: httpx.Client, body: bytes, line: int | None, field: str | None
) -> None:
    before = http.get("/seed-sets").json()["items"]
    fault = _problem(http.post("/seed-sets", content=body, headers=JSONL))["faults"][0]
    assert (fault["line"], fault["field"]) == (line, field)
    assert http.get("/seed-sets").json()["items"] == before


def test_all_the_faults_come_at_once_up_to_a_hundred(http: httpx.Client) -> None:
    body = "\n".join(_line(id=str(n), instruction="") for n in range(150)).encode()
    assert len(_problem(http.post("/seed-sets", content=body, headers=JSONL))["faults"]) == 100


def test_more_than_50_000_tasks_are_refused(http: httpx.Client) -> None:
    lines = (_line(id=str(n), instruction=f"Say {n} kind things of rain.") for n in range(50_001))
    problem = _problem(http.post("/seed-sets", content="\n".join(lines), headers=JSONL))
    assert "50,000" in problem["faults"][0]["message"]


def test_more_than_50_mb_are_refused(http: httpx.Client) -> None:
    body = b"[" + b" " * 52_000_000 + b"]"
    for path, kind in (("/seed-sets", JSONL), ("/runs", JSON)):
        problem = _problem(http.post(path, content=body, headers=kind), 413)
        assert "51,000,000 bytes" in problem["faults"][0]["message"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"target": 0}, "options.target"),
        ({"target": 10**9}, "options.target"),
        ({"profile": "best"}, "options.profile"),
        ({"classification_share": 1.5}, "options.classification_share"),
        ({"sampling": {"generate": {"temperature": 9}}}, "options.sampling.generate.temperature"),
        ({"random_seed": -1}, "options.random_seed"),
        ({"colour": "blue"}, "options.colour"),
        ({"profile": "paper", "language": "German"}, "options"),
        ({"target": "many"}, "options.target"),
        ({"model": "a\u0000b"}, "options.model"),
        ({"language": "Ger\u0000man"}, "options.language"),
    ],
)
def test_options_out_of_range_are_refused_by_name(
    http: httpx.Client, options: Json, field: str
) -> None:
    answer = http.post("/runs", json={"seed_tasks": seed_tasks()[:3], "options": options})
    assert _problem(answer)["faults"][0]["field"] == field


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"seed_set_id": "a", "seed_tasks": []}',
        b'{"seed_tasks": [3]}',
    ],
)
def test_a_run_without_sound_seeds_is_refused(http: httpx.Client, body: bytes) -> None:
    before = http.get("/runs", params={"limit": 1}).json()["items"]
    _problem(http.post("/runs", content=body, headers=JSON))
    after = http.get("/runs", params={"limit": 1}).json()["items"]
    assert [run["id"] for run in after] == [run["id"] for run in before]


@pytest.mark.parametrize(
    "ask",
    [
        lambda http: http.get("/runs/run_nowhere"),
        lambda http: http.get("/runs/run_nowhere/dataset"),
        lambda http: http.get("/runs/run_nowhere/instructions"),
        lambda http: http.post("/runs/run_nowhere/cancel"),
        lambda http: http.get("/seed-sets/seeds_nowhere"),
        lambda http: http.post("/runs", json={"seed_set_id": "seeds_nowhere"}),
        lambda http: http.get("/nothing/here"),
        lambda http: http.get("/runs/a%00b"),
        lambda http: http.get("/seed-sets/%00"),
    ],
)
def test_an_unknown_id_is_404(
    http: httpx.Client, ask: Callable[[httpx.Client], httpx.Response]
) -> None:
    _problem(ask(http), 404)


@pytest.mark.parametrize(
    "cursor", ["nonsense", "", "W10", "WyJhIiwgImIiXQ", "é", "WzVd", "WyJcdTAwMDAiXQ"]
)
def test_a_cursor_that_is_not_ours_is_refused(http: httpx.Client, cursor: str) -> None:
    _problem(http.get("/runs", params={"cursor": cursor}))


def test_the_openapi_examples_work_when_pasted(http: httpx.Client) -> None:
    document = httpx.get(f"{str(http.base_url).removesuffix('v1/')}openapi.json").json()
    run = document["components"]["schemas"]["RunPost"]["examples"][0]
    assert http.post("/runs", json=run).status_code == 202
    bodies = document["paths"]["/v1/seed-sets"]["post"]["requestBody"]["content"]
    as_json = http.post("/seed-sets", json=bodies["application/json"]["example"])
    lines = bodies["application/jsonl"]["example"]
    as_lines = http.post("/seed-sets", content=lines, headers=JSONL)
    assert {as_json.status_code, as_lines.status_code} <= {200, 201}
    assert as_json.json()["id"] == as_lines.json()["id"]


def test_the_openapi_document_describes_every_field_of_a_seed_task(http: httpx.Client) -> None:
    document = httpx.get(f"{str(http.base_url).removesuffix('v1/')}openapi.json").json()
    schemas = document["components"]["schemas"]
    body = document["paths"]["/v1/seed-sets"]["post"]["requestBody"]["content"]["application/json"]
    reference = {"$ref": "#/components/schemas/SeedTaskIn"}
    assert body["schema"]["properties"]["tasks"]["items"] == reference
    assert reference in [
        one.get("items") for one in schemas["RunPost"]["properties"]["seed_tasks"]["anyOf"]
    ]
    task = schemas["SeedTaskIn"]
    assert set(task["properties"]) == set(seed_tasks()[0])
    assert task["required"] == ["instruction", "instances", "is_classification"]
    instance = schemas["InstanceIn"]
    assert instance["required"] == ["input", "output"]
    for schema in (task, instance):
        assert all(field["description"] for field in schema["properties"].values())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tasks": "none"}, "tasks"),
        ({}, "tasks"),
        ({"tasks": [], "name": ""}, "name"),
        ({"tasks": [], "name": "a\nb"}, "name"),
        ([], None),
    ],
)
def test_a_json_body_that_is_no_seed_set_is_refused_by_field(
    http: httpx.Client, body: Any, field: str | None
) -> None:
    fault = _problem(http.post("/seed-sets", json=body))["faults"][0]
    assert fault["field"] == field
