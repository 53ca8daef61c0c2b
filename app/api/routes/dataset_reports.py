"""Routes of what describes a data set: manifest, statistics, report, card, plots, comparison."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import ConfigDict, Field, StrictBool

from app.api.context import InContext
from app.api.problems import Problem
from app.api.response_headers import page_headers
from app.errors import NotFound
from app.reports.page import DRAWING_POLICY, PAGE_POLICY
from app.schemas.datasets import ChangeView, ComparisonView, FileView, Manifest, PushedView
from app.schemas.schema import RequestBody
from app.services.datasets import compare as dataset_comparing
from app.services.datasets import hub, reports
from app.services.datasets.sources import all_sources
from app.statistics.schema import Statistics
from app.store.json_columns import SourceFact
from app.store.tables.datasets import Dataset

router = APIRouter(
    prefix="/datasets",
    tags=["data sets"],
    responses={404: {"model": Problem}, 409: {"model": Problem, "description": "It is not ready."}},
)


@router.get("/{dataset_id}/manifest")
def get_manifest(context: InContext, dataset_id: str) -> Manifest:
    """Get the manifest of a version: its full provenance."""
    return _manifest(reports.version_details(context.service, dataset_id))


def _manifest(found: reports.VersionDetails) -> Manifest:
    dataset, facts = found.dataset, found.facts
    licences, unknown = _licences(dataset, facts["sources"])
    return Manifest(
        **{name: getattr(dataset, name) for name in _COLUMNS},
        splits=found.statistics.splits,
        classification_rows=found.statistics.labels.all_rows.whole.rows,
        files=[FileView.model_validate(file) for file in found.files],
        sources=facts["sources"],
        runs=facts["runs"],
        licences=licences,
        licence_unknown=unknown,
        dropped=facts["dropped"],
        mended=found.statistics.mended,
        test_overlap=facts.get("test_overlap"),
    )


_COLUMNS = ("id", "name", "version", "row_count", "content_sha256", "recipe", "created_at")


def _licences(dataset: Dataset, sources: Sequence[SourceFact]) -> tuple[list[str], bool]:
    # A version's own licence stands for its rows; what it was made of may bind them all the same.
    of_sources: list[str | None] = []
    for fact in all_sources(sources):
        if "run_id" in fact:
            of_sources += [fact["seed_set"]["licence"]] if "seed_set" in fact else []
        elif "file_sha256" in fact or not fact["sources"]:
            of_sources.append(fact["licence"])
    known = [dataset.recipe.get("licence"), *of_sources]
    return list(dict.fromkeys(filter(None, known))), None in of_sources


@router.get("/{dataset_id}/statistics")
def get_statistics(context: InContext, dataset_id: str) -> Statistics:
    """Get the statistics of a version: table 1 of the paper, lengths, verbs, nouns, labels."""
    return reports.version_details(context.service, dataset_id).statistics


@router.get("/{dataset_id}/report", response_class=HTMLResponse)
def get_report(context: InContext, dataset_id: str) -> HTMLResponse:
    """Get the report of a version, an HTML page with plots that opens offline."""
    page = reports.report(context.service, dataset_id)
    return HTMLResponse(page, headers=page_headers(PAGE_POLICY))


class _Markdown(PlainTextResponse):
    media_type = "text/markdown"


@router.get("/{dataset_id}/card", response_class=_Markdown)
def get_card(context: InContext, dataset_id: str) -> _Markdown:
    """Get the data set card of a version, in Markdown."""
    return _Markdown(reports.card(context.service, dataset_id))


@router.get(
    "/{dataset_id}/plots/{name}.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}},
)
def get_plot(context: InContext, dataset_id: str, name: str) -> Response:
    """Get one plot of the report, as SVG."""
    drawn = reports.plots_of(context.service, dataset_id)
    if name not in drawn:
        raise NotFound("plot", name)
    headers = page_headers(DRAWING_POLICY)
    return Response(drawn[name], media_type="image/svg+xml", headers=headers)


@router.get("/{new_id}/compare/{old_id}")
def compare_datasets(
    context: InContext,
    new_id: str,
    old_id: str,
    limit: Annotated[
        int, Query(ge=0, le=1000, description="Most differences to list; all are counted.")
    ] = 100,
) -> ComparisonView:
    """Compare a version with an older one: rows added, removed, and with another answer."""
    found = dataset_comparing.compare_datasets(context.service, old_id, new_id, limit)
    return ComparisonView(
        old_id=found.old.id,
        new_id=found.new.id,
        added=found.summary.added,
        removed=found.summary.removed,
        changed=found.summary.changed,
        same=found.summary.same,
        changes=[ChangeView.of(change) for change in found.changes],
    )


class PushPost(RequestBody):
    """The repository to push to."""

    model_config = ConfigDict(extra="forbid")

    # Of a name without its owner, the hub creates the repository and then does not find it.
    repo: str = Field(max_length=200, pattern=r"^[\w.-]+/[\w.-]+$", examples=["owner/name"])
    # A text such as "no" must not decide who can read it.
    private: StrictBool = True


@router.post("/{dataset_id}/push", responses={502: {"model": Problem}, 503: {"model": Problem}})
def push_dataset(context: InContext, dataset_id: str, body: PushPost) -> PushedView:
    """Push a version with its card to the Hugging Face Hub, as one commit."""
    pushed = hub.push(context.service, dataset_id, body.repo, private=body.private)
    return PushedView.model_validate(pushed)
