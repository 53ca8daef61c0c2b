"""Requests for training jobs, validated against the database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.errors import Conflict, Fault, InvalidInput
from app.later_options import later_options
from app.llm.prices import check_priced
from app.services.context import ServiceContext
from app.services.idempotency import RequestHash, request_hash
from app.services.training.jobs.judged_rows import review_faults
from app.states import DatasetState, JobKind, Status
from app.store.datasets import versions
from app.store.ids import may_be_id
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs
from app.training.plain.options import EvaluationJobOptions, TrainingOptions, is_later_option


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """A posted request: the data set to train or evaluate on, and the options."""

    dataset_id: str
    options: TrainingOptions | EvaluationJobOptions

    @property
    def kind(self) -> JobKind:
        """Return the kind of job that the options are for."""
        return "training" if isinstance(self.options, TrainingOptions) else "evaluation"

    def hashed(self) -> RequestHash:
        """Return the hash that identifies the request under an idempotency key."""
        later = later_options(self.options, is_later_option)
        dump = self.options.model_dump(mode="json", exclude=later)
        legacy = json.dumps([self.kind, self.dataset_id, dump])
        parts = {"dataset_id": self.dataset_id, "options": self.options}
        return request_hash(self.kind, parts, legacy)


def request_of(job: TrainingJob) -> TrainingRequest:
    """Return the request that a job was created from."""
    kind = TrainingOptions if job.kind == "training" else EvaluationJobOptions
    return TrainingRequest(str(job.dataset_id), kind.model_validate(job.options))


def check_again(session: Session, job: TrainingJob) -> None:
    """Validate the request of a job before it resumes.

    Raises:
        InvalidInput: with every fault found.
        Conflict: the job waits for a run that was cancelled.
    """
    if job.dataset_id is not None:
        check(session, request_of(job))
        return
    if faults := faults_of(session, request_of(job).options, "options"):
        raise InvalidInput("The job is not possible.", faults)
    if session.get_one(Run, job.run_id).status in {Status.CANCELLING, Status.CANCELLED}:
        raise Conflict(
            f"The run {job.run_id} was cancelled and makes no data set. Make a data set of its "
            "rows, and train on that."
        )


def check_judge(
    context: ServiceContext, options: TrainingOptions | EvaluationJobOptions, field: str
) -> None:
    """Validate the judge in the options at `field`.

    It needs a model name, and a price when its cost is capped.

    Raises:
        InvalidInput: neither the request nor the settings name a model, or its price is unknown.
    """
    judge, field = options.evaluation.judge, f"{field}.evaluation.judge"
    if judge is None:
        return
    model = judge.model or context.default_model
    if model is None:
        hint = "give a model name, or set SEEDBED_MODEL"
        raise InvalidInput("The judge has no model.", [Fault(hint, field=f"{field}.model")])
    if judge.most_cost_usd is not None:
        check_priced(model, context.prices, f"{field}.most_cost_usd")


def check(session: Session, request: TrainingRequest) -> None:
    """Validate everything that a request names.

    Raises:
        InvalidInput: with every fault found.
    """
    faults = faults_of_datasets(session, {"dataset_id": request.dataset_id})
    faults += faults_of(session, request.options, "options")
    if request.options.review_run_id is not None:
        faults += review_faults(session, request.options.review_run_id, request.dataset_id)
    if isinstance(request.options, EvaluationJobOptions) and request.options.training_job_id:
        faults += _faults_of_training_job(session, request.options.training_job_id)
    if faults:
        raise InvalidInput("The job is not possible.", faults)


def faults_of(
    session: Session, options: TrainingOptions | EvaluationJobOptions, field: str
) -> list[Fault]:
    """Return the faults of the other data sets named by the options at `field`."""
    named = named_datasets(options).items()
    return faults_of_datasets(session, {f"{field}.{its}": one for its, one in named})


def faults_of_datasets(session: Session, datasets_of: Mapping[str, str]) -> list[Fault]:
    """Return the faults of data sets, given by the field that names each."""
    return [
        Fault(what, field=field)
        for field, dataset_id in datasets_of.items()
        if (what := _dataset_fault(session, dataset_id)) is not None
    ]


def named_datasets(options: TrainingOptions | EvaluationJobOptions) -> Mapping[str, str]:
    """Return the ids of the other data sets that the options name, by field."""
    named = {
        "data.replay_dataset_id": options.data.replay_dataset_id,
        "evaluation.held_out_dataset_id": options.evaluation.held_out_dataset_id,
        "evaluation.general_dataset_id": options.evaluation.general_dataset_id,
    }
    return {field: dataset_id for field, dataset_id in named.items() if dataset_id is not None}


def _dataset_fault(session: Session, dataset_id: str) -> str | None:
    found = session.get(Dataset, dataset_id) if may_be_id(dataset_id) else None
    if found is None or found.state == DatasetState.DELETED:
        return f"there is no data set with the id {dataset_id!r}"
    if versions.lock(session, dataset_id).state != DatasetState.READY:
        return f"the data set is {found.state}, not ready"
    return None if found.row_count else "the data set has no row"


def _faults_of_training_job(session: Session, job_id: str) -> list[Fault]:
    field = "options.training_job_id"
    job = session.get(TrainingJob, job_id) if may_be_id(job_id) else None
    if job is None or job.kind != "training":
        return [Fault(f"there is no training job with the id {job_id!r}", field=field)]
    if job.status != Status.SUCCEEDED:
        return [Fault(f"the training job is {job.status}, its model is not ready", field=field)]
    if job.options.get("where", "here") != "here":
        return [Fault("the model of this job was not trained here", field=field)]
    if not training_jobs.outputs_of(session, job_id):
        return [Fault("the model of this job was deleted", field=field)]
    return []
