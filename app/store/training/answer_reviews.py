"""Queries on human reviews of a job's answers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, undefer

from app.store.sql import changed_rows
from app.store.tables.training import TrainingJob, TrainingReview


def locked_evaluation(session: Session, job_id: str) -> dict[str, Any] | None:
    """Read a job's evaluation; nobody changes it or its reviews until the transaction ends."""
    whole = (undefer(TrainingJob.evaluation),)
    return session.get_one(TrainingJob, job_id, options=whole, with_for_update=True).evaluation


def put(
    session: Session,
    job_id: str,
    reviewer: str,
    review: dict[str, Any],
    made_by: str | None = None,
) -> None:
    """Store a person's review, replacing an earlier one, whose maker stays; safe to repeat."""
    theirs = (TrainingReview.job_id == job_id, TrainingReview.reviewer == reviewer)
    if not changed_rows(session, update(TrainingReview).where(*theirs).values(review=review)):
        session.add(
            TrainingReview(job_id=job_id, reviewer=reviewer, review=review, made_by=made_by)
        )
        session.flush()


def remove(session: Session, job_id: str, reviewer: str) -> bool:
    """Delete a person's review; False: there was none."""
    theirs = (TrainingReview.job_id == job_id, TrainingReview.reviewer == reviewer)
    return bool(changed_rows(session, delete(TrainingReview).where(*theirs)))


def of_job(session: Session, job_id: str) -> Sequence[dict[str, Any]]:
    """Load all reviews of a job, the earliest reviewer first."""
    return session.scalars(
        select(TrainingReview.review)
        .where(TrainingReview.job_id == job_id)
        .order_by(TrainingReview.created_at, TrainingReview.reviewer)
    ).all()


def record_evaluation(session: Session, job_id: str, evaluation: dict[str, Any]) -> None:
    """Replace a job's evaluation."""
    noted = update(TrainingJob).where(TrainingJob.id == job_id)
    session.execute(noted.values(evaluation=evaluation))
