"""The API as clients see it: paths, statuses, media types, fields and limits."""

import json
import re
from pathlib import Path
from typing import Any

from app.api.application import build_api
from app.api.context import ApiContext
from app.pipeline.profiles import PROFILES
from app.pipeline.types import Stage
from app.schemas.schema import RequestBody
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
    for operations in found["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    # All alike; tested below.
                    response.pop("content", None)
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
            summary = operation["summary"]
            assert summary[0].isupper(), (method, path)
            assert " " in summary, (method, path)
            assert "." not in summary, (method, path)
            for parameter in operation.get("parameters", ()):
                assert parameter["schema"].get("description") or parameter["description"]


def test_every_error_is_a_problem_detail() -> None:
    document = _document()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                if int(status) < 400 or (path, status) == ("/v1/ready", "503"):
                    continue
                assert list(response["content"]) == ["application/problem+json"], (method, path)
                assert len(response["description"]) > 15, (method, path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_an_operation_lists_the_errors_that_its_form_brings() -> None:
    paths = _document()["paths"]
    assert set(paths["/v1/health"]["get"]["responses"]) == {"200"}
    download = set(paths["/v1/datasets/{dataset_id}/download"]["get"]["responses"])
    assert download >= {"206", "304", "401", "403", "404", "409", "416", "422", "503", "507"}
    start = set(paths["/v1/runs"]["post"]["responses"])
    assert start >= {"401", "403", "404", "408", "409", "413", "422", "503", "507"}


def test_operation_ids_are_the_names_of_functions_and_unique() -> None:
    ids = [
        operation["operationId"]
        for operations in _document()["paths"].values()
        for operation in operations.values()
    ]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", one) for one in ids)


def test_every_body_is_checked_for_what_a_database_refuses() -> None:
    document = _document()
    checked = {one.__name__ for one in RequestBody.__subclasses__()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = json.dumps(content.get("application/json", {}).get("schema", {}))
            for name in re.findall(r"#/components/schemas/(\w+)", schema):
                assert name in checked | {"SeedTaskIn"}, (method, path, name)
