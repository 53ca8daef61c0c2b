"""Seed sets over HTTP."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, status

from app.api.context import Cursor, InContext, Limit
from app.api.examples import SEED_SET, SEED_TASKS_JSONL
from app.api.files.body_limit import body_bytes
from app.api.problems import Problem
from app.errors import Fault, InvalidInput
from app.pipeline.seed_tasks import read_seed_tasks, seed_tasks_from_json
from app.pipeline.types import SeedTask
from app.schemas.runs import SeedSetView
from app.schemas.schema import PageView
from app.services.datasets.recipe import Licence
from app.services.runs import lists, seed_sets

router = APIRouter(prefix="/seed-sets", tags=["seed sets"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["tasks"],
                    "properties": {
                        "name": {"type": "string"},
                        "tasks": {"type": "array", "items": {"type": "object"}},
                    },
                },
                "example": SEED_SET,
            },
            "application/jsonl": {"schema": {"type": "string"}, "example": SEED_TASKS_JSONL},
        },
    }
}


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=_BODY,
    responses={
        200: {"model": SeedSetView, "description": "The same content was stored before."},
        422: {"model": Problem, "description": "Every fault, with line and field."},
    },
)
def post_seed_set(
    context: InContext,
    request: Request,
    response: Response,
    body: Annotated[bytes, Depends(body_bytes)],
    name: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="For a JSONL body."),
    ] = None,
    licence: Annotated[
        Licence | None,
        Query(description="Of the tasks, such as `apache-2.0`; manifests and cards tell it."),
    ] = None,
) -> SeedSetView:
    """Store seed tasks, all or none: a JSON object with `tasks`, or JSON lines as a file has them.

    Posting the same content again answers the seed set that is there. In a JSON body a fault's
    `line` is the number of the task.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        inner_name, tasks = _from_json(body)
        name = inner_name or name
    else:
        tasks = read_seed_tasks(body)
    stored, new = seed_sets.store_seed_set(context.service.database, tasks, name, licence)
    if not new:
        response.status_code = status.HTTP_200_OK
    response.headers["Location"] = f"/v1/seed-sets/{stored.id}"
    return SeedSetView.model_validate(stored)


def _from_json(body: bytes) -> tuple[str | None, tuple[SeedTask, ...]]:
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is not JSON.", [Fault(str(error))]) from None
    if not isinstance(value, dict) or not isinstance(value.get("tasks"), list):
        fault = Fault("must be a list of seed tasks", field="tasks")
        raise InvalidInput("The body is not a seed set.", [fault])
    name = value.get("name")
    if name is not None and not _is_name(name):
        fault = Fault("must be one line of at most 200 characters", field="name")
        raise InvalidInput("The body is not a seed set.", [fault])
    return name, seed_tasks_from_json(value["tasks"])


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


@router.get("")
def list_seed_sets(
    context: InContext, cursor: Cursor = None, limit: Limit = 100
) -> PageView[SeedSetView]:
    """List the seed sets, newest first."""
    page = lists.list_seed_sets(context.service, cursor, limit)
    items = [SeedSetView.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


@router.get("/{seed_set_id}", responses={404: {"model": Problem}})
def get_seed_set(context: InContext, seed_set_id: str) -> SeedSetView:
    """Get one."""
    found = seed_sets.get_seed_set(context.service.database, seed_set_id)
    return SeedSetView.model_validate(found)
