"""Client of the HTTP API: seed sets, runs and events."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import httpx
from httpx_sse import ServerSentEvent

from app.cli.service.connection import Resource, ServiceConnection, not_seedbed, segment
from app.cli.service.dataset_client import DatasetClient
from app.cli.service.training_client import TrainingClient
from app.schemas.runs import EventView, RunEstimate, RunView, SeedSetView


class ServiceClient:
    """Client of one service; every method raises the failures of `ServiceConnection`."""

    def __init__(self, url: str, *, through_proxy: bool, key: str | None = None) -> None:
        self.url = url
        self._connection = ServiceConnection(url, through_proxy=through_proxy, key=key)
        self.datasets = DatasetClient(self._connection)
        self.training = TrainingClient(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.__exit__(kind, error, trace)

    def post_seed_set(self, jsonl: bytes, name: str) -> SeedSetView:
        """Store a seed set, or find the stored one with the same content."""
        request = self._connection.request(
            "POST",
            "/v1/seed-sets",
            content=jsonl,
            params={"name": name},
            headers={"Content-Type": "application/x-ndjson"},
        )
        return self._connection.read(SeedSetView, request)

    def start_run(
        self,
        source: Mapping[str, str],
        options: Mapping[str, object],
        budget: Mapping[str, object],
        training: Mapping[str, object] | None = None,
    ) -> RunView:
        """Queue a run.

        Args:
            source: such as ``{"seed_set_id": ...}`` or ``{"dataset_id": ...}``.
            options: run options that differ from the defaults.
            budget: limits, by their API names.
            training: options of the training job that follows the run; None: no job follows.
        """
        job = {} if training is None else {"training": {"options": dict(training)}}
        body = {**source, "options": dict(options), "budget": dict(budget), **job}
        return self._connection.create(RunView, "/v1/runs", body)

    def run(self, run_id: str) -> RunView:
        """Return a run as it is now."""
        request = self._connection.request("GET", _path(run_id))
        return self._connection.read(RunView, request, _resource(run_id))

    def runs(self, limit: int | None = None, /, **filters: str) -> Iterator[RunView]:
        """Yield runs, newest first; at most `limit` of them."""
        return self._connection.list_all(RunView, "/v1/runs", filters, limit)

    def events(self, run_id: str) -> Iterator[EventView]:
        """Yield the stored events of a run, oldest first."""
        path = _path(run_id, "/events")
        return self._connection.list_all(EventView, path, {}, resource=_resource(run_id))

    def event_stream(self, run_id: str, after_id: int | None) -> Iterator[ServerSentEvent] | None:
        """Yield the event stream of a run, after one of its events.

        Returns:
            None when the run has ended and no later event is stored.
        """
        headers = {"Accept": "text/event-stream"}
        if after_id is not None:
            headers["Last-Event-ID"] = str(after_id)
        request = self._connection.request("GET", _path(run_id, "/events"), headers=headers)
        response = self._connection.send(request, _resource(run_id))
        if response.status_code == httpx.codes.NO_CONTENT:
            response.close()
            return None
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            response.close()
            raise not_seedbed(self.url)
        return self._connection.server_sent_events(response)

    def act(self, run_id: str, action: str, body: Mapping[str, object] | None = None) -> RunView:
        """Cancel, pause, resume or extend a run; return the run afterwards."""
        request = self._connection.request("POST", _path(run_id, f"/{action}"), json=body)
        return self._connection.read(RunView, request, _resource(run_id))

    def estimate_run(self, source: Mapping[str, str], options: Mapping[str, object]) -> RunEstimate:
        """Return the expected cost of a run; start nothing."""
        body = {**source, "options": dict(options), "dry_run": True}
        request = self._connection.request("POST", "/v1/runs", json=body)
        return self._connection.read(RunEstimate, request)

    def estimate_extension(self, run_id: str, extension: Mapping[str, object]) -> RunEstimate:
        """Return the expected cost of the rest of a run; change nothing."""
        body = {**extension, "dry_run": True}
        request = self._connection.request("POST", _path(run_id, "/extend"), json=body)
        return self._connection.read(RunEstimate, request, _resource(run_id))

    def dataset(self, run_id: str) -> Iterator[bytes]:
        """Yield the data set of a run in chunks."""
        request = self._connection.request("GET", _path(run_id, "/dataset"))
        return self._connection.chunks(request, _resource(run_id))


def _path(run_id: str, part: str = "") -> str:
    return f"/v1/runs/{segment(run_id)}{part}"


def _resource(run_id: str) -> Resource:
    return Resource("run", run_id)
