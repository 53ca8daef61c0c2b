"""Routes of data sets: make a version, import a file, list, download, delete."""

import json
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import ConfigDict, ValidationError

from app.api.context import LOCATION_OF_ACCEPTED, ApiContext, Cursor, InContext, Limit
from app.api.files.downloads import dataset_answer, download_responses
from app.api.files.process_queue import ProcessQueue
from app.api.files.uploads import uploaded
from app.api.problems import Problem
from app.api.security.access import MadeBy
from app.dataset_row import SplitName
from app.errors import Fault, InvalidInput, faults_from
from app.formats.formats import EVERY_WRITE_OPTION, FORMATS, format_named, options_of
from app.formats.options import WRITTEN_PLAINLY
from app.schemas.datasets import DatasetRowView, DatasetView, DropView
from app.schemas.schema import PageView, RequestBody
from app.services.datasets import control, files, import_process, lists
from app.services.datasets.control import DatasetRequest
from app.services.datasets.files import FileRequest
from app.services.datasets.importing import Upload
from app.services.datasets.recipe import DatasetName, Import, Licence, VersionRecipe, Vicuna
from app.services.free_space import require_space
from app.storable_text import StorableText
from app.store.tables.datasets import Dataset

router = APIRouter(prefix="/datasets", tags=["data sets"], responses={404: {"model": Problem}})

_EXAMPLE: dict[str, Any] = {
    "name": "tea",
    "recipe": {"sources": [{"run_id": "run_..."}], "split": {"test_share": 0.1}},
}


