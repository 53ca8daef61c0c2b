"""A training job's events as somebody follows them; nothing here waits."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import NotFound
from app.services.context import ServiceContext
from app.services.training.jobs.control import get_job
from app.states import FINAL
from app.store.database import AWAY
from app.store.tables.training import TrainingEvent
from app.store.training.training_jobs import look

_log = logging.getLogger(__name__)
_MOST = 200
"""Events in one look."""


@dataclass(frozen=True, slots=True)
class JobNews:
    """What one look brought."""

    events: Sequence[TrainingEvent] = ()
    more: bool = False
    """Whether there are more events already."""
    over: bool = False
    """Whether the job has ended and these are its last events."""


class JobFollower:
    """One reader's place in a job's events, after the event `after_id`; for one thread at a time.

    Raises:
        NotFound: when there is no such job.
    """

    def __init__(self, context: ServiceContext, job_id: str, after_id: int) -> None:
        self._database = context.database
        self._job_id = get_job(context, job_id).id
        self._after_id = after_id

    @property
    def has_all(self) -> bool:
        """Whether the job has ended and this reader has its last event already."""
        with self._database.read() as session:
            seen = look(session, self._job_id, self._after_id, 1)
        return seen is not None and seen.job.status in FINAL and not seen.events

    def look(self) -> JobNews:
        """Read on; while the database is away there is nothing new."""
        try:
            with self._database.read() as session:
                seen = look(session, self._job_id, self._after_id, _MOST)
        except AWAY as error:
            _log.warning("events of job %s wait for the database: %s", self._job_id, error)
            return JobNews()
        if seen is None:
            raise NotFound("training job", self._job_id)
        if seen.events:
            self._after_id = seen.events[-1].id
        more = len(seen.events) == _MOST
        return JobNews(seen.events, more, over=seen.job.status in FINAL and not more)
