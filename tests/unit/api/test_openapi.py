"""The API as clients see it: paths, statuses, media types, fields and limits."""

from pathlib import Path
from typing import Any

from app.api.application import build_api
from app.api.context import ApiContext
from app.pipeline.profiles import PROFILES
from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.store.database import Database
from tests.golden import check_golden_json, without_optional_filters, without_texts


def _document() -> dict[str, Any]:
    context = ServiceContext(
        database=Database("sqlite://"),
        endpoints=[],
        default_model=None,
        concurrency=1,
        slice_s=1.0,
        lease_s=1.0,
    )
    api = build_api(ApiContext(context, send=lambda _: None, broker_trouble=lambda: None))
    context.close()
    document: dict[str, Any] = api.openapi()
    return document


def test_the_document_describes_the_agreed_api() -> None:
    found = without_optional_filters(without_texts(_document()))
    # A stage that no profile has yet is in no answer.
    every = found["components"]["schemas"]["Stage"]["enum"]
    asked = {Stage.PREFLIGHT, *(stage for one in PROFILES.values() for stage in one.stages)}
    found["components"]["schemas"]["Stage"]["enum"] = [one for one in every if one in asked]
    check_golden_json(Path(__file__).with_name("openapi.json"), found)


def test_every_operation_is_described_and_tagged() -> None:
    document = _document()
    assert document["info"]["title"] == "Seedbed"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["tags"], (method, path)
            assert operation["description"], (method, path)
