"""Metrics for Prometheus."""

import asyncio

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from app.api.metrics.http_metrics import Metrics

router = APIRouter(tags=["monitoring"])
_PATIENCE_S = 2.0
"""Longest time to wait for new figures; then the last ones are sent."""
_THREADS = CapacityLimiter(1)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "All metrics, in the text format of Prometheus or of OpenMetrics.",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/openmetrics-text": {"schema": {"type": "string"}},
            },
        }
    },
)
async def get_metrics(request: Request) -> Response:
    """Report the metrics of all processes and of this one's requests.

    They are at most 5 seconds old; while the database does not answer, the last known ones are
    sent, and `seedbed_database_up` is 0.
    """
    metrics: Metrics = request.app.state.metrics
    await asyncio.wait([asyncio.wrap_future(metrics.reader.refresh())], timeout=_PATIENCE_S)
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    body = await to_thread.run_sync(encode, metrics.registry, limiter=_THREADS)
    return Response(body, headers={"Content-Type": media_type})
