"""The routes of runs and seed sets: start once, list, control, and read what a run contains."""

import json
from typing import Any

import pytest

from app.api.examples import RUN, SEED_SET, SEED_TASKS_JSONL
from tests.unit.api.conftest import Service

JSON_LINES = {"Content-Type": "application/jsonl"}


def started(service: Service, **changes: Any) -> dict[str, Any]:
    answer = service.http.post("/v1/runs", json={**RUN, **changes})
    assert answer.status_code == 202, answer.text
    run: dict[str, Any] = answer.json()
    return run


def the_run(service: Service) -> dict[str, Any]:
    (run,) = service.http.get("/v1/runs").json()["items"]
    assert isinstance(run, dict)
    return run


def test_a_seed_set_is_stored_once_from_either_form(service: Service) -> None:
    first = service.http.post("/v1/seed-sets", json=SEED_SET, params={"name": "other"})
    assert first.status_code == 201
    stored = first.json()
    assert (stored["name"], stored["task_count"]) == ("two to begin with", 2)
    assert first.headers["Location"] == f"/v1/seed-sets/{stored['id']}"
    assert service.http.get(first.headers["Location"]).json() == stored

    again = service.http.post("/v1/seed-sets", content=SEED_TASKS_JSONL, headers=JSON_LINES)
    assert (again.status_code, again.json()["id"]) == (200, stored["id"])
    assert service.http.get("/v1/seed-sets").json() == {"items": [stored], "next_cursor": None}


def test_json_lines_are_named_by_the_query_and_keep_their_licence(service: Service) -> None:
    answer = service.http.post(
        "/v1/seed-sets",
        content=SEED_TASKS_JSONL,
        params={"name": "lines", "licence": "mit"},
        headers=JSON_LINES,
    )
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["licence"]) == ("lines", "mit")


def test_a_json_body_without_a_name_is_named_by_the_query(service: Service) -> None:
    answer = service.http.post(
        "/v1/seed-sets",
        content=json.dumps({"tasks": SEED_SET["tasks"]}),
        params={"name": "query"},
        headers={"Content-Type": " Application/JSON ; charset=utf-8"},
    )
    assert answer.json()["name"] == "query"


@pytest.mark.parametrize(
    ("body", "detail", "field"),
    [
        (b"{", "The body is not JSON.", None),
        (b'{"name": "a"}', "The body is not a seed set.", "tasks"),
        (b'{"name": "", "tasks": []}', "The body is not a seed set.", "name"),
    ],
)
def test_a_faulty_json_body_is_refused(
    service: Service, body: bytes, detail: str, field: str | None
) -> None:
    answer = service.http.post(
        "/v1/seed-sets", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)
    assert answer.json()["faults"][0]["field"] == field
    assert service.http.get("/v1/seed-sets").json()["items"] == []


def test_faults_in_lines_name_line_and_field(service: Service) -> None:
    content = f"{SEED_TASKS_JSONL}\n{{}}"
    answer = service.http.post("/v1/seed-sets", content=content, headers=JSON_LINES)
    assert answer.status_code == 422
    assert {fault["line"] for fault in answer.json()["faults"]} == {3}
    assert "instruction" in {fault["field"] for fault in answer.json()["faults"]}


def test_a_run_is_stored_queued_and_sent_to_a_worker(service: Service) -> None:
    headers = {"Idempotency-Key": "k"}
    answer = service.http.post("/v1/runs", json=RUN, headers=headers)
    assert answer.status_code == 202
    run = answer.json()
    assert answer.headers["Location"] == f"/v1/runs/{run['id']}"
    assert (run["status"], run["options"]["target"], run["options"]["random_seed"]) == (
        "queued", 10, 7,
    )  # fmt: skip
    assert service.sent == [("run", run["id"])]
    assert service.http.get(answer.headers["Location"]).json()["id"] == run["id"]
    assert service.http.post("/v1/runs", json=RUN, headers=headers).json()["id"] == run["id"]
    other = {**RUN, "options": {"target": 11}}
    assert service.http.post("/v1/runs", json=other, headers=headers).status_code == 409


def test_a_seed_set_is_read_from_files_of_other_forms(service: Service) -> None:
    rows = [{"instruction": "Name a sea.", "input": "", "output": "The Baltic."}]
    bodies = [
        (json.dumps(rows), "application/json"),
        (json.dumps({"seed_tasks": rows}), "application/json"),
        ("instruction,output\nName a sea.,The Baltic.\n", "text/csv"),
    ]
    ids = set()
    for body, media_type in bodies:
        headers = {"Content-Type": media_type}
        answer = service.http.post("/v1/seed-sets", content=body, headers=headers)
        assert answer.status_code in {200, 201}, answer.text
        assert "is_classification" in answer.json()["notes"][-1]
        ids.add(answer.json()["id"])
    # Tasks without an id get that of their place; the first line of the table is its header.
    assert len(ids) == 2
    headers = {"Content-Type": "text/plain"}
    refused = service.http.post("/v1/seed-sets", content="Name a sea.\n", headers=headers)
    assert refused.status_code == 422
    assert "plain lines of text" in refused.json()["faults"][0]["message"]


