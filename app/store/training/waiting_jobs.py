"""Queries on training jobs that wait for the data set of their run."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.states import FINAL, UNFINISHED_DATASETS, Status
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run
from app.store.tables.training import TrainingJob
from app.store.training.training_jobs import has_rows


def rowless(session: Session) -> Sequence[str]:
    """Name some jobs that wait for a data set and can be advanced.

    Their run has ended; or the making of their data set has, whatever became of the run since.
    """
    ended = and_(TrainingJob.pending_dataset_id.is_(None), Run.status.in_(FINAL))
    return session.scalars(
        select(TrainingJob.id)
        .join(Run, Run.id == TrainingJob.run_id)
        .outerjoin(Dataset, Dataset.id == TrainingJob.pending_dataset_id)
        .where(_waits(), or_(ended, Dataset.state.not_in(UNFINISHED_DATASETS)))
        .order_by(TrainingJob.id)
        .limit(100)
    ).all()


def hold(session: Session, job_id: str) -> TrainingJob | None:
    """Lock a waiting job's row; None: it does not wait any more, or another holds it."""
    return session.scalar(
        select(TrainingJob)
        .where(TrainingJob.id == job_id, _waits())
        .with_for_update(skip_locked=True)
    )


def _waits() -> ColumnElement[bool]:
    return and_(TrainingJob.status == Status.QUEUED, ~has_rows())
