"""Following a training job by its stored events."""

from sqlalchemy.orm import Session

from app.errors import NotFound
from app.schemas.runs import EventView
from app.services.context import ServiceContext
from app.services.follower import Follower, Snapshot
from app.services.training.jobs.control import get_job
from app.states import FINAL
from app.store.training.training_jobs import look


def follow_job(context: ServiceContext, job_id: str, after_id: int) -> Follower:
    """Follow a training job from the event after `after_id` on.

    Raises:
        NotFound: There is no such job.
    """
    get_job(context, job_id)

    def read(session: Session, after_id: int, limit: int) -> Snapshot:
        seen = look(session, job_id, after_id, limit)
        if seen is None:
            raise NotFound("training job", job_id)
        events = [EventView.model_validate(event) for event in seen.events]
        return Snapshot(events, seen.job.status in FINAL)

    return Follower(context.database, f"training job {job_id}", read, after_id)
