"""Events of runs and of training jobs: as pages, or as server-sent events while they happen."""

from fastapi import APIRouter, Response

from app.api.context import Cursor, InContext, Limit
from app.api.problems import Problem
from app.api.streaming import (
    PAGE_HEADERS,
    STREAM_RESPONSES,
    EventStreamRoute,
    LastEventId,
    event_stream,
)
from app.schemas.runs import EventView
from app.schemas.schema import PageView
from app.services.runs import lists
from app.services.runs.events import follow_run
from app.services.training.jobs import control as jobs
from app.services.training.jobs.events import follow_job
from app.store.tables.runs import RunEvent

streams = APIRouter(route_class=EventStreamRoute, include_in_schema=False)
"""To be included before `pages`, which has the same addresses."""
pages = APIRouter(responses={404: {"model": Problem}, **STREAM_RESPONSES})

_RUN = "/runs/{run_id}/events"
_JOB = "/training-jobs/{job_id}/events"


@streams.get(_RUN)
def stream_run_events(
    context: InContext, run_id: str, last_event_id: LastEventId = None
) -> Response:
    """Follow a run by server-sent events."""
    follower = follow_run(context.service, run_id, last_event_id or 0)
    return event_stream(context, follower, last_event_id)


@streams.get(_JOB)
def stream_training_events(
    context: InContext, job_id: str, last_event_id: LastEventId = None
) -> Response:
    """Follow a training job by server-sent events."""
    follower = follow_job(context.service, job_id, last_event_id or 0)
    return event_stream(context, follower, last_event_id)


@pages.get(_RUN, tags=["runs"], summary="List or stream the events of a run")
def list_run_events(
    context: InContext,
    run_id: str,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 100,
    last_event_id: LastEventId = None,  # noqa: ARG001 - documents the stream of this address
) -> PageView[EventView]:
    """List the events of a run, or stream them while they happen."""
    response.headers.update(PAGE_HEADERS)
    page = lists.list_parts(context.service, RunEvent, run_id, cursor=cursor, limit=limit)
    items = [EventView.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


@pages.get(_JOB, tags=["training"], summary="List or stream the events of a training job")
def list_training_events(
    context: InContext,
    job_id: str,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 100,
    last_event_id: LastEventId = None,  # noqa: ARG001 - documents the stream of this address
) -> PageView[EventView]:
    """List the events of a training job, or stream its steps while they happen."""
    response.headers.update(PAGE_HEADERS)
    page = jobs.list_events(context.service, job_id, cursor=cursor, limit=limit)
    items = [EventView.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)
