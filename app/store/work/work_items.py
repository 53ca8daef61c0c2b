"""Queries on work items: plan, claim, settle, reopen."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Stage
from app.states import ItemState
from app.store.declarative import core
from app.store.tables.runs import Run
from app.store.tables.work import WorkItem

_TABLE: Table = core(WorkItem)
_FREE = {"token": None, "reserved_tokens": None, "reserved_usd": None}


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
    """A work item to be added."""

    stage: Stage
    ordinal: int
    subject: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """A work item that a reply has brought to its next state."""

    item_id: int
    state: ItemState
    completion_id: int | None


class Standing(Enum):
    """The relation of an item to a pump that has a reply for it."""

    OURS = auto()
    """Leased by it: the reply counts."""
    OPEN = auto()
    """Taken from it and open again: the reply still counts, and saves a call."""
    GONE = auto()
    """Leased by another pump now, or settled."""


def plan(session: Session, run: Run, items: Iterable[Planned]) -> None:
    """Add work to a run."""
    rows = [
        {
            "run_id": run.id,
            "stage": item.stage,
            "priority": item.stage.priority,
            "ordinal": item.ordinal,
            "subject": item.subject,
            "state": ItemState.OPEN,
            "by_batch": item.stage in run.batch_stages,
        }
        for item in items
    ]
    if rows:
        session.execute(insert(_TABLE), rows)


def subjects(session: Session, run_id: str, stage: Stage) -> Sequence[Mapping[str, Any]]:
    """Return what the items of a small stage are about."""
    found = select(WorkItem.subject).where(WorkItem.run_id == run_id, WorkItem.stage == stage)
    return [subject or {} for subject in session.scalars(found)]


def find_open(
    session: Session,
    run_id: str,
    limit: int,
    *,
    unfailed_first: bool = False,
    excluding: Collection[int] = (),
) -> tuple[Item, ...]:
    """Load and lock up to `limit` open items to be asked by calls, the most urgent first.

    Args:
        session: a transaction that writes.
        run_id: the run.
        limit: how many at most.
        unfailed_first: True: the items with the fewest failed attempts come first.
        excluding: ids of items to skip.
    """
    order = (WorkItem.priority, WorkItem.id)
    columns = (
        WorkItem.id,
        WorkItem.stage,
        WorkItem.ordinal,
        WorkItem.subject,
        WorkItem.attempts,
    )
    rows = session.execute(
        select(*columns)
        .where(WorkItem.run_id == run_id, WorkItem.state == ItemState.OPEN, ~WorkItem.by_batch)
        .where(WorkItem.id.not_in(excluding))
        .order_by(*((WorkItem.attempts, *order) if unfailed_first else order))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return tuple(Item(id_, Stage(stage), ordinal, subj, n) for id_, stage, ordinal, subj, n in rows)


_LEASE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("item_id"))
    .values(
        state=ItemState.LEASED,
        by_batch=False,
        token=bindparam("holder"),
        reserved_tokens=bindparam("tokens"),
        reserved_usd=bindparam("usd"),
    )
)


def lease(session: Session, token: str, reserved: Mapping[int, Amount]) -> None:
    """Lease open items to a pump or a batch, each with the maximum that its call can use.

    Nothing is reserved for an item that needs no call.
    """
    rows = [
        {
            "item_id": item_id,
            "holder": token,
            "tokens": maximum.tokens if maximum.calls else None,
            "usd": maximum.usd if maximum.calls else None,
        }
        for item_id, maximum in reserved.items()
    ]
    if rows:
        session.connection().execute(_LEASE, rows)


def standings(session: Session, item_ids: Sequence[int], token: str) -> Mapping[int, Standing]:
    """The fence: tell what each item is to the pump with this token, under the run's lock.

    Without it, a pump that slept past its lease would record a second time what another pump has
    recorded meanwhile.
    """
    rows = session.execute(
        select(WorkItem.id, WorkItem.state, WorkItem.token).where(WorkItem.id.in_(item_ids))
    )
    return {id_: _standing(state, holder == token) for id_, state, holder in rows}


def _standing(state: str, is_holder: bool) -> Standing:
    if state == ItemState.LEASED and is_holder:
        return Standing.OURS
    return Standing.OPEN if state == ItemState.OPEN else Standing.GONE


_SETTLE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("item_id"))
    .values(state=bindparam("new_state"), completion_id=bindparam("reply"), **_FREE)
)


def settle(session: Session, settled: Sequence[Settled]) -> None:
    """Close items with the replies that were used; `standings` has shown that the pump may."""
    rows = [
        {"item_id": one.item_id, "new_state": one.state, "reply": one.completion_id}
        for one in settled
    ]
    if rows:
        session.connection().execute(_SETTLE, rows)


def record_failed_attempt(session: Session, item: Item, trouble: str, max_attempts: int) -> bool:
    """Count an unusable reply: the item is open again, or dead after `max_attempts`.

    Returns:
        True when it is dead.
    """
    dead = item.attempts + 1 >= max_attempts
    record_attempt(session, item, trouble, ItemState.DEAD if dead else ItemState.OPEN)
    return dead


def record_attempt(session: Session, item: Item, trouble: str, state: ItemState) -> None:
    """Count an attempt without a usable answer, and move the item to a state."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.id == item.id)
        .values(state=state, attempts=item.attempts + 1, trouble=trouble, **_FREE)
    )


