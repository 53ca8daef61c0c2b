"""The HTTP application, built from what it works with."""

from fastapi import APIRouter, FastAPI

from app.api import problems
from app.api.bodies import LimitBody
from app.api.context import Context
from app.api.routes import health, runs, seed_sets

VERSION = "0.1.0"
_ABOUT = """Grows a few human-written seed tasks into an instruction-tuning data set by the
Self-Instruct method. Post seed tasks, start a run, poll it, download the data set. Every error is
a problem detail (RFC 9457)."""


def build_api(context: Context) -> FastAPI:
    """Build the application; the caller closes the workshop after it."""
    api = FastAPI(title="Seedbed", version=VERSION, description=_ABOUT)
    api.state.context = context
    problems.install(api)
    api.add_middleware(LimitBody)
    v1 = APIRouter(prefix="/v1")
    for routes in (health.router, seed_sets.router, runs.router):
        v1.include_router(routes)
    api.include_router(v1)
    return api
