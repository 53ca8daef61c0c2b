"""Queries on work items: plan, claim, settle."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.orm import Session

from app.pipeline.types import Stage
from app.store.models import WorkItem

# A later stage's work goes first: what was begun is finished before more is begun.
_PRIORITY = {Stage.CALIBRATE: 0, Stage.INSTANTIATE: 1, Stage.CLASSIFY: 2, Stage.GENERATE: 3}


@dataclass(frozen=True, slots=True)
class Item:
    """A claimed work item."""

    id: int
    stage: Stage
    ordinal: int
    subject: dict[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A work item to be made."""

    stage: Stage
    ordinal: int
    subject: dict[str, Any]


def plan(session: Session, run_id: str, items: Iterable[Planned]) -> None:
    """Add work to a run."""
    rows = [
        {
            "run_id": run_id,
            "stage": item.stage,
            "priority": _PRIORITY[item.stage],
            "ordinal": item.ordinal,
            "subject": item.subject,
            "state": "open",
        }
        for item in items
    ]
    if rows:
        session.execute(insert(WorkItem), rows)


def claim(session: Session, run_id: str, token: str, most: int) -> tuple[Item, ...]:
    """Lease up to `most` open items, the most urgent first."""
    ids = session.scalars(
        select(WorkItem.id)
        .where(WorkItem.run_id == run_id, WorkItem.state == "open")
        .order_by(WorkItem.priority, WorkItem.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    if not ids:
        return ()
    session.execute(
        update(WorkItem).where(WorkItem.id.in_(ids)).values(state="leased", token=token)
    )
    columns = (
        WorkItem.id,
        WorkItem.stage,
        WorkItem.ordinal,
        WorkItem.subject,
        WorkItem.attempts,
    )
    rows = session.execute(
        select(*columns).where(WorkItem.id.in_(ids)).order_by(WorkItem.priority, WorkItem.id)
    )
    return tuple(Item(id_, Stage(stage), ordinal, subj, n) for id_, stage, ordinal, subj, n in rows)


def settle(
    session: Session, item_id: int, token: str, state: str, *, completion_id: int | None = None
) -> None:
    """Close a leased item with the reply that was used."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.id == item_id, WorkItem.token == token, WorkItem.state == "leased")
        .values(state=state, completion_id=completion_id)
    )


def burn_attempt(session: Session, item: Item, token: str, trouble: str, most: int) -> bool:
    """Count an unusable reply; the item waits again, or after `most` is dead.

    Returns whether it is dead.
    """
    dead = item.attempts + 1 >= most
    session.execute(
        update(WorkItem)
        .where(WorkItem.id == item.id, WorkItem.token == token, WorkItem.state == "leased")
        .values(
            state="dead" if dead else "open",
            attempts=item.attempts + 1,
            trouble=trouble,
            token=None,
        )
    )
    return dead


def hand_back(session: Session, run_id: str, token: str) -> None:
    """Open again what this pump leased and did not finish; no attempt is burnt."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.run_id == run_id, WorkItem.state == "leased", WorkItem.token == token)
        .values(state="open", token=None)
    )


def take_over(session: Session, run_id: str, token: str) -> None:
    """Open again what earlier pumps of this run leased and never finished."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.run_id == run_id, WorkItem.state == "leased", WorkItem.token != token)
        .values(state="open", token=None)
    )


def next_ticket(session: Session, run_id: str, ordinal: int) -> WorkItem | None:
    """Find the generation item of this ticket if its reply is in, or none will come."""
    return session.scalar(
        select(WorkItem).where(
            WorkItem.run_id == run_id,
            WorkItem.stage == Stage.GENERATE,
            WorkItem.ordinal == ordinal,
            WorkItem.state.in_(("answered", "dead", "dropped")),
        )
    )


def drop_open(session: Session, run_id: str, stage: Stage) -> None:
    """Give up the items of a stage that were not asked yet: they are needed no more."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.run_id == run_id, WorkItem.stage == stage, WorkItem.state == "open")
        .values(state="dropped")
    )


def still_leased(session: Session, item_ids: Sequence[int], token: str) -> set[int]:
    """Which of these items this pump still has to settle."""
    held = (WorkItem.id.in_(item_ids), WorkItem.token == token, WorkItem.state == "leased")
    return set(session.scalars(select(WorkItem.id).where(*held)))


def any_unfinished(session: Session, run_id: str, stage: Stage | None = None) -> bool:
    """Whether items, of one stage or of any, are neither done nor dead nor dropped."""
    unfinished = exists().where(
        WorkItem.run_id == run_id,
        # All stages by name: so the index on run, stage and state serves.
        WorkItem.stage.in_(tuple(Stage) if stage is None else (stage,)),
        WorkItem.state.in_(("open", "leased", "answered")),
    )
    return bool(session.scalar(select(unfinished)))


def counts(session: Session, run_id: str) -> Sequence[tuple[str, str, int]]:
    """Count a run's items by stage and state."""
    rows = session.execute(
        select(WorkItem.stage, WorkItem.state, func.count())
        .where(WorkItem.run_id == run_id)
        .group_by(WorkItem.stage, WorkItem.state)
    )
    return [(stage, state, n) for stage, state, n in rows]


def reopen(session: Session, item_ids: Sequence[int], token: str) -> None:
    """Open these again without burning an attempt: the endpoint was away."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.id.in_(item_ids), WorkItem.token == token, WorkItem.state == "leased")
        .values(state="open", token=None)
    )
