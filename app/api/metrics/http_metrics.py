"""The metrics of this process's requests: number and duration by route, method and status."""

import time
from collections.abc import Sequence

from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.metrics.service_collector import ServiceCollector
from app.services.monitoring import FiguresReader
from app.store.database import Database

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "none"
_OTHER_METHOD = "other"
_CUT_OFF = "cut_off"
"""In place of a status: the client left before the answer began."""
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The metrics of one application."""

    def __init__(self, database: Database) -> None:
        self.reader = FiguresReader(database)
        self.registry = CollectorRegistry()
        self.registry.register(ServiceCollector(self.reader))
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "seedbed_http_requests",
            "Requests that this process answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.duration = Histogram(
            "seedbed_http_request_duration_seconds",
            "Seconds from a request to the end of its response, without event streams.",
            ("method", "route"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "seedbed_http_requests_in_flight",
            "Requests that this process is answering, including event streams.",
            registry=self.registry,
        )


class HttpMetrics:
    """Middleware that counts and times requests.

    Args:
        app: the application behind it.
        metrics: where it counts.
        routes: of the whole application, for requests that are refused before one is chosen.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._metrics = metrics
        contexts = iter_route_contexts(routes)
        paths = dict.fromkeys(one.path for one in contexts if one.path is not None)
        compiled = [compile_path(path) for path in paths]
        self._templates = [(regex, template) for regex, template, _ in compiled]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, is_stream = _CUT_OFF, False

        async def seen(message: Message) -> None:
            nonlocal status, is_stream
            if message["type"] == "http.response.start":
                status = str(message["status"])
                kind = Headers(raw=message["headers"]).get("content-type", "")
                is_stream = kind.startswith("text/event-stream")
            await send(message)

        began_at = time.perf_counter()
        try:
            with self._metrics.in_flight.track_inprogress():
                await self._app(scope, receive, seen)
        except Exception:
            status = "500" if status == _CUT_OFF else status
            raise
        finally:
            method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
            route = self._route_of(scope)
            self._metrics.requests.labels(method, route, status).inc()
            if not is_stream:
                took_s = time.perf_counter() - began_at
                self._metrics.duration.labels(method, route).observe(took_s)

    def _route_of(self, scope: Scope) -> str:
        """Return the template of the request's path; a path of no route has one label for all."""
        # Not the route that was chosen: a request that is refused before has none.
        path = scope["path"]
        return next((name for regex, name in self._templates if regex.fullmatch(path)), _NO_ROUTE)