def reopen_refused(session: Session, run_id: str) -> None:
    """Let a run ask again what the endpoint refused; no item keeps a failed attempt."""
    of_run = (WorkItem.run_id == run_id, WorkItem.stage.in_(tuple(Stage)))
    refused = (WorkItem.state == ItemState.REFUSED,)
    failed = (WorkItem.state == ItemState.OPEN, WorkItem.attempts > 0)
    for which in (refused, failed):
        values = {"state": ItemState.OPEN, "attempts": 0}
        session.execute(update(WorkItem).where(*of_run, *which).values(values))


def load_refused(session: Session, run_id: str) -> Sequence[tuple[Item, str]]:
    """Load the items that wait because the endpoint refused them, each with its words."""
    columns = (WorkItem.id, WorkItem.stage, WorkItem.ordinal, WorkItem.subject, WorkItem.attempts)
    of_run = (WorkItem.run_id == run_id, WorkItem.stage.in_(tuple(Stage)))
    rows = session.execute(
        select(*columns, func.coalesce(WorkItem.trouble, ""))
        .where(*of_run, WorkItem.state == ItemState.REFUSED)
        .order_by(WorkItem.id)
    )
    return [(Item(id_, Stage(stage), *rest), trouble) for id_, stage, *rest, trouble in rows]


def reopen(session: Session, item_ids: Collection[int], token: str) -> None:
    """Reopen those of these items that the token leases; no attempt is used up."""
    mine = (WorkItem.id.in_(item_ids), WorkItem.token == token, WorkItem.state == ItemState.LEASED)
    session.execute(update(WorkItem).where(*mine).values(state=ItemState.OPEN, **_FREE))


def leased_by(session: Session, run_id: str, token: str) -> Mapping[int, Amount]:
    """Return the items that a token leases, each with the amount reserved for it."""
    rows = session.execute(
        select(WorkItem.id, WorkItem.reserved_tokens, WorkItem.reserved_usd).where(
            *leased(run_id), WorkItem.token == token
        )
    )
    return {id_: amount_of(tokens, usd) for id_, tokens, usd in rows}


def amount_of(tokens: int | None, usd: Decimal | None) -> Amount:
    """Return the amount reserved for an item, from its columns."""
    return NOTHING if tokens is None else Amount(1, tokens, usd or NOTHING.usd)


def raise_reserved(session: Session, run_id: str, stage: Stage, more: Amount) -> None:
    """Reserve more for each call in flight of a stage; the caller holds the run's row."""
    session.execute(
        update(_TABLE)
        .where(*leased(run_id), WorkItem.stage == stage, WorkItem.reserved_tokens.is_not(None))
        .values(
            reserved_tokens=_TABLE.c.reserved_tokens + more.tokens,
            reserved_usd=_TABLE.c.reserved_usd + more.usd,
        )
    )


def leased(run_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that an item is being asked, by a call or by a batch."""
    # Names all stages, so that the index on run, stage and state is used.
    in_index = WorkItem.stage.in_(tuple(Stage))
    return WorkItem.run_id == run_id, in_index, WorkItem.state == ItemState.LEASED


def drop_open(session: Session, run_id: str, stage: Stage) -> None:
    """Drop the open items of a stage: they are not needed any more."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.run_id == run_id, WorkItem.stage == stage, WorkItem.state == ItemState.OPEN)
        .values(state=ItemState.DROPPED)
    )
