"""Queries on tickets: the numbered generation calls of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.pipeline.types import Stage
from app.states import ItemState
from app.store.tables.work import WorkItem


@dataclass(frozen=True, slots=True)
class Ticket:
    """A generation item whose reply is in, or none will come."""

    item_id: int
    ordinal: int
    state: str
    completion_id: int | None


_MOST_TICKETS = 16
"""At a time: while their replies are read the run's row is held, so they must not be much."""


def next_tickets(session: Session, run_id: str, ordinal: int) -> Sequence[Ticket]:
    """Find the tickets from `ordinal` on that can be admitted now: without a gap, some of them."""
    rows = session.execute(
        select(WorkItem.id, WorkItem.ordinal, WorkItem.state, WorkItem.completion_id)
        .where(
            WorkItem.run_id == run_id,
            WorkItem.stage == Stage.GENERATE,
            WorkItem.ordinal >= ordinal,
            WorkItem.ordinal < ordinal + _MOST_TICKETS,
            WorkItem.state.in_((ItemState.ANSWERED, ItemState.DEAD, ItemState.DROPPED)),
        )
        .order_by(WorkItem.ordinal)
    )
    found = [Ticket(*row) for row in rows]
    return [one for place, one in enumerate(found) if one.ordinal == ordinal + place]
