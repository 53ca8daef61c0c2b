"""The routes of training jobs and evaluations: start once, control, outputs, human reviews."""

import csv
import io
from typing import Any

import pytest

from app.services.training.jobs import work
from tests.review_runs import some_rows, stored
from tests.scripted_trainer import ScriptedTrainer
from tests.unit.api.conftest import Service

OPTIONS = {"base_model": "tiny"}


def posted(service: Service, **body: Any) -> str:
    """The address of a new training job."""
    dataset_id = stored(service.context.database, some_rows(6))
    answer = service.http.post(
        "/v1/training-jobs", json={"dataset_id": dataset_id, "options": OPTIONS, **body}
    )
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


def trained(service: Service, address: str) -> None:
    trainer = ScriptedTrainer(steps=2, tasks=4, keeps_answers=True)
    work.work_on_job(service.context, address.rpartition("/")[2], lambda: False, trainer)


def test_a_job_is_stored_once_and_sent_to_a_worker(service: Service) -> None:
    dataset_id = stored(service.context.database, some_rows(6))
    body, headers = {"dataset_id": dataset_id, "options": OPTIONS}, {"Idempotency-Key": "k"}
    answer = service.http.post("/v1/training-jobs", json=body, headers=headers)
    job = answer.json()
    assert (answer.status_code, job["status"], job["kind"]) == (202, "queued", "training")
    assert answer.headers["Location"] == f"/v1/training-jobs/{job['id']}"
    assert service.sent == [("training job", job["id"])]
    again = service.http.post("/v1/training-jobs", json=body, headers=headers)
    assert again.json()["id"] == job["id"]


def test_an_evaluation_is_listed_with_the_training_jobs(service: Service) -> None:
    address = posted(service)
    dataset_id = service.http.get(address).json()["dataset_id"]
    body = {"dataset_id": stored(service.context.database, some_rows(4)), "options": OPTIONS}
    answer = service.http.post("/v1/evaluations", json=body)
    assert (answer.status_code, answer.json()["kind"]) == (202, "evaluation")
    for params, kinds in (
        ({}, ["evaluation", "training"]),
        ({"kind": "training"}, ["training"]),
        ({"kind": "evaluation"}, ["evaluation"]),
        ({"dataset_id": dataset_id}, ["training"]),
        ({"limit": 1}, ["evaluation"]),
    ):
        found = service.http.get("/v1/training-jobs", params=params).json()["items"]
        assert [job["kind"] for job in found] == kinds, params


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "give either dataset_id or run_id"),
        ({"dataset_id": "a", "run_id": "b"}, "give either dataset_id or run_id"),
        ({"dataset_id": "a", "dataset_name": "n"}, "dataset_name and recipe are for what is made"),
        ({"dataset_id": "a", "recipe": {}}, "dataset_name and recipe are for what is made"),
        ({"run_id": "b", "options": {"task": "labels", "review_run_id": "r"}}, "no review yet"),
        ({"dataset_id": "a" * 41}, "at most 40 characters"),
        ({"run_id": "a" * 41}, "at most 40 characters"),
    ],
)
def test_a_job_has_one_source(service: Service, body: dict[str, Any], message: str) -> None:
    answer = service.http.post("/v1/training-jobs", json=body)
    assert answer.status_code == 422
    assert message in answer.text


def test_a_run_is_trained_on_when_its_data_set_is_made(grown_service: Service) -> None:
    (run,) = grown_service.http.get("/v1/runs").json()["items"]
    body = {"run_id": run["id"], "dataset_name": "grown", "recipe": {"licence": "mit"}}
    answer = grown_service.http.post("/v1/training-jobs", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["run_id"] == run["id"]
    assert grown_service.sent == [("training job", answer.json()["id"])]


def test_a_job_is_cancelled_and_resumed(service: Service) -> None:
    address = posted(service)
    assert service.http.post(f"{address}/cancel").json()["status"] == "cancelled"
    answer = service.http.post(f"{address}/resume")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert len(service.sent) == 2
    trained(service, address)
    assert service.http.post(f"{address}/resume").status_code == 409


def test_a_trained_job_offers_report_and_outputs(service: Service) -> None:
    address = posted(service)
    answer = service.http.get(f"{address}/report")
    assert (answer.status_code, answer.json()["detail"]) == (
        409, "The training job is queued and has no evaluation.",
    )  # fmt: skip
    trained(service, address)
    page = service.http.get(f"{address}/report")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Evaluation report" in page.text
    outputs = {one["name"]: one for one in service.http.get(f"{address}/outputs").json()}
    file = service.http.get(f"{address}/outputs/adapter.json")
    assert file.json() == {"rows": 6}
    assert file.headers["ETag"] == f'"{outputs["adapter.json"]["sha256"]}"'
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert 'filename="adapter.json"' in file.headers["Content-Disposition"]
    assert service.http.get(f"{address}/outputs/none").status_code == 404
    events = service.http.get(f"{address}/events")
    assert events.headers["Vary"] == "Accept"
    kinds = [event["kind"] for event in events.json()["items"]]
    assert kinds == ["status", "status", "step", "step", "status"]
    stream = service.http.get(f"{address}/events", headers={"Accept": "text/event-stream"})
    assert stream.text.count("event: step\n") == 2
    assert service.http.delete(f"{address}/outputs").status_code == 204
    assert service.http.get(f"{address}/outputs").json() == []


def test_sheets_are_downloaded_filled_and_removed(service: Service) -> None:
    address = posted(service)
    assert service.http.get(f"{address}/sheet").status_code == 409
    trained(service, address)
    sheet = service.http.get(f"{address}/sheet")
    assert sheet.headers["Content-Type"].startswith("text/csv")
    assert sheet.headers["Content-Disposition"] == 'attachment; filename="sheet.csv"'
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"), newline="")))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows({**row, "rating": "B"} for row in rows)
    answer = service.http.put(f"{address}/reviews/Ada", content=text.getvalue().encode())
    assert (answer.status_code, len(answer.json()["reviewers"])) == (200, 1)
    bad = service.http.put(f"{address}/reviews/Bo", content=b"nothing")
    assert bad.status_code == 422
    assert service.http.put(f"{address}/reviews/{'x' * 101}", content=b"").status_code == 422
    assert service.http.put(f"{address}/reviews/a%07", content=b"").status_code == 422
    assert service.http.delete(f"{address}/reviews/Ada").status_code == 204
    assert service.http.delete(f"{address}/reviews/Ada").status_code == 404
