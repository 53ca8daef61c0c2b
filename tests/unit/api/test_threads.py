"""Health, readiness and the check of keys answer while every thread of the routes is taken."""

import asyncio

import anyio
import httpx
from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp

from tests.unit.api.conftest import Service


async def _asked(app: ASGIApp, client: tuple[str, int], path: str) -> int:
    transport = httpx.ASGITransport(app, client=client)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return (await http.get(path)).status_code


async def _statuses_without_threads(app: ASGIApp) -> list[int]:
    threads = current_default_thread_limiter()
    for _ in range(int(threads.total_tokens)):
        threads.acquire_on_behalf_of_nowait(object())
    with anyio.fail_after(20):
        return [
            await _asked(app, ("127.0.0.1", 1), "/v1/health"),
            await _asked(app, ("127.0.0.1", 1), "/v1/ready"),
            # Refused: so the keys were looked for.
            await _asked(app, ("203.0.113.9", 1), "/v1/ready"),
            await _asked(app, ("203.0.113.9", 1), "/v1/runs"),
        ]


def test_health_readiness_and_access_need_no_thread_of_the_routes(service: Service) -> None:
    statuses = asyncio.run(_statuses_without_threads(service.http.app))
    assert statuses == [200, 200, 403, 403]
