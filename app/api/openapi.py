"""The OpenAPI document: what FastAPI derives from the routes, with every error and a summary.

Each error of an operation is described as the problem detail that it is. Which errors occur follows
from the operation: one with a body may get a body that is too large, and so on. A route adds those
that are its own, such as 409, by ``responses={409: {"model": Problem}}``.
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from app.api.files.body_limit import UNLIMITED
from app.api.problems import MEDIA_TYPE, Problem
from app.api.security.access import HEALTH

Json: TypeAlias = dict[str, Any]

TAGS = (
    ("health", "Is the service alive, and can it work?"),
    ("seed sets", "Human-written tasks that runs grow from."),
    ("runs", "Runs that grow or review a data set, and everything that they contain."),
    ("data sets", "Versions of data sets: made from runs, imported, downloaded, described."),
    ("monitoring", "Metrics for Prometheus."),
    ("training", "Training jobs, evaluations, their outputs, and reviews by people."),
)
_DESCRIPTIONS: Mapping[int, str] = {
    400: "The request is not valid HTTP.",
    401: "No valid API key was sent.",
    403: "The scopes of the API key do not allow it; or there is no API key, and the request does"
    " not come from the user of this machine.",
    404: "It does not exist.",
    408: "The body arrived too slowly.",
    409: "Its state does not allow it, or the Idempotency-Key was used with another request.",
    413: "The body is too large.",
    415: "The body is compressed; send it without a Content-Encoding.",
    416: "The requested range is outside of the file.",
    422: "The request has faults, each with its field.",
    502: "The Hugging Face Hub refused, or does not answer.",
    503: "The database does not answer, or a setting that this needs is not set.",
    507: "The disk is full.",
}
_PARAMETERS: Mapping[str, str] = {
    "run_id": "Id of the run.",
    "job_id": "Id of the training job or evaluation.",
    "dataset_id": "Id of the data set version.",
    "new_id": "Id of the newer data set version.",
    "old_id": "Id of the older data set version.",
    "seed_set_id": "Id of the seed set.",
    "limit": "Most items in the page.",
    "licence": "Licence, such as `apache-2.0`; cards show it.",
    "name": "Its name.",
    "status": "Only those with this status.",
}
_SUMMARY_END = re.compile(r"[.:;](?:\s|$)")
_PROBLEM = {"$ref": f"#/components/schemas/{Problem.__name__}"}
# What FastAPI says of 422 unless told otherwise.
_UNUSED_SCHEMAS = ("HTTPValidationError", "ValidationError")


def complete(document: Json) -> Json:
    """Complete a document of FastAPI in place, and return it."""
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _summarise(operation)
            _describe_parameters(operation)
            _describe_errors(operation, set(_occurring(path, method, operation)))
    for name in _UNUSED_SCHEMAS:
        document["components"]["schemas"].pop(name, None)
    return document


def _summarise(operation: Json) -> None:
    """Take the first sentence of the description, unless the route has a summary of its own."""
    automatic = operation["operationId"].replace("_", " ").title()
    if operation.get("summary", automatic) == automatic:
        first = _SUMMARY_END.split(operation["description"], maxsplit=1)[0]
        operation["summary"] = " ".join(first.split())


def _describe_parameters(operation: Json) -> None:
    for parameter in operation.get("parameters", ()):
        known = _PARAMETERS.get(parameter["name"])
        if known and "description" not in parameter:
            parameter["description"] = known


def _occurring(path: str, method: str, operation: Json) -> Iterator[int]:
    """Yield the errors that every operation of this form may answer with."""
    if path == HEALTH:
        return
    yield from (401, 403, 503)
    if "{" in path:
        yield 404
    if "parameters" in operation:
        yield 422
    if "requestBody" in operation:
        yield from (408, 413, 422)
        if path not in UNLIMITED:
            yield 415
    if method != "get":
        yield 507
    if "206" in operation["responses"]:
        yield 416


def _describe_errors(operation: Json, occurring: set[int]) -> None:
    responses: Json = operation["responses"]
    for status in occurring:
        responses.setdefault(str(status), {})
    for name, response in responses.items():
        status = int(name)
        if status >= 400 and _is_problem(response):
            response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
            if response.get("description", "") in _automatic(status):
                response["description"] = _DESCRIPTIONS[status]
    operation["responses"] = dict(sorted(responses.items()))


def _is_problem(response: Json) -> bool:
    described = response.get("content", {}).get("application/json", {"schema": _PROBLEM})
    return described["schema"] in (
        _PROBLEM,
        {"$ref": f"#/components/schemas/{_UNUSED_SCHEMAS[0]}"},
    )


def _automatic(status: int) -> set[str]:
    """Return the descriptions that FastAPI gives to a response without one."""
    return {"", "Validation Error", HTTPStatus(status).phrase}
