"""Health checks."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.api.context import InContext
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
def get_health() -> Health:
    """Report that the process is alive; checks nothing else."""
    return Health()


@router.get("/ready", responses={503: {"model": Readiness}})
def get_readiness(context: InContext, response: Response) -> Readiness:
    """Report if the database and the broker can be used."""
    found = {
        "database": trouble(context.service.database),
        "broker": context.broker_trouble(),
    }
    ready = not any(found.values())
    response.status_code = 200 if ready else 503
    checks = {part: what or "ok" for part, what in found.items()}
    return Readiness(status="ok" if ready else "unavailable", checks=checks)
