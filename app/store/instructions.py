"""Queries on what was accepted and what was not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.orm import Session

from app.pipeline.types import Instance, Rejected, Stage
from app.store.completions import storable
from app.store.models import InstanceRow, InstructionRow, Rejection


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the data set."""

    sequence: int
    instruction: str
    input: str
    output: str


def texts_from(session: Session, run_id: str, sequence: int) -> list[str]:
    """Load the accepted instructions from `sequence` on, in order."""
    return list(
        session.scalars(
            select(InstructionRow.text)
            .where(InstructionRow.run_id == run_id, InstructionRow.sequence >= sequence)
            .order_by(InstructionRow.sequence)
        )
    )


def find(session: Session, run_id: str, sequences: Iterable[int]) -> dict[int, InstructionRow]:
    """Load accepted instructions by their sequence numbers."""
    rows = session.scalars(
        select(InstructionRow).where(
            InstructionRow.run_id == run_id, InstructionRow.sequence.in_(set(sequences))
        )
    )
    return {row.sequence: row for row in rows}


def add(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store accepted instructions; the keys are the columns of `InstructionRow`."""
    if rows:
        session.execute(insert(InstructionRow), list(rows))


def label(session: Session, run_id: str, sequence: int, values: dict[str, Any]) -> None:
    """Note what the classification said."""
    session.execute(
        update(InstructionRow)
        .where(InstructionRow.run_id == run_id, InstructionRow.sequence == sequence)
        .values(**values)
    )


def complete(session: Session, run_id: str, sequence: int) -> None:
    """Note that an instruction has all the instances it will have."""
    label(session, run_id, sequence, {"is_complete": True})


def add_instances(
    session: Session,
    run_id: str,
    sequence: int,
    completion_id: int,
    instances: Sequence[Instance],
) -> None:
    """Store the accepted instances of one instruction, in order."""
    rows = [
        {
            "run_id": run_id,
            "sequence": sequence,
            "position": position,
            "input": storable(instance.input),
            "output": storable(instance.output),
            "completion_id": completion_id,
        }
        for position, instance in enumerate(instances)
    ]
    if rows:
        session.execute(insert(InstanceRow), rows)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A rejection to be stored."""

    stage: Stage
    rejected: Rejected
    completion_id: int | None
    sequence: int | None = None
    neighbour: dict[str, Any] | None = None


_MOST_OF_ONE_REPLY = 500
_MOST_CHARACTERS = 4_000
"""Of a rejected text; longer ones can be read whole in the reply they came from."""


def reject(session: Session, run_id: str, dropped: Sequence[Dropped]) -> None:
    """Store what was rejected of one reply, with its reasons.

    A reply made to hurt holds a million faults: beyond 500 only their number is kept.
    """
    if len(dropped) > _MOST_OF_ONE_REPLY:
        more = Rejected(f"{len(dropped) - _MOST_OF_ONE_REPLY} further ones", "too_many_items")
        last = replace(dropped[_MOST_OF_ONE_REPLY], rejected=more, neighbour=None)
        dropped = [*dropped[:_MOST_OF_ONE_REPLY], last]
    rows = [
        {
            "run_id": run_id,
            "stage": drop.stage,
            "text": storable(drop.rejected.text[:_MOST_CHARACTERS]),
            "reason": drop.rejected.reason,
            "completion_id": drop.completion_id,
            "sequence": drop.sequence,
            "neighbour": drop.neighbour,
        }
        for drop in dropped
    ]
    if rows:
        session.execute(insert(Rejection), rows)


def count_instances(session: Session, run_id: str) -> int:
    """Count the rows a run's data set has so far."""
    return (
        session.scalar(
            select(func.count()).select_from(InstanceRow).where(InstanceRow.run_id == run_id)
        )
        or 0
    )


def has_instances(session: Session, run_id: str) -> bool:
    """Whether the data set has a row yet."""
    return bool(session.scalar(select(exists().where(InstanceRow.run_id == run_id))))


def count_by_reason(session: Session, run_id: str) -> Sequence[tuple[str, str, int]]:
    """Count rejections by stage and reason."""
    rows = session.execute(
        select(Rejection.stage, Rejection.reason, func.count())
        .where(Rejection.run_id == run_id)
        .group_by(Rejection.stage, Rejection.reason)
        .order_by(Rejection.stage, func.count().desc(), Rejection.reason)
    )
    return [(stage, reason, n) for stage, reason, n in rows]


def count_by_class(session: Session, run_id: str) -> dict[bool | None, int]:
    """Count accepted instructions by what classification said; None is not known."""
    rows = session.execute(
        select(InstructionRow.is_classification, func.count())
        .where(InstructionRow.run_id == run_id)
        .group_by(InstructionRow.is_classification)
    )
    return {row[0]: row[1] for row in rows}


def count_complete(session: Session, run_id: str) -> int:
    """Count the accepted instructions whose instances are all there."""
    return (
        session.scalar(
            select(func.count())
            .select_from(InstructionRow)
            .where(InstructionRow.run_id == run_id, InstructionRow.is_complete.is_(True))
        )
        or 0
    )


def rows_between(session: Session, run_id: str, start: int, stop: int) -> Iterator[Row]:
    """Read data set rows of the instructions `start` to `stop` - 1, in order."""
    rows = session.execute(
        select(InstructionRow.sequence, InstructionRow.text, InstanceRow.input, InstanceRow.output)
        .join(
            InstanceRow,
            (InstanceRow.run_id == InstructionRow.run_id)
            & (InstanceRow.sequence == InstructionRow.sequence),
        )
        .where(
            InstructionRow.run_id == run_id,
            InstructionRow.sequence >= start,
            InstructionRow.sequence < stop,
        )
        .order_by(InstructionRow.sequence, InstanceRow.position)
    )
    for sequence, text, input_text, output in rows:
        yield Row(sequence, text, input_text, output)


def first_incomplete(session: Session, run_id: str) -> int | None:
    """Find the lowest sequence number whose instances are still to come."""
    return session.scalar(
        select(func.min(InstructionRow.sequence)).where(
            InstructionRow.run_id == run_id, InstructionRow.is_complete.is_(False)
        )
    )
