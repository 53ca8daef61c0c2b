"""Training by other programs: files with checksums, and the answer of a webhook."""

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import yaml

from app.api.context import ApiContext
from app.errors import InvalidInput
from app.llm.scripted.model import reply
from app.services.context import ServiceContext, Webhook, open_service_context
from app.services.training.jobs import control, work
from app.services.training.jobs.requests import TrainingRequest
from app.settings import Settings
from app.store.tables.datasets import Dataset
from app.store.tables.training import TrainingJob
from app.training.plain.options import EvaluationJobOptions, TrainingOptions
from tests.bench import Bench, OpenBench, after_looks
from tests.conftest import MOSTLY_POSTGRESQL
from tests.dataset_versions import ROWS, imported
from tests.servers.api import running_api
from tests.servers.hook import SECRET, Hook, Reply, running_hook

pytestmark = MOSTLY_POSTGRESQL


@pytest.fixture
def bench(open_bench: OpenBench, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(reply, files_dir=tmp_path / "data" / "files", lease_s=5) as bench:
        yield bench


@pytest.fixture
def dataset(bench: Bench) -> Dataset:
    return imported(bench.context, ROWS)


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Python takes for a package that is not there.
    for name in ("torch", "transformers", "peft"):
        monkeypatch.setitem(sys.modules, name, None)


def started(context: ServiceContext, dataset: Dataset, **options: Any) -> TrainingJob:
    chosen = TrainingOptions.model_validate({"base_model": "owner/model", **options})
    return control.create_job(context, TrainingRequest(dataset.id, chosen), None)


def worked_on(
    context: ServiceContext, job: TrainingJob, stop: Callable[[], bool] = lambda: False
) -> TrainingJob:
    work.work_on_job(context, job.id, stop)
    return control.get_job(context, job.id)


def hooked(context: ServiceContext, hook: Hook, **changes: Any) -> ServiceContext:
    pace = {"timeout_s": 2, "first_wait_s": 0.05, "longest_wait_s": 0.1, **changes}
    return replace(context, training_webhook=Webhook(hook.url, SECRET, **pace))


@pytest.mark.usefixtures("without_the_extra")
@pytest.mark.parametrize("where", ["llama_factory", "axolotl"])
def test_a_worker_without_the_extra_writes_for_other_trainers(
    bench: Bench, dataset: Dataset, where: str
) -> None:
    done = worked_on(bench.context, started(bench.context, dataset, where=where))
    assert (done.status, done.message, done.evaluation) == ("succeeded", None, None)
    outputs = {one.name: one for one in control.outputs(bench.context, done.id)}
    assert {"README.md", f"{where}.yaml", "data/train.jsonl"} <= set(outputs)
    for name, output in outputs.items():
        content = control.output_file(bench.context, done.id, name).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (
            output.sha256,
            output.size_bytes,
        )
    reported = yaml.safe_load(
        control.output_file(bench.context, done.id, f"{where}.yaml").read_text()
    )
    assert "owner/model" in reported.values()


@pytest.mark.usefixtures("without_the_extra")
def test_a_webhook_gets_the_job_and_the_address_of_its_rows(bench: Bench, dataset: Dataset) -> None:
    general = imported(bench.context, ROWS, name="general")
    data = {"replay_share": 0.1, "replay_dataset_id": general.id}
    job = started(bench.context, dataset, where="webhook", data=data, method={"name": "adalora"})
    with running_hook(Reply(503), Reply(500), Reply(202, "run 17")) as hook:
        done = worked_on(hooked(bench.context, hook), job)
        api = ApiContext(bench.context, send=lambda _: None, broker_trouble=lambda: None)
        with running_api(api) as service:
            (reported, *_) = hook.calls
            address = str(service.http.base_url)
            rows = service.http.get(urljoin(address, reported["dataset"]["download_path"]))
            seen = service.http.get(urljoin(address, reported["job_path"]))
    assert (done.status, done.message) == ("succeeded", None)
    assert "The webhook accepted the job: it answered 202: run 17." in done.log_tail
    assert hook.ids == [job.id] * 3
    assert (reported["job_id"], reported["options"]["method"]["name"]) == (job.id, "adalora")
    assert (reported["dataset"]["id"], reported["dataset"]["name"]) == (dataset.id, "ours")
    assert [one["id"] for one in reported["other_datasets"]] == [general.id]
    assert len(rows.text.splitlines()) == reported["dataset"]["rows"] == dataset.row_count
    assert seen.json()["id"] == job.id
    (output,) = control.outputs(bench.context, job.id)
    kept = control.output_file(bench.context, job.id, output.name).read_text()
    assert '"answer": "run 17"' in kept
    assert SECRET not in kept


def test_a_refusal_is_the_jobs_reason_and_resuming_asks_again(
    bench: Bench, dataset: Dataset
) -> None:
    job = started(bench.context, dataset, where="webhook")
    with running_hook(Reply(403, "the queue \0 is closed"), Reply(200)) as hook:
        context = hooked(bench.context, hook)
        failed = worked_on(context, job)
        assert (failed.status, failed.message) == (
            "failed",
            "The webhook rejected the job: it answered 403: the queue is closed.",
        )
        control.resume_job(context, job.id)
        assert worked_on(context, job).status == "succeeded"


def test_a_job_for_a_hook_that_is_not_set_fails_at_once(bench: Bench, dataset: Dataset) -> None:
    failed = worked_on(bench.context, started(bench.context, dataset, where="webhook"))
    assert failed.status == "failed"
    assert (failed.message or "").startswith("SEEDBED_TRAINING_WEBHOOK_URL is not set")


def test_who_waits_for_a_hook_is_cancelled_within_seconds_and_hands_back_when_told_to_end(
    bench: Bench, dataset: Dataset
) -> None:
    job = started(bench.context, dataset, where="webhook")
    with running_hook(Reply(503)) as hook:
        context = hooked(bench.context, hook, first_wait_s=60, longest_wait_s=60)
        assert worked_on(context, job, after_looks(2)).status == "queued"
        worker = threading.Thread(target=worked_on, args=(context, job))
        worker.start()
        while len(hook.calls) < 2:
            time.sleep(0.02)
        asked_at = time.monotonic()
        control.cancel_job(context, job.id)
        worker.join()
    assert time.monotonic() - asked_at < 4
    assert control.get_job(context, job.id).status == "cancelled"


def test_what_was_tuned_elsewhere_cannot_be_measured_here(bench: Bench, dataset: Dataset) -> None:
    done = worked_on(bench.context, started(bench.context, dataset, where="axolotl"))
    request = TrainingRequest(dataset.id, EvaluationJobOptions(training_job_id=done.id))
    with pytest.raises(InvalidInput) as refused:
        control.create_job(bench.context, request, None)
    (fault,) = refused.value.faults
    assert (fault.field, fault.message) == (
        "options.training_job_id",
        "the model of this job was not trained here",
    )


def test_a_post_that_cannot_be_done_elsewhere_names_the_field(
    bench: Bench, dataset: Dataset
) -> None:
    context = ApiContext(bench.context, send=lambda _: None, broker_trouble=lambda: None)
    refused = {"where": "axolotl", "method": {"name": "prefix"}}
    with running_api(context) as service:

        def posted(options: dict[str, Any]) -> httpx.Response:
            body = {"dataset_id": dataset.id, "options": options}
            return service.http.post("/training-jobs", json=body)

        fields = [fault["field"] for fault in posted(refused).json()["faults"]]
        accepted = posted({"where": "llama_factory", "base_model": "owner/model"})
    assert fields == ["options.base_model", "options.method"]
    assert (accepted.status_code, accepted.json()["options"]["where"]) == (202, "llama_factory")


def test_address_and_secret_come_from_the_settings(tmp_path: Path) -> None:
    address = "https://hooks.example.org/train"
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        training_webhook_url=address,
        training_webhook_secret="s3cret",
    )
    context = open_service_context(settings)
    context.close()
    assert context.training_webhook == Webhook(address, "s3cret")
    assert "s3cret" not in repr(settings) + repr(context)
