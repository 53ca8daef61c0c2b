"""The FastAPI application."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer

from app.api import problems
from app.api.context import ApiContext
from app.api.files.body_limit import LimitBody
from app.api.metrics.http_metrics import HttpMetrics, Metrics
from app.api.request_ids import RequestIds
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
Self-Instruct method. Post seed tasks, start a run, poll it, download the data set. Every error is
a problem detail (RFC 9457)."""
# Only for the documentation and its page; `Access` checks the keys.
_KEYS_ARE_DOCUMENTED = Depends(
    HTTPBearer(auto_error=False, scheme_name="API key", description="`seedbed keys create`")
)
_WHOM_THE_KERNEL_NAMES = Owner()
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": problems.Problem, "description": "No valid API key was sent."},
    403: {"model": problems.Problem, "description": "The key's scopes do not allow it."},
}


def build_api(context: ApiContext, owner: Owner = _WHOM_THE_KERNEL_NAMES) -> FastAPI:
    """Build the application; the caller closes the service after it.

    Args:
        context: the services behind it.
        owner: tells who may use it before the first API key is made. The server of the application
            must use `PeerProtocol`, or nobody is known.
    """
    api = FastAPI(title="Seedbed", version=VERSION, description=_ABOUT)
    api.state.context = context
    api.state.metrics = metrics = Metrics(context.service.database)
    problems.install(api)
    api.add_middleware(LimitBody)
    # Added later, so they run earlier.
    api.add_middleware(
        Access,
        database=context.service.database,
        readiness_threads=context.readiness_threads,
        owner=owner,
    )
    api.add_middleware(HttpMetrics, metrics=metrics, routes=api.routes)
    api.add_middleware(RequestIds)
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
    return api
