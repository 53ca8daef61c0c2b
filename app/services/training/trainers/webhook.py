"""A training handed to a cluster of somebody's own, by a signed call; needs no torch."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.atomic_files import written
from app.errors import ConfigurationError
from app.services.context import ServiceContext
from app.services.training.contract import Trained, TrainingWatch, TrainingWork
from app.services.training.trainers.webhook_call import Call, deliver
from app.store.tables.datasets import Dataset
from app.store.tables.training import TrainingJob


@dataclass(frozen=True, slots=True)
class WebhookTrainer:
    """Calls the hook of the settings: this is a `app.services.training.contract.Trainer`.

    The job is done when the hook has taken it; what becomes of it then is the hook's affair.
    """

    context: ServiceContext

    def __call__(self, work: TrainingWork, watch: TrainingWatch) -> Trained:
        """Call until it is taken; a job whose worker dies may be told twice, under the same id."""
        hook = self.context.training_webhook
        if hook is None:
            raise ConfigurationError(
                "SEEDBED_TRAINING_WEBHOOK_URL is not set on this worker: set it there, and resume "
                "the job."
            )
        told = self._told(work)
        call = Call(work.job_id, json.dumps(told).encode())
        answer = deliver(hook, call, watch.stop, watch.log)
        if answer is None:
            return Trained(is_whole=False)
        watch.log(f"The webhook took the job: {answer}.")
        outputs = work.folder / "outputs"
        outputs.mkdir(exist_ok=True)
        said = {"told": told, "status": answer.status, "answer": answer.words}
        with written(outputs / "webhook.json") as sink:
            sink.write(f"{json.dumps(said, indent=2)}\n".encode())
        return Trained(is_whole=True)

    def _told(self, work: TrainingWork) -> dict[str, Any]:
        with self.context.database.read() as session:
            job = session.get_one(TrainingJob, work.job_id)
            return {
                "kind": "training",
                "job_id": job.id,
                "job_path": f"/v1/training-jobs/{job.id}",
                "dataset": _dataset(session, str(job.dataset_id)),
                "other_datasets": [_dataset(session, one) for one in sorted(work.others)],
                "options": dict(work.options),
            }


def _dataset(session: Session, dataset_id: str) -> dict[str, Any]:
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
