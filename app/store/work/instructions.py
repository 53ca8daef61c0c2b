"""Queries on accepted instructions and instances, and on rejections."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app.dataset_row import Record
from app.pipeline.types import Instance, Rejected, Stage
from app.store.declarative import core
from app.store.json_columns import PoolNeighbour
from app.store.tables.instructions import InstanceRow, InstructionRow, Rejection
from app.store.work.completions import storable

_INSTRUCTIONS = core(InstructionRow)
_INSTANCES = core(InstanceRow)
_REJECTIONS = core(Rejection)


def texts_from(session: Session, run_id: str, sequence: int) -> list[str]:
    """Load the accepted instructions from `sequence` on, in order."""
    return list(
        session.scalars(
            select(InstructionRow.text)
            .where(InstructionRow.run_id == run_id, InstructionRow.sequence >= sequence)
            .order_by(InstructionRow.sequence)
        )
    )


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted instruction, as far as prompts and later stages need it."""

    sequence: int
    text: str
    is_classification: bool | None


def find(session: Session, run_id: str, sequences: Iterable[int]) -> dict[int, Accepted]:
    """Load accepted instructions by their sequence numbers."""
    rows = session.execute(
        select(
            InstructionRow.sequence, InstructionRow.text, InstructionRow.is_classification
        ).where(InstructionRow.run_id == run_id, InstructionRow.sequence.in_(set(sequences)))
    )
    return {row.sequence: Accepted(*row) for row in rows}


def add(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store accepted instructions; the keys are the columns of `InstructionRow`."""
    if rows:
        session.execute(insert(_INSTRUCTIONS), list(rows))


@dataclass(frozen=True, slots=True)
class Label:
    """The classification of an instruction."""

    sequence: int
    is_classification: bool
    confidence: float | None = None
    classified_by: int | None = None


_THIS = (
    _INSTRUCTIONS.c.run_id == bindparam("of_run"),
    _INSTRUCTIONS.c.sequence == bindparam("of_sequence"),
)
_LABEL = (
    update(_INSTRUCTIONS)
    .where(*_THIS)
    .values(
        is_classification=bindparam("label"),
        confidence=bindparam("margin"),
        classified_by=bindparam("reply"),
    )
)
_COMPLETE = update(_INSTRUCTIONS).where(*_THIS).values(is_complete=True)


def label(session: Session, run_id: str, labels: Sequence[Label]) -> None:
    """Store classifications."""
    rows = [
        {
            "of_run": run_id,
            "of_sequence": one.sequence,
            "label": one.is_classification,
            "margin": one.confidence,
            "reply": one.classified_by,
        }
        for one in labels
    ]
    if rows:
        session.connection().execute(_LABEL, rows)


def complete(session: Session, run_id: str, sequences: Sequence[int]) -> None:
    """Record that these instructions have all their instances."""
    rows = [{"of_run": run_id, "of_sequence": sequence} for sequence in sequences]
    if rows:
        session.connection().execute(_COMPLETE, rows)


@dataclass(frozen=True, slots=True)
class Made:
    """The instances that one reply brought for an instruction, in order."""

    sequence: int
    completion_id: int
    instances: Sequence[Instance]


def add_instances(session: Session, run_id: str, made: Sequence[Made]) -> int:
    """Store accepted instances; return how many there are."""
    rows = [
        {
            "run_id": run_id,
            "sequence": one.sequence,
            "position": position,
            "input": storable(instance.input),
            "output": storable(instance.output),
            "completion_id": one.completion_id,
        }
        for one in made
        for position, instance in enumerate(one.instances)
    ]
    if rows:
        session.execute(insert(_INSTANCES), rows)
    return len(rows)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A rejection to be stored."""

    stage: Stage
    rejected: Rejected
    completion_id: int | None
    sequence: int | None = None
    neighbour: PoolNeighbour | None = None


_MAX_PER_REPLY = 500
_MAX_CHARACTERS = 4_000
"""Of a rejected text; the reply it came from has the rest."""


def reject(session: Session, run_id: str, dropped: Iterable[Dropped]) -> None:
    """Store rejections with their reasons."""
    rows = [
        {
            "run_id": run_id,
            "stage": drop.stage,
            "text": storable(drop.rejected.text[:_MAX_CHARACTERS]),
            "reason": drop.rejected.reason,
            "completion_id": drop.completion_id,
            "sequence": drop.sequence,
            "neighbour": drop.neighbour,
        }
        for drop in dropped
    ]
    if rows:
        session.execute(insert(_REJECTIONS), rows)


def bounded(dropped: Sequence[Dropped]) -> Sequence[Dropped]:
    """Return the rejections of one reply that are stored.

    A hostile reply can have a million faults: beyond 500, only their number is stored.
    """
    if len(dropped) <= _MAX_PER_REPLY:
        return dropped
    more = Rejected(f"{len(dropped) - _MAX_PER_REPLY} further ones", "too_many_items")
    last = replace(dropped[_MAX_PER_REPLY], rejected=more, neighbour=None)
    return [*dropped[:_MAX_PER_REPLY], last]


def count_by_reason(session: Session, run_id: str) -> Sequence[tuple[str, str, int]]:
    """Count rejections by stage and reason."""
    rows = session.execute(
        select(Rejection.stage, Rejection.reason, func.count())
        .where(Rejection.run_id == run_id)
        .group_by(Rejection.stage, Rejection.reason)
        .order_by(Rejection.stage, func.count().desc(), Rejection.reason)
    )
    return [(stage, reason, n) for stage, reason, n in rows]


def latest_rejected(session: Session, run_id: str, stage: Stage, reason: str) -> str | None:
    """Return the text of the latest rejection of a kind; None when there is none."""
    kind = (Rejection.run_id == run_id, Rejection.stage == stage, Rejection.reason == reason)
    latest = select(Rejection.text).where(*kind).order_by(Rejection.id.desc()).limit(1)
    return session.scalar(latest)


def count_by_class(session: Session, run_id: str) -> dict[bool | None, int]:
    """Count accepted instructions by their classification; the key None: not known."""
    rows = session.execute(
        select(InstructionRow.is_classification, func.count())
        .where(InstructionRow.run_id == run_id)
        .group_by(InstructionRow.is_classification)
    )
    return {row[0]: row[1] for row in rows}


def rows_between(session: Session, run_id: str, start: int, stop: int) -> Iterator[Record]:
    """Read data set rows of the instructions `start` to `stop` - 1, in order."""
    rows = session.execute(
        select(InstructionRow.text, InstanceRow.input, InstanceRow.output)
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
    for instruction, input_text, output in rows:
        yield Record(instruction, output, input_text)


def first_incomplete(session: Session, run_id: str) -> int | None:
    """Find the lowest sequence number whose instances are still to come."""
    return session.scalar(
        select(func.min(InstructionRow.sequence)).where(
            InstructionRow.run_id == run_id, InstructionRow.is_complete.is_(False)
        )
    )
