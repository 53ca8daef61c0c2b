"""Queries on work items: plan, claim, settle."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, exists, func, insert, select, update
from sqlalchemy.orm import Session

from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Stage
from app.states import ItemState
from app.store.declarative import core
from app.store.tables.runs import Run
from app.store.tables.work import WorkItem

_TABLE: Table = core(WorkItem)
_FREE = {"token": None, "reserved_tokens": None, "reserved_usd": None}
_UNFINISHED = (ItemState.OPEN, ItemState.LEASED, ItemState.ANSWERED)


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


@dataclass(frozen=True, slots=True)
class Settled:
    """A work item that a reply has brought to its next state."""

    item_id: int
    state: str
    completion_id: int | None


class Standing(Enum):
    """What an item is to a pump that has a reply for it."""

    OURS = auto()
    """Leased by it: the reply counts."""
    OPEN = auto()
    """Taken away and waiting again: the reply still counts, nobody has to ask."""
    GONE = auto()
    """Asked by another pump now, or settled."""


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


def find_open(
    session: Session,
    run_id: str,
    most: int,
    *,
    unfailed_first: bool = False,
    passing: Collection[int] = (),
) -> tuple[Item, ...]:
    """Load and hold up to `most` items to be asked by calls.

    The most urgent come first, or those with least trouble. Those of
    `passing` are passed over.
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
        .where(WorkItem.id.not_in(passing))
        .order_by(*((WorkItem.attempts, *order) if unfailed_first else order))
        .limit(most)
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
    """Give open items to a pump, or a batch, each with what its call can take.

    Nothing is reserved for an item that needs no call.
    """
    rows = [
        {
            "item_id": item_id,
            "holder": token,
            "tokens": most.tokens if most.calls else None,
            "usd": most.usd if most.calls else None,
        }
        for item_id, most in reserved.items()
    ]
    if rows:
        session.connection().execute(_LEASE, rows)


def standings(session: Session, item_ids: Sequence[int], token: str) -> Mapping[int, Standing]:
    """The fence: what each item is to the pump with this token, under the run's lock.

    Without it a pump that slept past its lease would record a second time what another one did
    meanwhile.
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
    """Close items, shown by `standings` to be the pump's to close, with the reply that was used."""
    rows = [
        {"item_id": one.item_id, "new_state": one.state, "reply": one.completion_id}
        for one in settled
    ]
    if rows:
        session.connection().execute(_SETTLE, rows)


def burn_attempt(session: Session, item: Item, trouble: str, most: int) -> bool:
    """Count an unusable reply; the item waits again, or after `most` is dead.

    Returns whether it is dead.
    """
    dead = item.attempts + 1 >= most
    session.execute(
        update(WorkItem)
        .where(WorkItem.id == item.id)
        .values(
            state=ItemState.DEAD if dead else ItemState.OPEN,
            attempts=item.attempts + 1,
            trouble=trouble,
            **_FREE,
        )
    )
    return dead


def reopen(session: Session, item_ids: Collection[int], token: str) -> None:
    """Open these again without burning an attempt, as far as they are the pump's."""
    mine = (WorkItem.id.in_(item_ids), WorkItem.token == token, WorkItem.state == ItemState.LEASED)
    session.execute(update(WorkItem).where(*mine).values(state=ItemState.OPEN, **_FREE))


def leased_by(session: Session, run_id: str, token: str) -> Mapping[int, Amount]:
    """What a pump has claimed and not finished, each with what was reserved for it."""
    rows = session.execute(
        select(WorkItem.id, WorkItem.reserved_tokens, WorkItem.reserved_usd).where(
            *leased(run_id), WorkItem.token == token
        )
    )
    return {id_: amount_of(tokens, usd) for id_, tokens, usd in rows}


def amount_of(tokens: int | None, usd: Decimal | None) -> Amount:
    """What is reserved for an item, from its columns."""
    return NOTHING if tokens is None else Amount(1, tokens, usd or NOTHING.usd)


def reserved(session: Session, run_id: str) -> Amount:
    """What the calls in the air of all pumps can take together."""
    calls, tokens, usd = session.execute(
        select(
            func.count(WorkItem.reserved_tokens),
            func.coalesce(func.sum(WorkItem.reserved_tokens), 0),
            func.sum(WorkItem.reserved_usd),
        ).where(*leased(run_id))
    ).one()
    return Amount(calls, int(tokens or 0), usd or NOTHING.usd)


def leased(run_id: str) -> tuple[ColumnElement[bool], ...]:
    """The condition that an item is being asked, by a call or by a batch."""
    # All stages by name: so the index on run, stage and state serves.
    in_index = WorkItem.stage.in_(tuple(Stage))
    return WorkItem.run_id == run_id, in_index, WorkItem.state == ItemState.LEASED


def drop_open(session: Session, run_id: str, stage: Stage) -> None:
    """Give up the items of a stage that were not asked yet: they are needed no more."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.run_id == run_id, WorkItem.stage == stage, WorkItem.state == ItemState.OPEN)
        .values(state=ItemState.DROPPED)
    )


def any_open(session: Session, run_id: str) -> bool:
    """Whether some item waits to be asked by a call."""
    waits = exists().where(
        WorkItem.run_id == run_id, WorkItem.state == ItemState.OPEN, ~WorkItem.by_batch
    )
    return bool(session.scalar(select(waits)))


def any_unfinished(session: Session, run_id: str, stage: Stage | None = None) -> bool:
    """Whether items, of one stage or of any, are neither done nor dead nor dropped."""
    unfinished = exists().where(
        WorkItem.run_id == run_id,
        WorkItem.stage.in_(tuple(Stage) if stage is None else (stage,)),
        WorkItem.state.in_(_UNFINISHED),
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
