"""Queries on who made a thing: the ids of the API keys that may change it."""

from collections.abc import Mapping
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.store.ids import may_be_id
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob, TrainingReview

Makers: TypeAlias = frozenset[str | None]
"""Ids of API keys; null stands for callers without a key."""


def of_run(session: Session, names: Mapping[str, str]) -> Makers | None:
    """Return the key that started the run `run_id`; None: there is no such run."""
    return _maker(session, Run, names["run_id"])


def of_dataset(session: Session, names: Mapping[str, str]) -> Makers | None:
    """Return the key that made the version `dataset_id`; None: there is no such version."""
    return _maker(session, Dataset, names["dataset_id"])


def of_job(session: Session, names: Mapping[str, str]) -> Makers | None:
    """Return the key that made the training job `job_id`; None: there is no such job."""
    return _maker(session, TrainingJob, names["job_id"])


def of_review(session: Session, names: Mapping[str, str]) -> Makers | None:
    """Return the keys that sent a review, and made its job; None: there is no such review."""
    job_id, reviewer = names["job_id"], names["reviewer"]
    if not may_be_id(job_id) or "\0" in reviewer:
        return None
    wanted = (
        select(TrainingReview.made_by, TrainingJob.made_by)
        .join(TrainingJob, TrainingJob.id == TrainingReview.job_id)
        .where(TrainingReview.job_id == job_id, TrainingReview.reviewer == reviewer)
    )
    found = session.execute(wanted).one_or_none()
    return None if found is None else frozenset(found)


def _maker(
    session: Session, table: type[Run] | type[Dataset] | type[TrainingJob], row_id: str
) -> Makers | None:
    if not may_be_id(row_id):
        return None
    found = session.execute(select(table.made_by).where(table.id == row_id)).one_or_none()
    return None if found is None else frozenset(found)
