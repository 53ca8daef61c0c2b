"""Training jobs over HTTP, with a trainer that follows a script."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.api.context import ApiContext, Following
from app.api.examples import RUN
from app.llm.scripted.model import reply
from app.services.context import ServiceContext
from app.services.training.jobs import work
from tests.bench import OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.dataset_versions import ROWS, imported
from tests.scripted_trainer import ScriptedTrainer
from tests.servers.api import running_api

pytestmark = MOSTLY_POSTGRESQL


class Service:
    """The API, a data set in it, and the tasks that it queued for workers."""

    def __init__(
        self, context: ServiceContext, address: str, dataset_id: str, sent: list[str]
    ) -> None:
        self.context = context
        self.http = httpx.Client(base_url=address, timeout=20, trust_env=False)
        self.dataset_id = dataset_id
        self.sent = sent

    def start(self, **headers: str) -> httpx.Response:
        body = {"dataset_id": self.dataset_id, "options": {"base_model": "tiny"}}
        return self.http.post("/v1/training-jobs", json=body, headers=headers)

    def train(self, job_id: str, trainer: ScriptedTrainer | None = None) -> None:
        work.work_on_job(self.context, job_id, lambda: False, trainer or ScriptedTrainer())


@pytest.fixture
def service(open_bench: OpenBench, tmp_path: Path) -> Iterator[Service]:
    sent: list[str] = []
    with open_bench(reply, files_dir=tmp_path / "data" / "files") as bench:
        dataset = imported(bench.context, ROWS)
        context = ApiContext(
            bench.context,
            send=lambda _: None,
            broker_trouble=lambda: None,
            send_training_job=sent.append,
            following=Following(poll_s=0.05, ping_s=0.3),
        )
        with running_api(context) as api:
            service = Service(
                bench.context, str(api.http.base_url.copy_with(path="/")), dataset.id, sent
            )
            with service.http:
                yield service


def test_one_post_starts_a_job_whose_address_tells_how_it_is(service: Service) -> None:
    answer = service.start(**{"Idempotency-Key": "k"})
    assert answer.status_code == 202
    address, job = answer.headers["Location"], answer.json()
    assert (job["status"], job["step"], service.sent) == ("queued", 0, [job["id"]])
    assert service.start(**{"Idempotency-Key": "k"}).json()["id"] == job["id"]
    service.train(job["id"])
    done = service.http.get(address).json()
    assert (done["status"], done["step"], done["steps"]) == ("succeeded", 6, 6)
    assert "begins at 0" in done["log_tail"]
    assert done["evaluation"]["words"][0].startswith("Answers that are exactly the reference rise")
    (listed,) = service.http.get("/v1/training-jobs").json()["items"]
    assert listed["id"] == job["id"]
    assert "log_tail" not in listed
    page = service.http.get(f"{address}/report")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Evaluation report" in page.text
    (output,) = service.http.get(f"{address}/outputs").json()
    assert service.http.get(f"{address}/outputs/{output['name']}").content == b'{"rows": 7}'


def test_steps_are_streamed_while_they_happen_and_the_stream_ends_with_the_job(
    service: Service,
) -> None:
    job_id = service.start().json()["id"]
    worker = threading.Thread(
        target=service.train, args=(job_id, ScriptedTrainer(steps=5, step_s=0.3))
    )
    address = f"/v1/training-jobs/{job_id}/events"
    stream = {"Accept": "text/event-stream"}
    with service.http.stream("GET", address, headers=stream) as answer:
        worker.start()
        text = "".join(answer.iter_text())
    worker.join()
    assert text.count("event: step\n") == 5
    assert text.rstrip().splitlines()[-1].startswith('data: {"id":')
    assert '"status":"succeeded"' in text.rstrip().splitlines()[-1]
    ids = re.findall(r"^id: (\d+)$", text, re.MULTILINE)
    again = service.http.get(address, headers={**stream, "Last-Event-ID": ids[-1]})
    assert again.status_code == 204
    rest = service.http.get(address, headers={**stream, "Last-Event-ID": ids[0]})
    assert re.findall(r"^id: (\d+)$", rest.text, re.MULTILINE) == ids[1:]
    page = service.http.get(address)
    # The same address has two answers, which a cache must tell apart.
    assert page.headers["Vary"] == "Accept"
    kinds = [event["kind"] for event in page.json()["items"]]
    assert kinds == ["status", "status", *["step"] * 5, "status"]


def test_a_job_is_cancelled_and_goes_on(service: Service) -> None:
    job_id = service.start().json()["id"]
    address = f"/v1/training-jobs/{job_id}"
    assert service.http.post(f"{address}/cancel").json()["status"] == "cancelled"
    answer = service.http.post(f"{address}/resume")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert service.sent == [job_id, job_id]
    service.train(job_id)
    assert service.http.post(f"{address}/cancel").status_code == 409
    assert service.http.post(f"{address}/resume").status_code == 409


def test_what_is_not_there_or_not_right_is_a_problem(service: Service) -> None:
    http = service.http
    assert http.get("/v1/training-jobs/training_none").status_code == 404
    assert http.post("/v1/training-jobs", json={"dataset_id": "none"}).status_code == 422
    assert http.post("/v1/training-jobs", json={"options": {}}).status_code == 422
    job_id = service.start().json()["id"]
    assert http.get(f"/v1/training-jobs/{job_id}/report").status_code == 409
    assert http.get(f"/v1/training-jobs/{job_id}/outputs").json() == []
    for name in ("nothing", "../checkpoint.json", "%2e%2e/checkpoint.json"):
        assert http.get(f"/v1/training-jobs/{job_id}/outputs/{name}").status_code == 404


def test_a_run_may_name_a_training_that_waits_for_it(service: Service) -> None:
    body = {"seed_tasks": RUN["seed_tasks"], "training": {"options": {"method": {"name": "dora"}}}}
    dry = service.http.post("/v1/runs", json={**body, "dry_run": True})
    assert dry.status_code == 200
    assert service.http.get("/v1/training-jobs").json()["items"] == []

    run = service.http.post("/v1/runs", json=body).json()
    (job_id,) = run["training_job_ids"]
    job = service.http.get(f"/v1/training-jobs/{job_id}").json()
    assert (job["run_id"], job["dataset_id"], job["status"]) == (run["id"], None, "queued")
    assert job["options"]["method"]["name"] == "dora"

    wrong = {**body, "training": {"options": {"method": {"name": "magic"}}}}
    refused = service.http.post("/v1/runs", json=wrong)
    assert refused.status_code == 422
    assert refused.json()["faults"][0]["field"] == "training.options.method.name"


def test_a_training_may_name_a_run_in_place_of_a_data_set(service: Service) -> None:
    run = service.http.post("/v1/runs", json={"seed_tasks": RUN["seed_tasks"]}).json()
    body = {"run_id": run["id"], "dataset_name": "grown", "options": {"seed": 3}}
    key = {"Idempotency-Key": "k"}
    answer = service.http.post("/v1/training-jobs", json=body, headers=key)
    job = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (
        202,
        f"/v1/training-jobs/{job['id']}",
    )
    assert (job["run_id"], job["dataset_id"], job["status"]) == (run["id"], None, "queued")
    assert service.http.post("/v1/training-jobs", json=body, headers=key).json() == job
    seen = service.http.get(f"/v1/runs/{run['id']}").json()
    assert seen["training_job_ids"] == [job["id"]]

    for wrong in (
        {**body, "dataset_id": service.dataset_id},
        {"dataset_id": service.dataset_id, "dataset_name": "grown"},
        {"dataset_id": service.dataset_id, "recipe": {}},
        {**body, "run_id": "run_none"},
        {**body, "options": {"task": "labels", "review_run_id": run["id"]}},
        {},
    ):
        assert service.http.post("/v1/training-jobs", json=wrong).status_code == 422


def test_a_download_that_was_cut_off_goes_on_and_one_that_is_there_is_not_sent_again(
    service: Service,
) -> None:
    job_id = service.start().json()["id"]
    service.train(job_id)
    (output,) = service.http.get(f"/v1/training-jobs/{job_id}/outputs").json()
    address = f"/v1/training-jobs/{job_id}/outputs/{output['name']}"
    whole = service.http.get(address)
    tag = f'"{output["sha256"]}"'
    assert (whole.headers["ETag"], whole.headers["Content-SHA256"]) == (tag, output["sha256"])
    rest = service.http.get(address, headers={"Range": "bytes=4-", "If-Range": tag})
    assert (rest.status_code, rest.content) == (206, whole.content[4:])
    other = service.http.get(address, headers={"Range": "bytes=4-", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)
    assert service.http.get(address, headers={"If-None-Match": tag}).status_code == 304


def test_what_a_job_left_is_removed_on_request(service: Service) -> None:
    job_id = service.start().json()["id"]
    address = f"/v1/training-jobs/{job_id}/outputs"
    assert service.http.delete(address).status_code == 409
    service.train(job_id)
    (output,) = service.http.get(address).json()
    assert service.http.delete(address).status_code == 204
    assert service.http.get(address).json() == []
    assert service.http.get(f"{address}/{output['name']}").status_code == 404
    assert service.http.delete("/v1/training-jobs/training_none/outputs").status_code == 404
