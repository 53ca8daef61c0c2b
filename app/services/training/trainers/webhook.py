"""The trainer that hands a job to a cluster of the user by a signed call; needs no torch."""

import json
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from sqlalchemy.orm import Session

from app.atomic_files import written
from app.errors import ConfigurationError
from app.services.context import ServiceContext
from app.services.training.contract import TrainerResult, TrainingMonitor, TrainingWork
from app.services.training.trainers.webhook_call import WebhookCall, deliver
from app.store.tables.datasets import Dataset
from app.store.tables.training import TrainingJob


class _DatasetPayload(TypedDict):
    """A data set in a call."""

    id: str
    name: str
    version: int
    rows: int
    path: str
    """Path of the API."""
    download_path: str


class _Payload(TypedDict):
    """The body of a call."""

    kind: Literal["training"]
    job_id: str
    job_path: str
    """Path of the API."""
    dataset: _DatasetPayload
    other_datasets: list[_DatasetPayload]
    options: dict[str, Any]
    """`app.training.plain.options.TrainingOptions` as JSON, so `Any`."""


@dataclass(frozen=True, slots=True)
class WebhookTrainer:
    """Calls the webhook of the settings; a `app.services.training.contract.Trainer`.

    The job succeeds when the webhook accepts it; what happens afterwards is up to the webhook.
    """

    context: ServiceContext

    def __call__(self, work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        """Call until it is accepted; after a crash the same call is sent again with the same id."""
        hook = self.context.training_webhook
        if hook is None:
            raise ConfigurationError(
                "SEEDBED_TRAINING_WEBHOOK_URL is not set on this worker: set it there, and resume "
                "the job."
            )
        payload = self._payload(work)
        call = WebhookCall(work.job_id, json.dumps(payload).encode())
        answer = deliver(hook, call, monitor.stop, monitor.log)
        if answer is None:
            return TrainerResult(is_complete=False)
        monitor.log(f"The webhook accepted the job: {answer}.")
        outputs = work.folder / "outputs"
        outputs.mkdir(exist_ok=True)
        record = {
            "request": payload,
            # The name before; the next version drops it.
            "told": payload,
            "status": answer.status,
            "answer": answer.text,
        }
        with written(outputs / "webhook.json") as sink:
            sink.write(f"{json.dumps(record, indent=2)}\n".encode())
        return TrainerResult(is_complete=True)

    def _payload(self, work: TrainingWork) -> _Payload:
        with self.context.database.read() as session:
            job = session.get_one(TrainingJob, work.job_id)
            return {
                "kind": "training",
                "job_id": job.id,
                "job_path": f"/v1/training-jobs/{job.id}",
                "dataset": _dataset(session, str(job.dataset_id)),
                "other_datasets": [_dataset(session, one) for one in sorted(work.other_datasets)],
                "options": dict(work.options),
            }


def _dataset(session: Session, dataset_id: str) -> _DatasetPayload:
    dataset = session.get_one(Dataset, dataset_id)
    path = f"/v1/datasets/{dataset.id}"
    return {
        "id": dataset.id,
        "name": dataset.name,
        "version": dataset.version,
        "rows": dataset.row_count,
        "path": path,
        "download_path": f"{path}/download?format=jsonl",
    }
