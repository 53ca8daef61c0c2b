"""Client of the HTTP API: training jobs and evaluations."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from app.cli.service.connection import Json, Resource, ServiceConnection, segment
from app.schemas.training import OutputView, TrainingJobSummary, TrainingJobView


class TrainingClient:
    """Client of one service; every method raises the failures of `ServiceConnection`."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def train(
        self, dataset_id: str | None, options: Mapping[str, object], run_id: str | None = None
    ) -> TrainingJobView:
        """Start a training job, on a data set or on the rows of a run."""
        source = {"run_id": run_id} if dataset_id is None else {"dataset_id": dataset_id}
        body = {**source, "options": dict(options)}
        return self._connection.create(TrainingJobView, "/v1/training-jobs", body)

    def evaluate(self, dataset_id: str, options: Mapping[str, object]) -> TrainingJobView:
        """Start an evaluation job."""
        body = {"dataset_id": dataset_id, "options": dict(options)}
        return self._connection.create(TrainingJobView, "/v1/evaluations", body)

    def get(self, job_id: str) -> TrainingJobView:
        """Return a job as it is now."""
        request = self._connection.request("GET", _path(job_id))
        return self._connection.read(TrainingJobView, request, _resource(job_id))

    def act(self, job_id: str, action: str) -> TrainingJobView:
        """Cancel or resume a job; return the job afterwards."""
        request = self._connection.request("POST", _path(job_id, f"/{action}"))
        return self._connection.read(TrainingJobView, request, _resource(job_id))

    def all(self, limit: int | None = None, /, **filters: str) -> Iterator[TrainingJobSummary]:
        """Yield jobs, newest first, without logs and evaluations; at most `limit` of them."""
        return self._connection.list_all(TrainingJobSummary, "/v1/training-jobs", filters, limit)

    def document(self, job_id: str, part: str) -> bytes:
        """Return a part of a job that is a document, such as its report."""
        request = self._connection.request("GET", _path(job_id, part))
        return b"".join(self._connection.chunks(request, _resource(job_id)))

    def put_review(self, job_id: str, reviewer: str, sheet: bytes) -> Json:
        """Upload a filled-in rating sheet; return the figures of all reviewers so far."""
        request = self._connection.request(
            "PUT",
            _path(job_id, f"/reviews/{segment(reviewer)}"),
            content=sheet,
            headers={"Content-Type": "text/csv"},
        )
        return self._connection.json(request, _resource(job_id))

    def outputs(self, job_id: str) -> list[OutputView]:
        """Return the output files of a job."""
        request = self._connection.request("GET", _path(job_id, "/outputs"))
        answer = self._connection.json_list(request, _resource(job_id))
        return [self._connection.parse(OutputView, each) for each in answer]

    def download(self, job_id: str, name: str, out: BinaryIO) -> None:
        """Write one output file to `out`."""
        path = "/".join(segment(part) for part in name.split("/"))
        request = self._connection.request("GET", _path(job_id, f"/outputs/{path}"))
        for chunk in self._connection.chunks(request, Resource("output", name)):
            out.write(chunk)


def _path(job_id: str, part: str = "") -> str:
    return f"/v1/training-jobs/{segment(job_id)}{part}"


def _resource(job_id: str) -> Resource:
    return Resource("training job", job_id)
