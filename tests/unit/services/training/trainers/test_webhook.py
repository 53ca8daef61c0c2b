"""The webhook trainer: the job as JSON to the address in the settings."""

import json
from dataclasses import replace

from app.services.context import Webhook
from app.services.training.contract import TrainerResult, TrainingMonitor, TrainingWork
from app.services.training.jobs import control
from app.services.training.jobs.choose_trainer import trainer_for
from app.services.training.jobs.requests import TrainingRequest
from app.services.training.jobs.work import work_on_job
from app.services.training.trainers.external_config import (
    write_for_axolotl,
    write_for_llama_factory,
)
from app.services.training.trainers.webhook import WebhookTrainer
from app.store.tables.training import TrainingJob
from app.training.plain.options import TrainingOptions
from tests.bench import Bench
from tests.review_runs import some_rows, stored
from tests.servers.hook import SECRET, Reply, running_hook


def posted(bench: Bench, dataset_id: str) -> TrainingJob:
    general = stored(bench.context.database, some_rows(2))
    options = TrainingOptions.model_validate(
        {
            "where": "webhook",
            "base_model": "owner/model",
            "evaluation": {"general_dataset_id": general},
        }
    )
    return control.create_job(bench.context, TrainingRequest(dataset_id, options), None)


def test_the_call_names_the_job_its_data_sets_and_options(bench: Bench, dataset_id: str) -> None:
    job = posted(bench, dataset_id)
    with running_hook(Reply(202, "run 17")) as there:
        context = replace(bench.context, training_webhook=Webhook(there.url, SECRET))
        assert not work_on_job(context, job.id, lambda: False)
    done = control.get_job(bench.context, job.id)
    assert (done.status, done.message) == ("succeeded", None)
    assert "The webhook accepted the job: it answered 202: run 17." in done.log_tail
    (call,) = there.calls
    assert (call["kind"], call["job_id"]) == ("training", job.id)
    assert call["job_path"] == f"/v1/training-jobs/{job.id}"
    assert call["dataset"] == {
        "id": dataset_id,
        "name": dataset_id,
        "version": 1,
        "rows": 6,
        "path": f"/v1/datasets/{dataset_id}",
        "download_path": f"/v1/datasets/{dataset_id}/download?format=jsonl",
    }
    assert [one["rows"] for one in call["other_datasets"]] == [2]
    assert call["options"] == job.options
    kept = json.loads(control.output_file(bench.context, job.id, "webhook.json").read_bytes())
    assert kept == {"request": call, "told": call, "status": 202, "answer": "run 17"}


def test_a_stopped_call_leaves_the_job_for_the_next_worker(bench: Bench, dataset_id: str) -> None:
    job = posted(bench, dataset_id)
    context = replace(bench.context, training_webhook=Webhook("http://127.0.0.1:9/x", SECRET))
    assert work_on_job(context, job.id, lambda: True)
    assert control.get_job(bench.context, job.id).status == "queued"


def test_a_worker_without_a_webhook_names_the_setting(bench: Bench, dataset_id: str) -> None:
    job = posted(bench, dataset_id)
    assert not work_on_job(bench.context, job.id, lambda: False)
    failed = control.get_job(bench.context, job.id)
    assert failed.status == "failed"
    assert (failed.message or "").startswith("SEEDBED_TRAINING_WEBHOOK_URL is not set")


def test_the_option_where_chooses_the_trainer(bench: Bench, dataset_id: str) -> None:
    chosen = []

    for where in ("llama_factory", "axolotl", "webhook"):
        options = TrainingOptions.model_validate({"where": where, "base_model": "x"})
        job = control.create_job(bench.context, TrainingRequest(dataset_id, options), None)

        def keep(work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
            chosen.append(trainer_for(bench.context, work))
            monitor.log("Chosen.")
            return TrainerResult(is_complete=True)

        work_on_job(bench.context, job.id, lambda: False, keep)
    assert chosen == [write_for_llama_factory, write_for_axolotl, WebhookTrainer(bench.context)]


def test_a_secret_must_be_set(bench: Bench, dataset_id: str) -> None:
    job = posted(bench, dataset_id)
    context = replace(bench.context, training_webhook=Webhook("http://127.0.0.1:9/x", None))
    work_on_job(context, job.id, lambda: False)
    message = control.get_job(bench.context, job.id).message or ""
    assert "SEEDBED_TRAINING_WEBHOOK_SECRET is not set" in message
