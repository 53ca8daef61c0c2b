"""Training jobs over the HTTP API, as the command line uses them."""

import secrets
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from pydantic import Field, ValidationError

from app.cli.answers import Answer, Json
from app.cli.connection import About, ServiceAway, ServiceConnection, not_ours, segment


class TrainingJob(Answer):
    """A training job as the API describes it."""

    id: str
    kind: str = "training"
    dataset_id: str | None = None
    status: str
    message: str | None = None
    step: int = 0
    steps: int | None = None
    loss: float | None = None
    options: Json = Field(default_factory=dict)
    created_at: str = ""
    log_tail: str = ""
    evaluation: dict[str, object] | None = None
    as_sent: Json = Field(default_factory=dict, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in {"succeeded", "failed", "cancelled"}

    @property
    def method(self) -> str:
        """The method's name."""
        method = self.options.get("method")
        return str(method.get("name")) if isinstance(method, dict) else ""

    @property
    def base_model(self) -> str:
        """What was tuned."""
        return str(self.options.get("base_model", ""))

    @property
    def words(self) -> list[str]:
        """What its evaluation says."""
        said = (self.evaluation or {}).get("words")
        return [str(each) for each in said] if isinstance(said, list) else []


class TrainingOutput(Answer):
    """A file that a training job left."""

    name: str
    """With the folders that it lies in."""
    sha256: str
    size_bytes: int


class TrainingClient:
    """The training jobs of one service; every method raises what `ServiceConnection` does."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def start(
        self, dataset_id: str | None, options: Mapping[str, object], run_id: str | None = None
    ) -> TrainingJob:
        """Have a model tuned, on a data set or on what a run makes.

        An answer that is lost starts no second job.
        """
        given = {"run_id": run_id} if dataset_id is None else {"dataset_id": dataset_id}
        return self._post("/v1/training-jobs", given, options)

    def measure(self, dataset_id: str, options: Mapping[str, object]) -> TrainingJob:
        """Have a model measured; an answer that is lost starts no second job."""
        return self._post("/v1/evaluations", {"dataset_id": dataset_id}, options)

    def _post(
        self, path: str, rows: Mapping[str, object], options: Mapping[str, object]
    ) -> TrainingJob:
        request = self._connection.request(
            "POST",
            path,
            json={**rows, "options": dict(options)},
            headers={"Idempotency-Key": secrets.token_hex(16)},
        )
        try:
            return self._read(self._connection.json(request))
        except ServiceAway:
            return self._read(self._connection.json(request))

    def get(self, job_id: str) -> TrainingJob:
        """A job as it is now."""
        request = self._connection.request("GET", _path(job_id))
        return self._read(self._connection.json(request, _about(job_id)))

    def report(self, job_id: str) -> bytes:
        """A job's evaluation as a page."""
        return self._document(job_id, "/report")

    def sheet(self, job_id: str) -> bytes:
        """A job's answers as a blind sheet for people."""
        return self._document(job_id, "/sheet")

    def bring_review(self, job_id: str, reviewer: str, sheet: bytes) -> Json:
        """Bring a filled sheet back; what all people said of the job so far."""
        request = self._connection.request(
            "PUT",
            f"{_path(job_id)}/reviews/{segment(reviewer)}",
            content=sheet,
            headers={"Content-Type": "text/csv"},
        )
        return self._connection.json(request, _about(job_id))

    def _document(self, job_id: str, part: str) -> bytes:
        request = self._connection.request("GET", f"{_path(job_id)}{part}")
        return b"".join(self._connection.pieces(request, _about(job_id)))

    def all(self, kind: str) -> Iterator[TrainingJob]:
        """Jobs of a kind, newest first."""
        for page in self._connection.pages("/v1/training-jobs", {"kind": kind}, None):
            yield from map(self._read, page)

    def outputs(self, job_id: str) -> list[TrainingOutput]:
        """The files that a job left."""
        request = self._connection.request("GET", f"/v1/training-jobs/{segment(job_id)}/outputs")
        answer = self._connection.json_list(request, About("training job", job_id))
        try:
            return [TrainingOutput.model_validate(each) for each in answer]
        except ValidationError as error:
            raise not_ours(self._connection.url) from error

    def download(self, job_id: str, name: str, out: BinaryIO) -> None:
        """Write one of them to `out`, from its beginning."""
        path = "/".join(segment(part) for part in name.split("/"))
        request = self._connection.request(
            "GET", f"/v1/training-jobs/{segment(job_id)}/outputs/{path}"
        )
        for piece in self._connection.pieces(request, About("output", name)):
            out.write(piece)

    def _read(self, answer: Json) -> TrainingJob:
        try:
            return TrainingJob.model_validate({**answer, "as_sent": answer})
        except ValidationError as error:
            raise not_ours(self._connection.url) from error


def _path(job_id: str) -> str:
    return f"/v1/training-jobs/{segment(job_id)}"


def _about(job_id: str) -> About:
    return About("training job", job_id)
