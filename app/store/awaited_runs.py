"""Queries on jobs that wait for the data set of their run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.pipeline.run_state import FINAL, Status
from app.store.models import Run
from app.store.training_jobs import has_rows
from app.store.training_table import TrainingJob


@dataclass(frozen=True, slots=True)
class RowlessJob:
    """A job that waits for the data set of its run."""

    id: str
    run_id: str
    run_status: Status
    run_message: str | None
    wanted_dataset: dict[str, Any]
    making: str | None


def rowless(session: Session) -> Sequence[RowlessJob]:
    """The jobs that wait for a data set and whose runs have ended, some at a time."""
    found = session.execute(
        select(
            TrainingJob.id,
            Run.id,
            Run.status,
            Run.message,
            TrainingJob.wanted_dataset,
            TrainingJob.making,
        )
        .join(Run, Run.id == TrainingJob.run_id)
        .where(TrainingJob.status == Status.QUEUED, ~has_rows(), Run.status.in_(FINAL))
        .order_by(TrainingJob.id)
        .limit(100)
    )
    return [
        RowlessJob(job_id, run_id, Status(status), message, wanted or {}, making)
        for job_id, run_id, status, message, wanted, making in found
    ]


def note_made(session: Session, job_id: str, dataset_id: str | None) -> None:
    """Note the data set that is being made for a job that waits for it."""
    waits = (TrainingJob.id == job_id, ~has_rows())
    session.execute(update(TrainingJob).where(*waits).values(making=dataset_id))


def give_rows(session: Session, job_id: str, dataset_id: str) -> None:
    """Give a job that waits the data set it waits for; once."""
    waits = (TrainingJob.id == job_id, TrainingJob.status == Status.QUEUED, ~has_rows())
    session.execute(update(TrainingJob).where(*waits).values(dataset_id=dataset_id))
