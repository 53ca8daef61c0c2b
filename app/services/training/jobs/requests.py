"""What a training job is asked to do, checked against what there is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.errors import Conflict, Fault, InvalidInput
from app.llm.prices import check_priced
from app.services.context import ServiceContext
from app.services.idempotency import RequestHash, request_hash
from app.services.training.jobs.judged_rows import faults_of_review
from app.states import DatasetState, JobKind, Status
from app.store.datasets import versions
from app.store.ids import may_be_id
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs
from app.training.plain.options import EvaluationJobOptions, TrainingOptions


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What was posted: the version to learn from or to be measured on, and how."""

    dataset_id: str
    options: TrainingOptions | EvaluationJobOptions

    @property
    def kind(self) -> JobKind:
        """What the options are for."""
        return "training" if isinstance(self.options, TrainingOptions) else "evaluation"

    def hashed(self) -> RequestHash:
        """Hash the request, to tell two of them under one idempotency key apart."""
        legacy = json.dumps([self.kind, self.dataset_id, self.options.model_dump(mode="json")])
        parts = {"dataset_id": self.dataset_id, "options": self.options}
        return request_hash(self.kind, parts, legacy)


def request_of(job: TrainingJob) -> TrainingRequest:
    """What a job was made by."""
    kind = TrainingOptions if job.kind == "training" else EvaluationJobOptions
    return TrainingRequest(str(job.dataset_id), kind.model_validate(job.options))


def check_again(session: Session, job: TrainingJob) -> None:
    """See that all that a job names is still there, so that it can go on.

    Raises:
        InvalidInput: with every fault found.
        Conflict: when it waits for a run that was cancelled.
    """
    if job.dataset_id is not None:
        check(session, request_of(job))
        return
    if faults := faults_of(session, request_of(job).options, "options"):
        raise InvalidInput("The job cannot be done.", faults)
    if session.get_one(Run, job.run_id).status in {Status.CANCELLING, Status.CANCELLED}:
        raise Conflict(
            f"The run {job.run_id} was cancelled and brings no data set. Make one of what it has, "
            "and have that learnt."
        )


def check_judge(
    context: ServiceContext, options: TrainingOptions | EvaluationJobOptions, field: str
) -> None:
    """See that a judge that the options, which stand in this field, ask for can be asked.

    It needs a name, and a price where its cost is capped.

    Raises:
        InvalidInput: when neither the request nor the settings name one, or nobody knows its price.
    """
    judge, field = options.evaluation.judge, f"{field}.evaluation.judge"
    if judge is None:
        return
    model = judge.model or context.default_model
    if model is None:
        what = "name a model, or set SEEDBED_MODEL"
        raise InvalidInput("The judge has no name.", [Fault(what, field=f"{field}.model")])
    if judge.most_cost_usd is not None:
        check_priced(model, context.prices, f"{field}.most_cost_usd")


def check(session: Session, request: TrainingRequest) -> None:
    """See that everything a request names is there and fit for it.

    Raises:
        InvalidInput: with every fault found.
    """
    faults = faults_of_datasets(session, {"dataset_id": request.dataset_id})
    faults += faults_of(session, request.options, "options")
    if request.options.review_run_id is not None:
        faults += faults_of_review(session, request.options.review_run_id, request.dataset_id)
    if isinstance(request.options, EvaluationJobOptions) and request.options.training_job_id:
        faults += _faults_of_tuned(session, request.options.training_job_id)
    if faults:
        raise InvalidInput("The job cannot be done.", faults)


def faults_of(
    session: Session, options: TrainingOptions | EvaluationJobOptions, field: str
) -> list[Fault]:
    """What is wrong with the other data sets that the options, which stand in this field, name."""
    named = named_datasets(options).items()
    return faults_of_datasets(session, {f"{field}.{its}": one for its, one in named})


def faults_of_datasets(session: Session, datasets_of: Mapping[str, str]) -> list[Fault]:
    """What is wrong with data sets, by the field that names each."""
    return [
        Fault(what, field=field)
        for field, dataset_id in datasets_of.items()
        if (what := _what_is_wrong(session, dataset_id)) is not None
    ]


def named_datasets(options: TrainingOptions | EvaluationJobOptions) -> Mapping[str, str]:
    """The other data sets that the options name, by field."""
    named = {
        "data.replay_dataset_id": options.data.replay_dataset_id,
        "evaluation.held_out_dataset_id": options.evaluation.held_out_dataset_id,
        "evaluation.general_dataset_id": options.evaluation.general_dataset_id,
    }
    return {field: dataset_id for field, dataset_id in named.items() if dataset_id is not None}


def _what_is_wrong(session: Session, dataset_id: str) -> str | None:
    found = session.get(Dataset, dataset_id) if may_be_id(dataset_id) else None
    if found is None or found.state == DatasetState.DELETED:
        return f"there is no data set with the id {dataset_id!r}"
    if versions.lock(session, dataset_id).state != DatasetState.READY:
        return f"the data set is {found.state}, not ready"
    return None if found.row_count else "the data set has no row"


def _faults_of_tuned(session: Session, job_id: str) -> list[Fault]:
    field = "options.training_job_id"
    job = session.get(TrainingJob, job_id) if may_be_id(job_id) else None
    if job is None or job.kind != "training":
        return [Fault(f"there is no training job with the id {job_id!r}", field=field)]
    if job.status != Status.SUCCEEDED:
        return [Fault(f"the training job is {job.status}, it has tuned nothing yet", field=field)]
    if job.options.get("where", "here") != "here":
        return [Fault("the training job was handed on, nothing was tuned here", field=field)]
    if not training_jobs.outputs_of(session, job_id):
        return [Fault("what the training job tuned was removed", field=field)]
    return []
