"""Following the events of a job."""

import pytest

from app.errors import NotFound
from app.services.training.jobs import control
from app.services.training.jobs.events import follow_job
from app.store.tables.training import TrainingJob
from tests.bench import Bench


def test_a_follower_gets_each_event_once_and_the_end(bench: Bench, job: TrainingJob) -> None:
    follower = follow_job(bench.context, job.id, 0)
    (queued,) = follower.poll().events
    assert list(follower.poll().events) == []
    control.cancel_job(bench.context, job.id)
    (cancelled,) = follower.poll().events
    statuses = [getattr(event, "data", {}).get("status") for event in (queued, cancelled)]
    assert statuses == ["queued", "cancelled"]


def test_an_unknown_job_cannot_be_followed(bench: Bench) -> None:
    with pytest.raises(NotFound):
        follow_job(bench.context, "training_unknown", 0)
