"""People as judges over HTTP: the blind sheet of a job's answers, and the sheets that came back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response, status

from app.api.context import InContext
from app.api.files.body_limit import body_bytes
from app.api.problems import Problem
from app.evaluation.metrics import ReviewFigures
from app.services.training.jobs import review_sheets

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
    Path(
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f/]+$",
        description="What the person is called in the report.",
    ),
]


class _Sheet(Response):
    media_type = _CSV


@router.get("/{job_id}/sheet", response_class=_Sheet, responses=_NOTHING)
def get_sheet(context: InContext, job_id: str) -> _Sheet:
    """Download its answers as a sheet for a person to rate A to D; no row tells its model."""
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
    job_id: str,
    reviewer: Reviewer,
    body: Annotated[bytes, Depends(body_bytes)],
) -> ReviewFigures:
    """Bring a filled sheet back: it goes into the evaluation and its report.

    It takes the place of an earlier one of the same person; with a fault in it, nothing is kept.
    """
    return review_sheets.submit_sheet(context.service, job_id, reviewer, body)


@router.delete("/{job_id}/reviews/{reviewer}", status_code=status.HTTP_204_NO_CONTENT)
def delete_review(context: InContext, job_id: str, reviewer: Reviewer) -> None:
    """Take a person's sheet out of the evaluation."""
    review_sheets.remove_review(context.service, job_id, reviewer)
