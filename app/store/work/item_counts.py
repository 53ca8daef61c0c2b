"""Questions about the work items of a run: how many there are of a kind, and which."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Stage
from app.states import ItemState
from app.store.tables.work import WorkItem
from app.store.work.work_items import leased

_UNFINISHED = (ItemState.OPEN, ItemState.LEASED, ItemState.ANSWERED)


def counts(session: Session, run_id: str) -> Sequence[tuple[str, str, int]]:
    """Count a run's items by stage and state."""
    rows = session.execute(
        select(WorkItem.stage, WorkItem.state, func.count())
        .where(WorkItem.run_id == run_id)
        .group_by(WorkItem.stage, WorkItem.state)
    )
    return [(stage, state, n) for stage, state, n in rows]


def refused(session: Session, run_id: str) -> Sequence[tuple[str, str, int]]:
    """Count the items that wait because the endpoint refused them, by stage and its words."""
    of_run = (WorkItem.run_id == run_id, WorkItem.stage.in_(tuple(Stage)))
    return _by_trouble(session, *of_run, WorkItem.state == ItemState.REFUSED)


def given_up(session: Session, run_id: str) -> Sequence[tuple[str, str, int]]:
    """Count the items that were given up, by stage and last trouble; the most frequent first."""
    of_run = (WorkItem.run_id == run_id, WorkItem.stage.in_(tuple(Stage)))
    return _by_trouble(session, *of_run, WorkItem.state == ItemState.DEAD)


def _by_trouble(session: Session, *which: ColumnElement[bool]) -> Sequence[tuple[str, str, int]]:
    trouble = func.coalesce(WorkItem.trouble, "")
    rows = session.execute(
        select(WorkItem.stage, trouble, func.count())
        .where(*which)
        .group_by(WorkItem.stage, trouble)
        .order_by(func.count().desc(), WorkItem.stage, trouble)
    )
    return [(stage, words, n) for stage, words, n in rows]


def any_open(session: Session, run_id: str) -> bool:
    """Return True when some item waits to be asked by a call."""
    waits = exists().where(
        WorkItem.run_id == run_id, WorkItem.state == ItemState.OPEN, ~WorkItem.by_batch
    )
    return bool(session.scalar(select(waits)))


def any_unfinished(session: Session, run_id: str, stage: Stage | None = None) -> bool:
    """Return True when items of one stage, or of any, are neither done nor dead nor dropped."""
    unfinished = exists().where(
        WorkItem.run_id == run_id,
        WorkItem.stage.in_(tuple(Stage) if stage is None else (stage,)),
        WorkItem.state.in_(_UNFINISHED),
    )
    return bool(session.scalar(select(unfinished)))


def any_answered(session: Session, run_id: str, stage: Stage) -> bool:
    """Return True when some item of a stage has got a reply."""
    answered = exists().where(
        WorkItem.run_id == run_id,
        WorkItem.stage == stage,
        WorkItem.state.in_((ItemState.ANSWERED, ItemState.DONE)),
    )
    return bool(session.scalar(select(answered)))


def in_flight(session: Session, run_id: str, stage: Stage) -> int:
    """Count the items of a stage that are being asked."""
    leased_now = (WorkItem.stage == stage, WorkItem.state == ItemState.LEASED)
    found = select(func.count()).select_from(WorkItem)
    return session.scalar(found.where(WorkItem.run_id == run_id, *leased_now)) or 0


def reserved(session: Session, run_id: str) -> Amount:
    """Return the maximum that the calls in flight of all pumps can use together."""
    calls, tokens, usd = session.execute(
        select(
            func.count(WorkItem.reserved_tokens),
            func.coalesce(func.sum(WorkItem.reserved_tokens), 0),
            func.sum(WorkItem.reserved_usd),
        ).where(*leased(run_id))
    ).one()
    return Amount(calls, int(tokens or 0), usd or NOTHING.usd)


def ordinals(session: Session, item_ids: Collection[int]) -> Mapping[int, int]:
    """Load the ordinals of items: a ticket, a sequence number, or a position, by stage."""
    wanted = select(WorkItem.id, WorkItem.ordinal).where(WorkItem.id.in_(item_ids))
    return {row.id: row.ordinal for row in session.execute(wanted)}


def ordinals_of_stage(session: Session, run_id: str, stage: Stage) -> set[int]:
    """Return the ordinals of all items of a stage, in any state."""
    found = select(WorkItem.ordinal).where(WorkItem.run_id == run_id, WorkItem.stage == stage)
    return set(session.scalars(found))
