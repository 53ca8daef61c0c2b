"""Queries on tickets: the numbered generation calls of a run, admitted in order."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.pipeline.types import Stage
from app.states import ItemState
from app.store.tables.work import WorkItem


@dataclass(frozen=True, slots=True)
class Ticket:
    """A generation item whose reply is stored, or that will get none."""

    item_id: int
    ordinal: int
    state: ItemState
    completion_id: int | None
    shown: int
    """Demonstrations in its prompt."""


_MAX_TICKETS = 16
"""Read at a time. Few, because the run's row is locked while their replies are read."""


def next_tickets(session: Session, run_id: str, ordinal: int) -> Sequence[Ticket]:
    """Find tickets that can be admitted now: from `ordinal` on, without a gap, up to 16."""
    rows = session.execute(
        select(
            WorkItem.id,
            WorkItem.ordinal,
            WorkItem.state,
            WorkItem.completion_id,
            WorkItem.subject,
        )
        .where(
            WorkItem.run_id == run_id,
            WorkItem.stage == Stage.GENERATE,
            WorkItem.ordinal >= ordinal,
            WorkItem.ordinal < ordinal + _MAX_TICKETS,
            WorkItem.state.in_((ItemState.ANSWERED, ItemState.DEAD, ItemState.DROPPED)),
        )
        .order_by(WorkItem.ordinal)
    )
    found = [
        Ticket(id_, number, ItemState(state), reply, len(subject["demonstrations"]))
        for id_, number, state, reply, subject in rows
    ]
    return [one for place, one in enumerate(found) if one.ordinal == ordinal + place]
