"""Jobs that tune and measure models over the HTTP API, as the command line uses them."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from app.cli.service.answers import Json, TrainingJob, TrainingOutput
from app.cli.service.connection import About, ServiceConnection, segment


class TrainingClient:
    """The training jobs of one service; every method raises what `ServiceConnection` does."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def start(
        self, dataset_id: str | None, options: Mapping[str, object], run_id: str | None = None
    ) -> TrainingJob:
        """Have a model tuned, on a data set or on what a run makes."""
        given = {"run_id": run_id} if dataset_id is None else {"dataset_id": dataset_id}
        body = {**given, "options": dict(options)}
        return self._connection.started(TrainingJob, "/v1/training-jobs", body)

    def measure(self, dataset_id: str, options: Mapping[str, object]) -> TrainingJob:
        """Have a model measured."""
        body = {"dataset_id": dataset_id, "options": dict(options)}
        return self._connection.started(TrainingJob, "/v1/evaluations", body)

    def get(self, job_id: str) -> TrainingJob:
        """A job as it is now."""
        request = self._connection.request("GET", _path(job_id))
        return self._connection.read(TrainingJob, request, _about(job_id))

    def act(self, job_id: str, action: str) -> TrainingJob:
        """Cancel or resume a job; the job after that."""
        request = self._connection.request("POST", _path(job_id, f"/{action}"))
        return self._connection.read(TrainingJob, request, _about(job_id))

    def all(self, limit: int | None = None, /, **filters: str) -> Iterator[TrainingJob]:
        """Jobs, newest first, without logs and evaluations; the newest `limit` only, or all."""
        return self._connection.listed(TrainingJob, "/v1/training-jobs", filters, limit)

    def document(self, job_id: str, part: str) -> bytes:
        """A part of a job that is a document, such as its report."""
        request = self._connection.request("GET", _path(job_id, part))
        return b"".join(self._connection.pieces(request, _about(job_id)))

    def bring_review(self, job_id: str, reviewer: str, sheet: bytes) -> Json:
        """Bring a filled sheet back; what all people said of the job so far."""
        request = self._connection.request(
            "PUT",
            _path(job_id, f"/reviews/{segment(reviewer)}"),
            content=sheet,
            headers={"Content-Type": "text/csv"},
        )
        return self._connection.json(request, _about(job_id))

    def outputs(self, job_id: str) -> list[TrainingOutput]:
        """The files that a job left."""
        request = self._connection.request("GET", _path(job_id, "/outputs"))
        answer = self._connection.json_list(request, _about(job_id))
        return [self._connection.parsed(TrainingOutput, each) for each in answer]

    def download(self, job_id: str, name: str, out: BinaryIO) -> None:
        """Write one of them to `out`, from its beginning."""
        path = "/".join(segment(part) for part in name.split("/"))
        request = self._connection.request("GET", _path(job_id, f"/outputs/{path}"))
        for piece in self._connection.pieces(request, About("output", name)):
            out.write(piece)


def _path(job_id: str, part: str = "") -> str:
    return f"/v1/training-jobs/{segment(job_id)}{part}"


def _about(job_id: str) -> About:
    return About("training job", job_id)
