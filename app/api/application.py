"""The FastAPI application."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from app.api import openapi, problems
from app.api.context import ApiContext
from app.api.documentation import page as documentation
from app.api.files.body_limit import AnswerLarge, LimitBody
from app.api.files.process_queue import ProcessQueue
from app.api.metrics.http_metrics import HttpMetrics, Metrics
from app.api.request_ids import RequestIds
from app.api.response_headers import ResponseHeaders
from app.api.routes import (
    answer_reviews,
    batches,
    dataset_reports,
    datasets,
    events,
    health,
    runs,
    seed_sets,
    training_jobs,
)
from app.api.routes import metrics as metrics_route
from app.api.security.access import Access
from app.api.security.owner import Owner

VERSION = "0.1.0"
_ABOUT = """Grows a few human-written seed tasks into an instruction-tuning data set by the
Self-Instruct method. Post seed tasks, start a run, poll it, download the data set.

Every error is a problem detail (RFC 9457), also that an address does not exist (404), does not
have the method (405), or that the request is not valid HTTP (400)."""
# Only for the documentation and its page; `Access` checks the keys.
_KEYS_ARE_DOCUMENTED = Depends(
    HTTPBearer(auto_error=False, scheme_name="API key", description="`seedbed keys create`")
)
_WHOM_THE_KERNEL_NAMES = Owner()
# Also brings the model into the document.
_REFUSALS: dict[int | str, dict[str, Any]] = {401: {"model": problems.Problem}}


class _Api(FastAPI):
    """FastAPI with the completed document."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi.complete(super().openapi())
        return self.openapi_schema


def _operation_id(route: APIRoute) -> str:
    """Name an operation by its function, so that generated clients have short and stable names."""
    return route.name


def build_api(
    context: ApiContext,
    owner: Owner = _WHOM_THE_KERNEL_NAMES,
    answer_large: AnswerLarge | None = None,
) -> FastAPI:
    """Build the application; the caller closes the service after it.

    Args:
        context: the services behind it.
        owner: tells who may use it before the first API key is made. The server of the application
            must use `PeerProtocol`, or nobody is known.
        answer_large: answers requests with a large body, after their check; None: this application
            does, which takes no other request meanwhile.
    """
    api = build_routes(context)
    api.add_middleware(LimitBody, answer_large=answer_large)
    # Added later, so they run earlier.
    api.add_middleware(
        Access,
        database=context.service.database,
        readiness_threads=context.readiness_threads,
        owner=owner,
    )
    api.add_middleware(problems.AnswerFailures)
    api.add_middleware(HttpMetrics, metrics=api.state.metrics, routes=api.routes)
    api.add_middleware(RequestIds)
    api.add_middleware(ResponseHeaders)
    return api


def build_routes(context: ApiContext) -> FastAPI:
    """Build the application without its middleware, for requests that have passed it."""
    api = _Api(
        title="Seedbed",
        version=VERSION,
        description=_ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        generate_unique_id_function=_operation_id,
        # A redirect would name this server by its Host header, which a proxy may have changed.
        redirect_slashes=False,
        # The pages of FastAPI load their scripts from the internet; `documentation` does not.
        docs_url=None,
        redoc_url=None,
    )
    api.state.context = context
    api.state.metrics = Metrics(context.service.database)
    api.state.imports = ProcessQueue(context.service.import_process)
    problems.install(api)
    _add_routes(api)
    return api


def _add_routes(api: FastAPI) -> None:
    api.include_router(documentation.router)
    v1 = APIRouter(prefix="/v1")
    v1.include_router(health.router)
    for routes in (
        seed_sets.router,
        runs.router,
        events.streams,
        events.pages,
        batches.router,
        datasets.router,
        dataset_reports.router,
        training_jobs.router,
        training_jobs.evaluations,
        answer_reviews.router,
    ):
        v1.include_router(routes, dependencies=[_KEYS_ARE_DOCUMENTED], responses=_REFUSALS)
    api.include_router(v1)
    keys = [_KEYS_ARE_DOCUMENTED]
    api.include_router(metrics_route.router, dependencies=keys, responses=_REFUSALS)
