"""Routes of runs: start, list, pause, resume, cancel, extend, and everything a run contains."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Set
from typing import Annotated, ClassVar, Self, TypeVar

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, model_validator
from starlette.concurrency import iterate_in_threadpool

from app.api.context import (
    LOCATION_OF_ACCEPTED,
    ApiContext,
    Cursor,
    IdempotencyKey,
    InContext,
    Limit,
)
from app.api.examples import RUN
from app.api.problems import Problem
from app.api.security.access import MadeBy, must_also
from app.formats.alpaca import alpaca_json
from app.pipeline.options import RunOptions
from app.pipeline.seed_tasks import UncheckedSeedTask, seed_tasks_from_json
from app.schemas.budgets import Budget
from app.schemas.run_records import CompletionView, InstanceView, InstructionView, RejectionView
from app.schemas.runs import RunEstimate, RunView
from app.schemas.schema import PageView, RequestBody
from app.services.access.key_form import Scope
from app.services.context import ServiceContext
from app.services.journeys import seeds_to_model
from app.services.journeys.seeds_to_model import RunTraining
from app.services.runs import control, lists
from app.services.runs import rows as run_rows
from app.services.runs.control import Resume
from app.services.runs.extend import Extension, estimate_extension
from app.services.runs.extend import extend_run as extend
from app.services.runs.run_request import RunRequest
from app.services.runs.view import run_view
from app.states import Status
from app.store.pages import Page, RowT
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstanceRow, InstructionRow, Rejection
from app.store.tables.runs import Run

router = APIRouter(prefix="/runs", tags=["runs"], responses={404: {"model": Problem}})

_POLL_S = 0.5
ViewT = TypeVar("ViewT", bound=BaseModel)


class RunPost(RequestBody):
    """A run to start: one source, options, budget, and a training job to start after it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [RUN]}, use_attribute_docstrings=True
    )

    checked_elsewhere: ClassVar[Set[str]] = frozenset({"seed_tasks"})

    seed_set_id: str | None = None
    """A stored seed set to grow."""
    seed_tasks: list[UncheckedSeedTask] | None = None
    """Seed tasks to grow, stored as a seed set."""
    dataset_id: str | None = None
    """A data set version to review: its rows are answered again (profile `re_answer`) or judged
    (profile `judge`)."""
    options: RunOptions = RunOptions()
    budget: Budget = Budget()
    training: RunTraining | None = None
    """A training job that starts when the run has succeeded and its data set is made."""
    dry_run: StrictBool = False
    """Only estimate: answer 200 with an estimate and start nothing."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = (self.seed_set_id, self.seed_tasks, self.dataset_id)
        if sum(one is not None for one in given) != 1:
            raise ValueError("give one of seed_set_id, seed_tasks and dataset_id")
        return self


def _answer(service: ServiceContext, run: Run) -> RunView:
    with service.database.read() as session:
        return run_view(session, run)


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=RunView,
    responses={
        **LOCATION_OF_ACCEPTED,
        200: {"model": RunEstimate, "description": "Estimate (`dry_run`)."},
        409: {"model": Problem},
        422: {"model": Problem},
    },
)
def post_run(
    context: InContext,
    body: RunPost,
    made_by: MadeBy,
    http: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> RunView | Response:
    """Start a run. It is stored and queued when this answers; poll the address in `Location`.

    With `training` the API key also needs the scope `train`.
    """
    if body.training is not None:
        must_also(http, Scope.TRAIN)
    request = RunRequest(
        seed_set_id=body.seed_set_id,
        seed_tasks=None if body.seed_tasks is None else seed_tasks_from_json(body.seed_tasks),
        options=body.options,
        caps=body.budget.caps(),
        dataset_id=body.dataset_id,
    )
    if body.dry_run:
        return _estimated(control.estimate_run(context.service, request))
    if body.training is None:
        run = control.start_run(context.service, request, idempotency_key, made_by)
    else:
        run = seeds_to_model.start_run(
            context.service, request, body.training, idempotency_key, made_by
        )
    # After the commit: a message must never speak of a run that is not there.
    context.send(run.id)
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return _answer(context.service, run)


class ExtendPost(RequestBody):
    """New totals for a run, not increments; a field that is left out keeps its value."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"target": 1000}]},
        use_attribute_docstrings=True,
    )

    target: int | None = Field(default=None, ge=1, le=1_000_000)
    """Instructions to accept in all."""
    budget: Budget = Budget()
    dry_run: StrictBool = False
    """Only estimate what the rest of the run takes, and change nothing."""


@router.post(
    "/{run_id}/extend",
    status_code=202,
    response_model=RunView,
    responses={
        200: {"model": RunEstimate, "description": "Estimate of the rest (`dry_run`)."},
        409: {"model": Problem},
        422: {"model": Problem},
    },
)
def extend_run(context: InContext, run_id: str, body: ExtendPost) -> RunView | Response:
    """Raise the target or the budget; a run that was paused for it resumes. Safe to repeat."""
    extension = Extension(body.target, body.budget.caps())
    if body.dry_run:
        return _estimated(estimate_extension(context.service, run_id, extension))
    return _control(context, run_id, lambda service, id_: extend(service, id_, extension))


def _estimated(value: RunEstimate) -> Response:
    """Answer 200 with an estimate; without `dry_run` the route answers 202 with a run."""
    return Response(value.model_dump_json(), media_type="application/json")


