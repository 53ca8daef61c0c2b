"""Routes of human reviews: the blind sheet of a job's answers, and the filled sheets."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response, status
from pydantic import AfterValidator

from app.api.context import InContext
from app.api.files.body_limit import body_bytes
from app.api.problems import Problem
from app.api.security.access import MadeBy
from app.evaluation.metrics import ReviewFigures
from app.services.training.jobs import review_sheets
from app.storable_text import check_name

router = APIRouter(prefix="/training-jobs", tags=["training"], responses={404: {"model": Problem}})

_CSV = "text/csv"
_NOTHING: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "There is no evaluation yet."}
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {_CSV: {"schema": {"type": "string"}}},
    }
}
Reviewer = Annotated[
    str,
    AfterValidator(check_name),
    Path(
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f/]+$",
        description="Name of the reviewer in the report.",
    ),
]


class _Sheet(Response):
    media_type = _CSV


@router.get("/{job_id}/sheet", response_class=_Sheet, responses=_NOTHING)
def get_sheet(context: InContext, job_id: str) -> _Sheet:
    """Download the answers of a job as a blind sheet for a person to rate from A to D."""
    headers = {"Content-Disposition": 'attachment; filename="sheet.csv"'}
    return _Sheet(review_sheets.make_sheet(context.service, job_id), headers=headers)


@router.put(
    "/{job_id}/reviews/{reviewer}",
    openapi_extra=_BODY,
    responses={
        **_NOTHING,
        422: {"model": Problem, "description": "Every fault, with line and field."},
    },
)
def put_review(
    context: InContext,
    made_by: MadeBy,
    job_id: str,
    reviewer: Reviewer,
    body: Annotated[bytes, Depends(body_bytes)],
) -> ReviewFigures:
    """Upload a filled sheet: it becomes part of the evaluation and its report.

    It replaces an earlier sheet of the same reviewer. With any fault, nothing is stored.
    """
    return review_sheets.submit_sheet(context.service, job_id, reviewer, body, made_by)


@router.delete("/{job_id}/reviews/{reviewer}", status_code=status.HTTP_204_NO_CONTENT)
def delete_review(context: InContext, job_id: str, reviewer: Reviewer) -> None:
    """Remove a reviewer's sheet from the evaluation."""
    review_sheets.remove_review(context.service, job_id, reviewer)
