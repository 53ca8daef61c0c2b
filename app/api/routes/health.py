"""Health checks; they use no thread that other requests use."""

from anyio import to_thread
from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.api.context import ApiContext, InContext
from app.services.free_space import any_shortage
from app.store.health import trouble

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process is alive."""

    status: str = "ok"


class Readiness(BaseModel):
    """`ok`, or the error of each dependency."""

    status: str
    checks: dict[str, str]


@router.get("/health")
async def get_health() -> Health:
    """Report that the process is alive; checks nothing else."""
    return Health()


@router.get("/ready", responses={503: {"model": Readiness}})
async def get_readiness(context: InContext, response: Response) -> Readiness:
    """Report if the database and the broker can be used, and if the disks have space."""
    found = await to_thread.run_sync(_troubles, context, limiter=context.readiness_threads)
    ready = not any(found.values())
    response.status_code = 200 if ready else 503
    checks = {part: what or "ok" for part, what in found.items()}
    return Readiness(status="ok" if ready else "unavailable", checks=checks)


def _troubles(context: ApiContext) -> dict[str, str | None]:
    """Return the error of each dependency; None for those that work."""
    return {
        "database": trouble(context.service.database),
        "broker": context.broker_trouble(),
        "disk": any_shortage(context.service),
    }
