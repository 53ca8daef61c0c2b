"""Queries on the rows of a data set that a run reviews."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.dataset_row import Record
from app.pipeline.types import Stage
from app.states import FINAL, ItemState
from app.store.datasets import dataset_rows
from app.store.tables.datasets import Dataset
from app.store.tables.instructions import InstanceRow, Rejection
from app.store.tables.runs import Run
from app.store.tables.work import WorkItem

_UNDECIDED = (ItemState.OPEN, ItemState.LEASED)


def lock_for_reading(session: Session, dataset_id: str) -> Dataset | None:
    """Load a version; nobody changes it until the transaction ends."""
    return session.get(Dataset, dataset_id, with_for_update={"read": True}, populate_existing=True)


def records_at(
    session: Session, dataset_id: str, positions: Collection[int]
) -> Mapping[int, Record]:
    """Load the records at these positions."""
    return dict(dataset_rows.records_at(session, dataset_id, positions)) if positions else {}


def spaced_records(session: Session, dataset_id: str, row_count: int, limit: int) -> list[Record]:
    """Load up to `limit` records of a version, evenly spaced."""
    count = min(limit, row_count)
    places = {n * row_count // count for n in range(count)}
    found = records_at(session, dataset_id, places)
    return [found[place] for place in sorted(found)]


def decided_until(session: Session, run: Run) -> int:
    """Return the position of the first row that is not decided yet; rows before it are final."""
    first = session.scalar(
        select(func.min(WorkItem.ordinal)).where(
            WorkItem.run_id == run.id,
            WorkItem.stage == Stage.REVIEW,
            WorkItem.state.in_(_UNDECIDED),
        )
    )
    return run.tickets_issued if first is None else min(first, run.tickets_issued)


def judged(session: Session, run_id: str) -> Mapping[int, bool]:
    """Return the judge's decisions by row position: True when the row is kept."""
    low = select(Rejection.sequence).where(
        Rejection.run_id == run_id,
        Rejection.stage == Stage.REVIEW,
        Rejection.reason == "judged_low",
    )
    stay = select(InstanceRow.sequence).where(InstanceRow.run_id == run_id)
    decided = {position: False for position in session.scalars(low) if position is not None}
    return decided | dict.fromkeys(session.scalars(stay), True)


class Review(NamedTuple):
    """A run that reviews a version."""

    run_id: str
    status: str


def unfinished_of(session: Session, dataset_id: str) -> Review | None:
    """Find an unfinished run that reviews this version, which must not be deleted meanwhile."""
    row = session.execute(
        select(Run.id, Run.status)
        .where(Run.dataset_id == dataset_id, Run.status.not_in(FINAL))
        .limit(1)
    ).one_or_none()
    return None if row is None else Review(*row)