class DatasetPost(RequestBody):
    """A new version of a data set: its name and its recipe."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: DatasetName
    recipe: VersionRecipe


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    responses={
        **LOCATION_OF_ACCEPTED,
        200: {"model": DatasetView, "description": "The same version exists already."},
        422: {"model": Problem},
    },
)
def post_dataset(
    context: InContext, body: DatasetPost, made_by: MadeBy, response: Response
) -> DatasetView:
    """Make a data set version from runs and earlier data sets; poll the address in `Location`.

    The same name and recipe with unchanged sources answers 200 with the existing version.
    """
    wanted = DatasetRequest(body.name, body.recipe)
    dataset, new = control.create_dataset(context.service, wanted, made_by)
    return _accepted(context, dataset, response, new=new)


@router.post(
    "/import",
    status_code=status.HTTP_202_ACCEPTED,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The file, plain, gzipped, or alone in a ZIP or tar archive.",
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
    responses={
        **LOCATION_OF_ACCEPTED,
        200: {"model": DatasetView, "description": "The same file was imported before."},
        409: {"model": Problem},
        413: {"model": Problem, "description": "The file is over a limit; names its setting."},
        422: {"model": Problem, "description": "Rows that cannot be read, by line."},
        503: {"model": Problem, "description": "Too many imports wait; see `Retry-After`."},
        507: {"model": Problem, "description": "The disk is full."},
    },
)
async def import_dataset(  # noqa: PLR0913, PLR0917 FastAPI reads the query from the parameters
    context: InContext,
    made_by: MadeBy,
    request: Request,
    response: Response,
    name: Annotated[DatasetName, Query()],
    format: Annotated[  # noqa: A002
        str | None,
        Query(description=f"One of {', '.join(FORMATS)}. Default: recognised by the content."),
    ] = None,
    columns: Annotated[
        str | None,
        Query(description='Names of the columns, as JSON: `{"instruction": "question"}`.'),
    ] = None,
    vicuna: Annotated[bool, Query(description="Clean conversations as Vicuna did.")] = False,
    most_characters: Annotated[
        int | None,
        Query(
            ge=1, le=10**9, description="With `vicuna`: split longer conversations (characters)."
        ),
    ] = None,
    roles: Annotated[
        str | None,
        Query(description='More names of speakers, as JSON: `{"customer": "user"}`.'),
    ] = None,
    as_text: Annotated[bool, Query(description="Read numbers, true and false as text.")] = False,
    ignore: Annotated[
        list[StorableText] | None,
        Query(description="Columns to pass over, whatever they say, such as `tools`; repeatable."),
    ] = None,
    classification: Annotated[
        bool,
        Query(
            description="Mark every row as a classification row. Without it, the column "
            "`is_classification`, or the one named in `columns`, says which rows are."
        ),
    ] = False,
    skip_unreadable: Annotated[
        bool, Query(description="Skip rows that cannot be read, and list them as drops.")
    ] = False,
    licence: Annotated[Licence | None, Query()] = None,
    source: Annotated[
        StorableText | None,
        Query(max_length=500, description="Origin of the file, such as a URL."),
    ] = None,
) -> DatasetView:
    """Import a file as a data set; with any fault, nothing is imported and every fault is named."""
    how = _import(
        format=format,
        columns=_parsed(columns, "columns"),
        roles=_parsed(roles, "roles"),
        as_text=as_text,
        ignore=tuple(ignore or ()),
        classification=classification,
        vicuna=Vicuna(most_characters=most_characters) if vicuna else None,
        skip_unreadable=skip_unreadable,
        licence=licence,
        source=source,
    )
    service = context.service
    folder, check_space = service.files_dir / "uploads", partial(require_space, service)
    imports: ProcessQueue = request.app.state.imports
    async with (
        imports.place(),
        uploaded(request, folder, check_space, service.import_max_bytes) as file,
    ):
        upload = Upload(name, how, file, made_by)
        dataset, new = await imports.run(partial(import_process.import_apart, service, upload))
    return _accepted(context, dataset, response, new=new)


def _import(**values: Any) -> Import:  # noqa: ANN401 - of the fields' own types
    try:
        return Import(**values)
    except ValidationError as error:
        faults = faults_from(error.errors())
        raise InvalidInput("The import options have faults.", faults) from None


def _parsed(text: str | None, field: str) -> Any:  # noqa: ANN401 - what JSON is; `Import` looks at it
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        fault = Fault(f"must be a JSON object: {error}", field=field)
        raise InvalidInput("The import options have faults.", [fault]) from None


def _accepted(
    context: ApiContext, dataset: Dataset, response: Response, *, new: bool
) -> DatasetView:
    if new:
        context.send_dataset(dataset.id)
    else:
        response.status_code = status.HTTP_200_OK
    response.headers["Location"] = f"/v1/datasets/{dataset.id}"
    return DatasetView.model_validate(dataset)


@router.get("")
def list_datasets(
    context: InContext,
    name: Annotated[DatasetName | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> PageView[DatasetView]:
    """List data set versions, newest first, of one name or of all."""
    page = lists.list_datasets(context.service, name=name, cursor=cursor, limit=limit)
    items = [DatasetView.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


@router.get("/{dataset_id}")
def get_dataset(context: InContext, dataset_id: str) -> DatasetView:
    """Get a data set version: state, number of rows and of dropped rows."""
    return DatasetView.model_validate(lists.get_dataset(context.service, dataset_id))


@router.delete("/{dataset_id}", status_code=204, responses={409: {"model": Problem}})
def delete_dataset(context: InContext, dataset_id: str) -> None:
    """Delete a version with its rows and files; its version number is not used again."""
    control.delete_dataset(context.service, dataset_id)


@router.get(
    "/{dataset_id}/rows", responses={409: {"model": Problem, "description": "It is not ready."}}
)
def list_rows(
    context: InContext, dataset_id: str, cursor: Cursor = None, limit: Limit = 100
) -> PageView[DatasetRowView]:
    """List the rows of a version in order, each with its provenance."""
    rows, next_cursor = lists.list_rows(context.service, dataset_id, cursor, limit)
    return PageView(items=[DatasetRowView.of(row) for row in rows], next_cursor=next_cursor)


@router.get("/{dataset_id}/drops")
def list_drops(
    context: InContext, dataset_id: str, cursor: Cursor = None, limit: Limit = 100
) -> PageView[DropView]:
    """List the dropped rows of a version, each with the filter and the reason."""
    page = lists.list_drops(context.service, dataset_id, cursor=cursor, limit=limit)
    items = [DropView.model_validate(item) for item in page.items]
    return PageView(items=items, next_cursor=page.next_cursor)


def _option_parameters() -> list[dict[str, Any]]:
    """Return the options of all formats as OpenAPI describes query parameters."""
    properties = EVERY_WRITE_OPTION.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in properties.items()
    ]


@router.get(
    "/{dataset_id}/download",
    response_class=Response,
    responses={
        **download_responses(
            {one.media_type for one in FORMATS.values()} | {files.ARCHIVE_MEDIA_TYPE}
        ),
        409: {"model": Problem, "description": "It is not ready."},
        422: {"model": Problem},
        507: {"model": Problem, "description": "The disk is full."},
    },
    openapi_extra={"parameters": _option_parameters()},
)
def download_dataset(
    context: InContext,
    request: Request,
    dataset_id: str,
    format: Annotated[str, Query(description=f"One of {', '.join(FORMATS)}, hub.")] = "alpaca",  # noqa: A002
    split: Annotated[SplitName | None, Query(description="Default: all rows.")] = None,
) -> Response:
    """Download a version in a format; the same request is the same file, byte for byte.

    In a CSV file, `pandas.read_csv` takes empty texts and texts such as `NA` for missing values;
    read it with `keep_default_na=False`.

    `ETag` is the SHA-256 of the file. Resume a broken download with `Range` and `If-Range`.
    `X-Marks-Left-Out` is the number of classification rows of the version, if the file does not
    say which ones they are.
    """
    dataset = lists.ready_dataset(context.service, dataset_id)
    options = WRITTEN_PLAINLY
    if format != files.HUB_FORMAT:
        options = options_of(format_named(format), request.query_params)
    wanted = FileRequest(format, split, options)
    file = files.make_file(context.service, dataset, wanted)
    answer = dataset_answer(request, file, f"{dataset.name}-v{dataset.version}.{file.name}")
    if left_out := files.marks_left_out(context.service, dataset.id, wanted):
        answer.headers["X-Marks-Left-Out"] = str(left_out)
    return answer