@router.get("")
def list_runs(
    context: InContext,
    status: Annotated[Status | None, Query()] = None,
    seed_set_id: Annotated[str | None, Query(pattern=r"^[!-~]+$")] = None,
    dataset_id: Annotated[str | None, Query(pattern=r"^[!-~]+$")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> PageView[RunView]:
    """List runs, newest first."""
    sources = {"seed_set_id": seed_set_id, "dataset_id": dataset_id}
    page = lists.list_runs(
        context.service, status=status, sources=sources, cursor=cursor, limit=limit
    )
    items = [_answer(context.service, run) for run in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


@router.get("/{run_id}")
def get_run(context: InContext, run_id: str) -> RunView:
    """Get a run: status, progress, funnel, tokens, cost, time left, reason of its end."""
    return _answer(context.service, control.get_run(context.service, run_id))


def _control(
    context: ApiContext, run_id: str, action: Callable[[ServiceContext, str], Run]
) -> RunView:
    run = action(context.service, run_id)
    context.send(run.id)
    return _answer(context.service, run)


@router.post("/{run_id}/cancel", status_code=202, responses={409: {"model": Problem}})
def cancel_run(context: InContext, run_id: str) -> RunView:
    """Cancel a run; its results stay. A cancelled run can't be resumed."""
    return _control(context, run_id, control.cancel_run)


@router.post("/{run_id}/pause", status_code=202, responses={409: {"model": Problem}})
def pause_run(context: InContext, run_id: str) -> RunView:
    """Pause a run: no more model calls until it is resumed."""
    return _control(context, run_id, control.pause_run)


class ResumePost(RequestBody):
    """Changes for a run that resumes; all of it may be left out."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"options": {"model": "another-model", "sampling": {"generate": {"top_p": 1.0}}}}
            ]
        },
        use_attribute_docstrings=True,
    )

    options: dict[str, JsonValue] = Field(default_factory=dict)
    """Options of the run to change, as in `POST /v1/runs`: `model`, `sampling`, `answer_format` and
    others. In a group, such as `sampling`, only the values given change; null restores the default.
    The capabilities of the endpoint are tested again."""
    give_up_refused: bool = False
    """Give up the calls that the endpoint refused in all their attempts; their instructions get no
    instances. By default they are sent again."""


@router.post(
    "/{run_id}/resume",
    status_code=202,
    responses={409: {"model": Problem}, 422: {"model": Problem}},
)
def resume_run(context: InContext, run_id: str, body: ResumePost | None = None) -> RunView:
    """Resume a run after a pause or a failure, as it was or with other options."""
    given = body or ResumePost()
    wanted = Resume(given.options, give_up_refused=given.give_up_refused)
    return _control(context, run_id, lambda service, id_: control.resume_run(service, id_, wanted))


async def _streamed(parts: Iterator[str]) -> AsyncIterator[str]:
    """Yield the parts, and wait for more without holding a thread."""
    async for part in iterate_in_threadpool(parts):
        if part:
            yield part
        else:
            await asyncio.sleep(_POLL_S)


@router.get(
    "/{run_id}/dataset",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/json": {}}, "description": "Alpaca JSON."}},
)
def download_run_dataset(
    context: InContext,
    run_id: str,
    follow: Annotated[bool, Query(description="Stream rows until the run has ended.")] = False,
) -> StreamingResponse:
    """Download the data set of a run in the Alpaca format: instruction, input, output."""
    read = run_rows.growing_rows if follow else run_rows.rows
    rows = read(context.service, run_id)
    disposition = f'attachment; filename="{run_id}.alpaca.json"'
    return StreamingResponse(
        _streamed(alpaca_json(rows)),
        media_type="application/json",
        headers={"Content-Disposition": disposition},
    )


@router.get("/{run_id}/instructions")
def list_instructions(
    context: InContext, run_id: str, cursor: Cursor = None, limit: Limit = 100
) -> PageView[InstructionView]:
    """List the accepted instructions of a run, in order of acceptance."""
    page = lists.list_parts(context.service, InstructionRow, run_id, cursor=cursor, limit=limit)
    return _page(InstructionView, page)


@router.get("/{run_id}/instances")
def list_instances(
    context: InContext, run_id: str, cursor: Cursor = None, limit: Limit = 100
) -> PageView[InstanceView]:
    """List the accepted instances of a run, in the order of their instructions."""
    page = lists.list_parts(context.service, InstanceRow, run_id, cursor=cursor, limit=limit)
    return _page(InstanceView, page)


@router.get("/{run_id}/rejections")
def list_rejections(
    context: InContext, run_id: str, cursor: Cursor = None, limit: Limit = 100
) -> PageView[RejectionView]:
    """List the rejected candidates and instances of a run, each with its reason."""
    page = lists.list_parts(context.service, Rejection, run_id, cursor=cursor, limit=limit)
    return _page(RejectionView, page)


@router.get("/{run_id}/completions")
def list_completions(
    context: InContext, run_id: str, cursor: Cursor = None, limit: Limit = 100
) -> PageView[CompletionView]:
    """List the model replies of a run, with prompts, parameters, tokens and cost."""
    page = lists.list_parts(context.service, CompletionRow, run_id, cursor=cursor, limit=limit)
    subjects = lists.subjects(context.service, page.items)
    views = [
        CompletionView.model_validate(row).model_copy(update=subjects[row.id]._asdict())
        for row in page.items
    ]
    return PageView(items=views, next_cursor=page.next_cursor)


def _page(shown: type[ViewT], page: Page[RowT]) -> PageView[ViewT]:
    items = [shown.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)
