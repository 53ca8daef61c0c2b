"""Queries on the work items of batches: waiting for a batch, in one, or back from one."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, exists, select, true, update
from sqlalchemy.orm import Session

from app.pipeline.budget import Amount
from app.pipeline.types import Stage
from app.states import ItemState
from app.store.sql import changed_rows
from app.store.tables.work import WorkItem
from app.store.work.work_items import Item, amount_of, leased

_COLUMNS = (
    WorkItem.id,
    WorkItem.stage,
    WorkItem.ordinal,
    WorkItem.subject,
    WorkItem.attempts,
)


def waiting(session: Session, run_id: str, stage: Stage, after: int, limit: int) -> Sequence[Item]:
    """Load up to `limit` items that wait for a batch, in order of their ids, after `after`."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(*_waiting(run_id, stage), WorkItem.id > after)
        .order_by(WorkItem.id)
        .limit(limit)
    )
    return [Item(id_, Stage(stage_), *rest) for id_, stage_, *rest in rows]


def any_with_pumps(session: Session, run_id: str, batch_ids: Collection[str]) -> bool:
    """Return True when items of the run are being asked by calls; `batch_ids`: its batches."""
    by_call = exists().where(*leased(run_id), WorkItem.token.not_in(batch_ids))
    return bool(session.scalar(select(by_call)))


def within(session: Session, run_id: str, batch_id: str, after: int, limit: int) -> Sequence[Item]:
    """Load up to `limit` items of a batch, in order of their ids, after `after`."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(*leased(run_id), WorkItem.token == batch_id, WorkItem.id > after)
        .order_by(WorkItem.id)
        .limit(limit)
    )
    return [Item(id_, Stage(stage), *rest) for id_, stage, *rest in rows]


def answered(
    session: Session, batch_id: str, item_ids: Collection[int]
) -> Sequence[tuple[Item, Amount]]:
    """Load those of these items that are still in the batch, each with its reserved amount."""
    mine = (
        WorkItem.id.in_(item_ids),
        WorkItem.token == batch_id,
        WorkItem.state == ItemState.LEASED,
    )
    reserved = (WorkItem.reserved_tokens, WorkItem.reserved_usd)
    rows = session.execute(select(*_COLUMNS, *reserved).where(*mine))
    return [
        (Item(id_, Stage(stage), ordinal, subject, attempts), amount_of(tokens, usd))
        for id_, stage, ordinal, subject, attempts, tokens, usd in rows
    ]


def known(session: Session, run_id: str, stage: str, item_ids: Collection[int]) -> set[int]:
    """Return those of these ids that are items of the run's stage."""
    ours = (WorkItem.id.in_(item_ids), WorkItem.run_id == run_id, WorkItem.stage == stage)
    return set(session.scalars(select(WorkItem.id).where(*ours)))


def hand_back(session: Session, run_id: str, batch_id: str, *, by_batch: bool) -> None:
    """Reopen the items still in a batch, for another batch or for calls; no attempt is used up."""
    mine = update(WorkItem).where(*leased(run_id), WorkItem.token == batch_id)
    free = {"state": ItemState.OPEN, "token": None, "reserved_tokens": None, "reserved_usd": None}
    changed_rows(session, mine.values(**free, by_batch=by_batch))


def wait_again(session: Session, item_ids: Collection[int]) -> None:
    """Let those of these items that are open wait for another batch."""
    opened = (WorkItem.id.in_(item_ids), WorkItem.state == ItemState.OPEN)
    changed_rows(session, update(WorkItem).where(*opened).values(by_batch=True))


def ask_by_call(session: Session, item_ids: Collection[int]) -> None:
    """Let these items be asked by calls."""
    changed_rows(session, update(WorkItem).where(WorkItem.id.in_(item_ids)).values(by_batch=False))


def ask_all_by_call(session: Session, run_id: str, stage: Stage | None = None) -> None:
    """Let all waiting items of a stage, or of any, be asked by calls."""
    waits = update(WorkItem).where(*_waiting(run_id, stage))
    changed_rows(session, waits.values(by_batch=False))


def _waiting(run_id: str, stage: Stage | None) -> tuple[ColumnElement[bool], ...]:
    # Names all stages, so that the index is used.
    stages = tuple(Stage) if stage is None else (stage,)
    return (
        WorkItem.run_id == run_id,
        WorkItem.stage.in_(stages),
        WorkItem.state == ItemState.OPEN,
        WorkItem.by_batch == true(),
    )
