"""Routes of seed sets."""

import json
from collections.abc import Set
from functools import partial
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Query, Request, Response, status
from pydantic import ConfigDict, Field, ValidationError

from app.api.context import Cursor, InContext, Limit
from app.api.examples import SEED_SET, SEED_TASKS_JSONL
from app.api.files.body_limit import body_bytes
from app.api.problems import Problem
from app.api.security.access import MadeBy, may_change
from app.errors import Fault, InvalidInput, faults_from
from app.pipeline.seed_tasks import UncheckedSeedTask, read_seed_file, seed_tasks_from_json
from app.schemas.runs import SeedSetView
from app.schemas.schema import PageView, RequestBody
from app.services.datasets.recipe import Licence
from app.services.runs import lists, seed_sets

router = APIRouter(prefix="/seed-sets", tags=["seed sets"])

SeedSetName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line of text."""


class SeedSetPost(RequestBody):
    """A seed set to store."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    checked_elsewhere: ClassVar[Set[str]] = frozenset({"tasks"})

    name: SeedSetName | None = None
    tasks: list[UncheckedSeedTask]


_JSON_SCHEMA = SeedSetPost.model_json_schema(ref_template="#/components/schemas/{model}")
# The schemas of its parts are in the document already, with the body of a run.
del _JSON_SCHEMA["$defs"]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _JSON_SCHEMA, "example": SEED_SET},
            "application/jsonl": {
                "schema": {"type": "string", "description": "A seed task on each line."},
                "example": SEED_TASKS_JSONL,
            },
            "text/csv": {
                "schema": {
                    "type": "string",
                    "description": "Columns instruction, input (optional), output, and "
                    "is_classification (optional).",
                },
            },
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
def post_seed_set(  # noqa: PLR0913, PLR0917 FastAPI reads the query from the parameters
    context: InContext,
    made_by: MadeBy,
    request: Request,
    response: Response,
    body: Annotated[bytes, Depends(body_bytes)],
    name: Annotated[
        SeedSetName | None, Query(description="Name, for a body that has none.")
    ] = None,
    licence: Annotated[
        Licence | None,
        Query(description="Licence of the tasks, such as `apache-2.0`; cards show it."),
    ] = None,
) -> SeedSetView:
    """Store a seed set from a JSON object, or from a file of seed tasks.

    A file has JSON lines, a JSON list, an object around such a list, or CSV. Rows with instruction,
    input and output, as in Alpaca's files, are seed tasks with one instance; `notes` says what was
    assumed.

    With any fault, nothing is stored and the answer names every fault; in a JSON body the `line` of
    a fault is the number of the task. The same content posted again answers 200 with the stored
    seed set.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    post = _own_object(body) if media_type == "application/json" else None
    notes: tuple[str, ...] = ()
    if post is not None:
        tasks = seed_tasks_from_json(post.tasks)
        name = post.name or name
    else:
        file = read_seed_file(body)
        tasks, notes = file.tasks, file.notes
    stored, new = seed_sets.store_seed_set(
        context.service.database, tasks, name, licence, made_by, partial(may_change, request)
    )
    if licence not in {None, stored.licence}:
        notes += (_kept_licence(stored.licence),)
    if not new:
        response.status_code = status.HTTP_200_OK
    response.headers["Location"] = f"/v1/seed-sets/{stored.id}"
    return SeedSetView.model_validate(stored).model_copy(update={"notes": list(notes)})


def _kept_licence(licence: str | None) -> str:
    stays = "none, as another API key stored them" if licence is None else repr(licence)
    return f"These tasks are stored already; their licence stays {stays}."


def _own_object(body: bytes) -> SeedSetPost | None:
    """Read a body with a name and tasks; None when it has the form of a file.

    Raises:
        InvalidInput: It is no JSON, or its name or its tasks are of a wrong type.
    """
    try:
        value = json.loads(body)
        if isinstance(value, list) or (isinstance(value, dict) and "seed_tasks" in value):
            return None
        return SeedSetPost.model_validate(value)
    except ValidationError as error:
        faults = faults_from(error.errors())
        raise InvalidInput("The body is not a seed set.", faults) from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is not JSON.", [Fault(str(error))]) from None


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
    """Get a seed set."""
    found = seed_sets.get_seed_set(context.service.database, seed_set_id)
    return SeedSetView.model_validate(found)
