"""Training jobs over the HTTP API, as the command line uses them."""

import secrets
from collections.abc import Mapping

from pydantic import Field, ValidationError

from app.cli.answers import Answer, Json
from app.cli.connection import About, ServiceAway, ServiceConnection, not_ours, segment


class TrainingJob(Answer):
    """A training job as the API describes it."""

    id: str
    status: str
    message: str | None = None
    step: int = 0
    steps: int | None = None
    loss: float | None = None
    evaluation: dict[str, object] | None = None
    as_sent: Json = Field(default_factory=dict, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in {"succeeded", "failed", "cancelled"}

    @property
    def words(self) -> list[str]:
        """What its evaluation says."""
        said = (self.evaluation or {}).get("words")
        return [str(each) for each in said] if isinstance(said, list) else []


class TrainingClient:
    """The training jobs of one service; every method raises what `ServiceConnection` does."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    def start(self, dataset_id: str, options: Mapping[str, object]) -> TrainingJob:
        """Start a job; an answer that is lost starts no second one."""
        request = self._connection.request(
            "POST",
            "/v1/training-jobs",
            json={"dataset_id": dataset_id, "options": dict(options)},
            headers={"Idempotency-Key": secrets.token_hex(16)},
        )
        try:
            return self._read(self._connection.json(request))
        except ServiceAway:
            return self._read(self._connection.json(request))

    def get(self, job_id: str) -> TrainingJob:
        """A job as it is now."""
        request = self._connection.request("GET", f"/v1/training-jobs/{segment(job_id)}")
        return self._read(self._connection.json(request, About("training job", job_id)))

    def _read(self, answer: Json) -> TrainingJob:
        try:
            return TrainingJob.model_validate({**answer, "as_sent": answer})
        except ValidationError as error:
            raise not_ours(self._connection.url) from error
