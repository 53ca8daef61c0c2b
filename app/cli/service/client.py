"""The HTTP API as the command line uses it."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import httpx

from app.cli.service.answers import Estimate, Event, Run, SeedSet
from app.cli.service.connection import About, ServiceConnection, not_ours, segment
from app.cli.service.dataset_client import DatasetClient
from app.cli.service.training_client import TrainingClient


class ServiceClient:
    """One service; every method raises what `ServiceConnection` does."""

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

    def post_seed_set(self, jsonl: bytes, name: str) -> SeedSet:
        """Store a seed set, or find the stored one of the same content."""
        request = self._connection.request(
            "POST",
            "/v1/seed-sets",
            content=jsonl,
            params={"name": name},
            headers={"Content-Type": "application/x-ndjson"},
        )
        return self._connection.read(SeedSet, request)

    def start_run(
        self,
        source: Mapping[str, str],
        options: Mapping[str, object],
        budget: Mapping[str, object],
        training: Mapping[str, object] | None = None,
    ) -> Run:
        """Queue a run of a source, such as ``{"seed_set_id": ...}`` or ``{"dataset_id": ...}``."""
        tuned = {} if training is None else {"training": {"options": dict(training)}}
        body = {**source, "options": dict(options), "budget": dict(budget), **tuned}
        return self._connection.started(Run, "/v1/runs", body)

    def run(self, run_id: str) -> Run:
        """A run as it is now."""
        request = self._connection.request("GET", f"/v1/runs/{segment(run_id)}")
        return self._connection.read(Run, request, _run(run_id))

    def runs(self, limit: int | None = None, /, **filters: str) -> Iterator[Run]:
        """Runs, newest first; the newest `limit` only, or all."""
        return self._connection.listed(Run, "/v1/runs", filters, limit)

    def events(self, run_id: str) -> Iterator[Event]:
        """What has happened to a run, from the beginning."""
        path = f"/v1/runs/{segment(run_id)}/events"
        return self._connection.listed(Event, path, {}, about=_run(run_id))

    def event_lines(self, run_id: str, after_id: int | None) -> Iterator[str] | None:
        """The lines of a run's event stream, after one of its events.

        None when the run has ended and there is nothing after that event.
        """
        headers = {"Accept": "text/event-stream"}
        if after_id is not None:
            headers["Last-Event-ID"] = str(after_id)
        path = f"/v1/runs/{segment(run_id)}/events"
        request = self._connection.request("GET", path, headers=headers)
        response = self._connection.sent(request, _run(run_id))
        if response.status_code == httpx.codes.NO_CONTENT:
            response.close()
            return None
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            response.close()
            raise not_ours(self.url)
        return self._connection.lines(response)

    def act(self, run_id: str, action: str, body: Mapping[str, object] | None = None) -> Run:
        """Cancel, pause, resume or extend a run; the run after that."""
        path = f"/v1/runs/{segment(run_id)}/{action}"
        request = self._connection.request("POST", path, json=body)
        return self._connection.read(Run, request, _run(run_id))

    def estimate_run(self, source: Mapping[str, str], options: Mapping[str, object]) -> Estimate:
        """What a run of a source would take."""
        body = {**source, "options": dict(options), "dry_run": True}
        request = self._connection.request("POST", "/v1/runs", json=body)
        return self._connection.read(Estimate, request)

    def estimate_extension(self, run_id: str, extension: Mapping[str, object]) -> Estimate:
        """What a run has still to take."""
        path = f"/v1/runs/{segment(run_id)}/extend"
        body = {**extension, "dry_run": True}
        request = self._connection.request("POST", path, json=body)
        return self._connection.read(Estimate, request, _run(run_id))

    def dataset(self, run_id: str) -> Iterator[bytes]:
        """The run's data set, piece by piece."""
        request = self._connection.request("GET", f"/v1/runs/{segment(run_id)}/dataset")
        return self._connection.pieces(request, _run(run_id))


def _run(run_id: str) -> About:
    return About("run", run_id)