def test_a_run_grows_a_stored_seed_set_within_its_budget(service: Service) -> None:
    seed_set = service.http.post("/v1/seed-sets", json=SEED_SET).json()
    answer = service.http.post(
        "/v1/runs", json={"seed_set_id": seed_set["id"], "budget": {"max_calls": 5}}
    )
    assert answer.status_code == 202
    run = answer.json()
    assert run["seed_set_id"] == seed_set["id"]
    assert run["budget"]["caps"]["calls"] == 5
    for params, ids in (
        ({"seed_set_id": seed_set["id"]}, [run["id"]]),
        ({"seed_set_id": "seeds_other"}, []),
        ({"dataset_id": "dataset_other"}, []),
        ({"status": "queued"}, [run["id"]]),
        ({"status": "paused"}, []),
    ):
        found = service.http.get("/v1/runs", params=params).json()["items"]
        assert [one["id"] for one in found] == ids, params


def test_a_run_with_a_training_stores_a_job_that_waits(service: Service) -> None:
    run = started(service, training={"dataset_name": "grown"})
    (job,) = service.http.get("/v1/training-jobs").json()["items"]
    assert (job["run_id"], job["status"]) == (run["id"], "queued")


@pytest.mark.parametrize(
    "sources", [{}, {"seed_tasks": RUN["seed_tasks"], "seed_set_id": "seeds_1"}]
)
def test_a_run_has_one_source(service: Service, sources: dict[str, Any]) -> None:
    answer = service.http.post("/v1/runs", json=sources)
    assert answer.status_code == 422
    (fault,) = answer.json()["faults"]
    assert fault["message"] == "give one of seed_set_id, seed_tasks and dataset_id"


def test_a_dry_run_only_estimates(service: Service) -> None:
    answer = service.http.post("/v1/runs", json={**RUN, "dry_run": True})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["calls"] > 0
    assert service.http.get("/v1/runs").json()["items"] == []
    assert service.sent == []


def test_a_run_is_paused_resumed_and_cancelled(service: Service) -> None:
    address = f"/v1/runs/{started(service)['id']}"
    service.sent.clear()
    for action, status in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        answer = service.http.post(f"{address}/{action}")
        assert (answer.status_code, answer.json()["status"]) == (202, status)
    assert service.sent == [("run", address.rpartition("/")[2])] * 3
    refused = service.http.post(f"{address}/resume")
    assert refused.status_code == 409
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_a_run_is_extended_once_an_estimate_was_seen(grown_service: Service) -> None:
    run = the_run(grown_service)
    address = f"/v1/runs/{run['id']}/extend"
    estimate = grown_service.http.post(address, json={"target": 8, "dry_run": True})
    assert (estimate.status_code, grown_service.sent) == (200, [])
    assert "calls" in estimate.json()
    assert the_run(grown_service)["options"]["target"] == 6
    answer = grown_service.http.post(address, json={"target": 8, "budget": {"max_calls": 999}})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert the_run(grown_service)["options"]["target"] == 8
    assert the_run(grown_service)["budget"]["caps"]["calls"] == 999
    assert grown_service.sent == [("run", run["id"])]


def test_batches_are_listed_and_can_only_be_stopped_where_there_are_some(service: Service) -> None:
    address = f"/v1/runs/{started(service, options={'batch': 'all_stages'})['id']}/batches"
    assert service.http.get(address).json() == {"items": [], "next_cursor": None}
    service.sent.clear()
    answer = service.http.post(f"{address}/stop")
    assert answer.status_code == 202, answer.text
    assert service.sent == [("run", answer.json()["id"])]


def test_what_a_run_contains_is_read_page_by_page(grown_service: Service) -> None:
    address = f"/v1/runs/{the_run(grown_service)['id']}"
    for part, fields in (
        ("instructions", {"text"}),
        ("instances", {"input", "output"}),
        ("completions", {"prompt", "model"}),
    ):
        page = grown_service.http.get(f"{address}/{part}", params={"limit": 2}).json()
        assert len(page["items"]) == 2, part
        assert fields <= set(page["items"][0]), part
        rest = grown_service.http.get(f"{address}/{part}", params={"cursor": page["next_cursor"]})
        assert rest.json()["items"][0] not in page["items"]
    replies = grown_service.http.get(f"{address}/completions").json()["items"]
    # Replies are listed as they came, which need not be the order of what was asked.
    about = {(one["stage"], one["ticket"], one["sequence"]) for one in replies}
    assert about >= {("generate", 0, None), ("classify", None, 0)}
    page = grown_service.http.get(f"{address}/rejections").json()
    assert all(one["reason"] for one in page["items"])
    assert grown_service.http.get(f"{address}/nothing").status_code == 404


@pytest.mark.parametrize("follow", [False, True])
def test_the_rows_of_a_run_are_downloaded_as_alpaca_json(
    grown_service: Service, follow: bool
) -> None:
    run_id = the_run(grown_service)["id"]
    answer = grown_service.http.get(f"/v1/runs/{run_id}/dataset", params={"follow": follow})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{run_id}.alpaca.json"'
    assert {tuple(row) for row in answer.json()} == {("instruction", "input", "output")}


@pytest.mark.parametrize("path", ["runs/none", "seed-sets/none", "runs/none/events"])
def test_what_is_not_there_is_not_found(service: Service, path: str) -> None:
    answer = service.http.get(f"/v1/{path}")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")
    assert answer.json()["instance"] == f"/v1/{path}"


def test_pages_have_their_limits(service: Service) -> None:
    for path, least, most in (("runs", 1, 100), ("seed-sets", 1, 1000), ("datasets", 1, 1000)):
        for limit, status in ((least - 1, 422), (least, 200), (most, 200), (most + 1, 422)):
            answer = service.http.get(f"/v1/{path}", params={"limit": limit})
            assert answer.status_code == status, (path, limit)
