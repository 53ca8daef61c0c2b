"""Routes of training jobs and evaluations: start, list, cancel, resume, download outputs."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import HTMLResponse
from pydantic import ConfigDict, Field, model_validator

from app.api.context import (
    LOCATION_OF_ACCEPTED,
    ApiContext,
    Cursor,
    IdempotencyKey,
    InContext,
    Limit,
)
from app.api.files.downloads import OfferedFile, download_responses, file_answer
from app.api.problems import Problem
from app.api.response_headers import page_headers
from app.api.security.access import MadeBy, must_also
from app.errors import Conflict
from app.evaluation.evaluation_result import Evaluation
from app.reports.evaluation.report import evaluation_report
from app.reports.page import PAGE_POLICY
from app.schemas.schema import PageView, RequestBody
from app.schemas.training import OutputView, TrainingJobSummary, TrainingJobView
from app.services.access.key_form import Scope
from app.services.datasets.recipe import DatasetName, RowRecipe
from app.services.journeys import seeds_to_model
from app.services.journeys.seeds_to_model import NO_REVIEW_YET, RunTraining
from app.services.training.jobs import control
from app.services.training.jobs.requests import TrainingRequest
from app.states import JobKind
from app.storable_text import StorableText
from app.store.tables.training import TrainingJob
from app.training.plain.options import EvaluationJobOptions, TrainingOptions

router = APIRouter(prefix="/training-jobs", tags=["training"], responses={404: {"model": Problem}})
evaluations = APIRouter(prefix="/evaluations", tags=["training"])

_REFUSED: dict[int | str, dict[str, Any]] = {**LOCATION_OF_ACCEPTED, 409: {"model": Problem}}
_EXAMPLE: dict[str, Any] = {
    "dataset_id": "dataset_...",
    "options": {"base_model": "embedded", "method": {"name": "lora", "rank": 8}},
}


class TrainingPost(RequestBody):
    """A training job: a data set version, or the run that makes one, and the options."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [_EXAMPLE]},
        use_attribute_docstrings=True,
    )

    dataset_id: str | None = Field(default=None, max_length=40)
    run_id: str | None = Field(default=None, max_length=40)
    """In place of a data set: a run that goes on or has succeeded. When it has, a data set is made
    of all its rows, and that is learnt."""
    dataset_name: DatasetName | None = None
    """Of the data set that is made of the run; left out: the run's id."""
    recipe: RowRecipe | None = None
    """The recipe for the run's rows; left out: they are taken as they are."""
    options: TrainingOptions = TrainingOptions()
    """Base model, method, data, schedule, evaluation and outputs."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.dataset_id is None) == (self.run_id is None):
            raise ValueError("give either dataset_id or run_id")
        if self.run_id is None:
            if self.dataset_name is not None or self.recipe is not None:
                raise ValueError("dataset_name and recipe are for what is made of a run_id")
        elif self.options.review_run_id is not None:
            raise ValueError(NO_REVIEW_YET)
        return self


class EvaluationPost(RequestBody):
    """An evaluation: a data set version, and the model to measure on it."""

    model_config = ConfigDict(extra="forbid")

    dataset_id: str = Field(max_length=40)
    options: EvaluationJobOptions = EvaluationJobOptions()
    """The model, and how it is measured."""


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    responses=_REFUSED,
)
def post_training_job(
    context: InContext,
    body: TrainingPost,
    made_by: MadeBy,
    http: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> TrainingJobSummary:
    """Fine-tune a model on a data set; poll or follow the address in `Location`.

    With `run_id` the API key also needs the scope `run`.
    """
    if body.run_id is None:
        request = TrainingRequest(str(body.dataset_id), body.options)
        job = control.create_job(context.service, request, idempotency_key, made_by)
    else:
        must_also(http, Scope.RUN)
        wanted = RunTraining(
            dataset_name=body.dataset_name,
            recipe=body.recipe or RowRecipe(),
            options=body.options,
        )
        job = seeds_to_model.create_for_run(
            context.service, body.run_id, wanted, idempotency_key, made_by
        )
    return _accepted(context, job, response)


@evaluations.post("", status_code=status.HTTP_202_ACCEPTED, responses=_REFUSED)
def post_evaluation(
    context: InContext,
    body: EvaluationPost,
    made_by: MadeBy,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> TrainingJobSummary:
    """Evaluate a model, fine-tuned or not; the evaluation is listed with the training jobs."""
    request = TrainingRequest(body.dataset_id, body.options)
    job = control.create_job(context.service, request, idempotency_key, made_by)
    return _accepted(context, job, response)


def _accepted(context: ApiContext, job: TrainingJob, response: Response) -> TrainingJobSummary:
    context.send_training_job(job.id)
    response.headers["Location"] = f"/v1/training-jobs/{job.id}"
    return TrainingJobSummary.model_validate(job)


@router.get("")
def list_training_jobs(
    context: InContext,
    kind: Annotated[JobKind | None, Query(description="Only those of this kind.")] = None,
    dataset_id: Annotated[
        StorableText | None, Query(description="Only those of this data set.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> PageView[TrainingJobSummary]:
    """List training jobs and evaluations, newest first."""
    page = control.list_jobs(
        context.service, kind=kind, dataset_id=dataset_id, cursor=cursor, limit=limit
    )
    items = [TrainingJobSummary.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


@router.get("/{job_id}")
def get_training_job(context: InContext, job_id: str) -> TrainingJobView:
    """Get a training job, with the end of its log and its evaluation."""
    return TrainingJobView.model_validate(control.get_job(context.service, job_id))


@router.post("/{job_id}/cancel", responses={409: {"model": Problem}})
def cancel_training_job(context: InContext, job_id: str) -> TrainingJobSummary:
    """Cancel a training job: at once when it is queued, within seconds when it runs."""
    return TrainingJobSummary.model_validate(control.cancel_job(context.service, job_id))


@router.post(
    "/{job_id}/resume", status_code=status.HTTP_202_ACCEPTED, responses={409: {"model": Problem}}
)
def resume_training_job(context: InContext, job_id: str) -> TrainingJobSummary:
    """Resume a failed or cancelled training job from its last checkpoint."""
    job = control.resume_job(context.service, job_id)
    context.send_training_job(job.id)
    return TrainingJobSummary.model_validate(job)


@router.get(
    "/{job_id}/report",
    response_class=HTMLResponse,
    responses={409: {"model": Problem, "description": "There is no evaluation yet."}},
)
def get_training_report(context: InContext, job_id: str) -> HTMLResponse:
    """Get the evaluation report of a training job, as an HTML page."""
    job = control.get_job(context.service, job_id)
    if job.evaluation is None:
        raise Conflict(f"The training job is {job.status} and has no evaluation.")
    page = evaluation_report(Evaluation.model_validate(job.evaluation))
    return HTMLResponse(page, headers=page_headers(PAGE_POLICY))


@router.get("/{job_id}/outputs")
def list_outputs(context: InContext, job_id: str) -> list[OutputView]:
    """List the output files of a training job, with their checksums."""
    return [OutputView.model_validate(each) for each in control.outputs(context.service, job_id)]


@router.delete(
    "/{job_id}/outputs",
    status_code=status.HTTP_204_NO_CONTENT,
    responses={409: {"model": Problem}},
)
def delete_outputs(context: InContext, job_id: str) -> None:
    """Delete the outputs and checkpoints of a training job; the job and its evaluation stay."""
    control.discard_files(context.service, job_id)


@router.get(
    "/{job_id}/outputs/{name:path}",
    response_class=Response,
    responses=download_responses({"application/octet-stream"}),
)
def download_output(context: InContext, request: Request, job_id: str, name: str) -> Response:
    """Download an output file of a training job.

    `ETag` is the SHA-256 of the file. Resume a broken download with `Range` and `If-Range`.
    """
    output, path = control.output(context.service, job_id, name)
    return file_answer(request, OfferedFile(path, output.sha256, path.name))
