"""What is told of data sets over HTTP: manifest, statistics, report, card, plots, differences."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.context import InContext
from app.api.problems import Problem
from app.api.schemas.datasets import ComparisonView, Manifest, PushedView
from app.errors import NotFound
from app.services.datasets import compare as dataset_comparing
from app.services.datasets import hub, reports
from app.statistics.figures import Statistics

router = APIRouter(
    prefix="/datasets",
    tags=["data sets"],
    responses={404: {"model": Problem}, 409: {"model": Problem, "description": "It is not ready."}},
)


@router.get("/{dataset_id}/manifest")
def get_manifest(context: InContext, dataset_id: str) -> Manifest:
    """Get all that is known of what a version is and what made it."""
    return Manifest.of(reports.known(context.service, dataset_id))


@router.get("/{dataset_id}/statistics")
def get_statistics(context: InContext, dataset_id: str) -> Statistics:
    """Get a version in numbers: the paper's table 1, lengths, verbs and nouns, label balance."""
    return reports.known(context.service, dataset_id).statistics


@router.get("/{dataset_id}/report", response_class=HTMLResponse)
def get_report(context: InContext, dataset_id: str) -> HTMLResponse:
    """Get the report, a page with plots that opens offline."""
    return HTMLResponse(reports.report(context.service, dataset_id))


@router.get("/{dataset_id}/card", response_class=PlainTextResponse)
def get_card(context: InContext, dataset_id: str) -> PlainTextResponse:
    """Get the card, as a hub shows it."""
    card = reports.card(context.service, dataset_id)
    return PlainTextResponse(card, media_type="text/markdown")


@router.get(
    "/{dataset_id}/plots/{name}.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}},
)
def get_plot(context: InContext, dataset_id: str, name: str) -> Response:
    """Get one of the report's plots by itself."""
    drawn = reports.drawn(context.service, dataset_id)
    if name not in drawn:
        raise NotFound("plot", name)
    return Response(drawn[name], media_type="image/svg+xml")


@router.get("/{new_id}/compare/{old_id}")
def compare(
    context: InContext,
    new_id: str,
    old_id: str,
    limit: Annotated[int, Query(ge=0, le=1000, description="Differences told; all count.")] = 100,
) -> ComparisonView:
    """Compare a version with an older one: rows added, removed, and with another answer."""
    found = dataset_comparing.compare_datasets(context.service, old_id, new_id, limit)
    return ComparisonView.of(found)


class PushPost(BaseModel):
    """Where to."""

    model_config = ConfigDict(extra="forbid")

    repo: str = Field(min_length=1, max_length=200, examples=["owner/name"])
    private: bool = True


@router.post("/{dataset_id}/push", responses={502: {"model": Problem}, 503: {"model": Problem}})
def push(context: InContext, dataset_id: str, body: PushPost) -> PushedView:
    """Put a version with its card on the hub that the service has a token for, as one commit."""
    pushed = hub.push(context.service, dataset_id, body.repo, private=body.private)
    return PushedView.model_validate(pushed)
