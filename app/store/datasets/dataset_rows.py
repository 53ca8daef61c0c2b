"""Queries on the rows of data sets: many at a time, without mapped objects."""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.orm import Session

from app.dataset_row import DatasetRow, Exchange, Origin, Record
from app.pipeline.types import Stage
from app.store.declarative import core
from app.store.sql import changed_rows
from app.store.tables.completions import CompletionRow
from app.store.tables.datasets import DatasetDrop, DatasetRecord
from app.store.tables.instructions import InstanceRow, InstructionRow
from app.store.tables.runs import Run
from app.store.work.completions import storable

_ROWS = core(DatasetRecord)
_DROPS = core(DatasetDrop)
_AT_ONCE = 500
_BUFFERED_ROWS = 32
_MAX_CHARACTERS = 500
"""Of the text of a dropped row; its origin leads to the rest."""


def add(session: Session, dataset_id: str, rows: Sequence[DatasetRow]) -> None:
    """Store rows of a version."""
    if rows:
        session.execute(insert(_ROWS), [_columns(dataset_id, row) for row in rows])


def _columns(dataset_id: str, row: DatasetRow) -> dict[str, Any]:
    record = row.record
    return {
        "dataset_id": dataset_id,
        "position": row.position,
        "instruction": storable(record.instruction),
        "input": storable(record.input),
        "output": storable(record.output),
        "system": storable(record.system),
        "history": [[storable(e.user), storable(e.assistant)] for e in record.history] or None,
        "is_classification": row.is_classification,
        "split": row.split,
        "origin": dict(row.origin),
        "changes": list(row.changes) or None,
    }


@dataclass(frozen=True, slots=True)
class Drop:
    """A row that was left out."""

    filter: str
    reason: str
    detail: str
    text: str
    origin: Origin


def add_drops(session: Session, dataset_id: str, drops: Sequence[Drop]) -> None:
    """Store dropped rows with their reasons."""
    rows = [
        {
            "dataset_id": dataset_id,
            "filter": drop.filter,
            "reason": drop.reason,
            "detail": storable(drop.detail[:_MAX_CHARACTERS]),
            "text": storable(drop.text[:_MAX_CHARACTERS]),
            "origin": drop.origin,
        }
        for drop in drops
    ]
    if rows:
        session.execute(insert(_DROPS), rows)


_RECORD = (
    _ROWS.c.instruction,
    _ROWS.c.output,
    _ROWS.c.input,
    _ROWS.c.system,
    _ROWS.c.history,
    _ROWS.c.is_classification,
)


def records_between(
    session: Session, dataset_id: str, start: int, stop: int, split: str | None = None
) -> Generator[tuple[int, Record]]:
    """Read the records at `start` to `stop` - 1, each with its own, of one split or of all.

    Closed early, it has read few rows more than it gave.
    """
    wanted = select(_ROWS.c.position, *_RECORD).where(*_between(dataset_id, start, stop))
    if split is not None:
        wanted = wanted.where(_ROWS.c.split == split)
    for position, *columns in _streamed(session, wanted.order_by(_ROWS.c.position)):
        yield position, _record(*columns)


def _streamed(session: Session, wanted: Select[tuple[Any, ...]]) -> Generator[Sequence[Any]]:
    """Yield the rows of a query as they come, few at a time, for each may have many megabytes."""
    # Through the connection: the session would look at each row for objects to keep.
    few = {"stream_results": True, "max_row_buffer": _BUFFERED_ROWS}
    with closing(session.connection().execute(wanted, execution_options=few)) as found:
        yield from found


def records_at(
    session: Session, dataset_id: str, positions: Collection[int]
) -> Iterator[tuple[int, Record]]:
    """Read the records at these positions, each with its own."""
    wanted = select(_ROWS.c.position, *_RECORD).where(
        _ROWS.c.dataset_id == dataset_id, _ROWS.c.position.in_(positions)
    )
    for position, *columns in session.connection().execute(wanted):
        yield position, _record(*columns)


def instructions_of(session: Session, dataset_id: str) -> list[str]:
    """Load the instructions of a version, in order."""
    wanted = select(_ROWS.c.instruction).where(_ROWS.c.dataset_id == dataset_id)
    return list(session.scalars(wanted.order_by(_ROWS.c.position)))


def rows_between(session: Session, dataset_id: str, start: int, stop: int) -> Generator[DatasetRow]:
    """Read whole rows at `start` to `stop` - 1, in order.

    Closed early, it has read few rows more than it gave.
    """
    wanted = select(
        *_RECORD,
        _ROWS.c.position,
        _ROWS.c.split,
        _ROWS.c.origin,
        _ROWS.c.changes,
    ).where(*_between(dataset_id, start, stop))
    for row in _streamed(session, wanted.order_by(_ROWS.c.position)):
        *columns, position, split, origin, changes = row
        yield DatasetRow(
            position=position,
            record=_record(*columns),
            split=split,
            origin=origin,
            changes=tuple(changes or ()),
        )


def _between(dataset_id: str, start: int, stop: int) -> tuple[Any, ...]:
    position = _ROWS.c.position
    return (_ROWS.c.dataset_id == dataset_id, position >= start, position < stop)


def _record(
    instruction: str,
    output: str,
    input_text: str,
    system: str,
    history: list[Any] | None,
    label: bool | None,
) -> Record:
    exchanges = tuple(Exchange(user, assistant) for user, assistant in history or ())
    return Record(instruction, output, input_text, system, exchanges, label)


def run_rows_between(
    session: Session, run_id: str, start: int, stop: int
) -> Iterator[tuple[Record, Origin]]:
    """Read the rows of a run's instructions `start` to `stop` - 1, each with its origin.

    For a review: the rows at these positions that are kept, with their outputs.
    """
    reviewed = session.scalar(select(Run.dataset_id).where(Run.id == run_id))
    if reviewed is None:
        yield from _grown_rows_between(session, run_id, start, stop)
    else:
        yield from _reviewed_rows_between(session, run_id, start, stop)


def _reviewed_rows_between(
    session: Session, run_id: str, start: int, stop: int
) -> Iterator[tuple[Record, Origin]]:
    rows = session.connection().execute(
        select(
            *_RECORD,
            _ROWS.c.dataset_id,
            _ROWS.c.position,
            _ROWS.c.origin,
            InstanceRow.output,
            InstanceRow.completion_id,
        )
        .join(Run, Run.dataset_id == _ROWS.c.dataset_id)
        .join(
            InstanceRow,
            (InstanceRow.run_id == Run.id) & (InstanceRow.sequence == _ROWS.c.position),
        )
        .where(Run.id == run_id, _ROWS.c.position >= start, _ROWS.c.position < stop)
        .order_by(_ROWS.c.position)
    )
    for *columns, dataset_id, position, before, output, answered in rows:
        origin: Origin = {
            "run_id": run_id,
            "sequence": position,
            "dataset_id": dataset_id,
            "position": position,
            "instance_completion_id": answered,
        }
        if "run_id" in before:
            origin["grown_by"] = before.get("grown_by", before["run_id"])
        if "instance_mode" in before:
            origin["instance_mode"] = before["instance_mode"]
        yield replace(_record(*columns), output=output), origin


def _grown_rows_between(
    session: Session, run_id: str, start: int, stop: int
) -> Iterator[tuple[Record, Origin]]:
    rows = session.connection().execute(
        select(
            InstructionRow.sequence,
            InstanceRow.position,
            InstructionRow.text,
            InstanceRow.input,
            InstanceRow.output,
            InstructionRow.is_classification,
            InstructionRow.completion_id,
            InstanceRow.completion_id,
            CompletionRow.prompt_version,
        )
        .join(
            InstanceRow,
            (InstanceRow.run_id == InstructionRow.run_id)
            & (InstanceRow.sequence == InstructionRow.sequence),
        )
        .join(CompletionRow, CompletionRow.id == InstanceRow.completion_id)
        .where(
            InstructionRow.run_id == run_id,
            InstructionRow.sequence >= start,
            InstructionRow.sequence < stop,
        )
        .order_by(InstructionRow.sequence, InstanceRow.position)
    )
    for sequence, position, instruction, input_text, output, label, asked, answered, prompt in rows:
        origin: Origin = {
            "run_id": run_id,
            "sequence": sequence,
            "instance": position,
            "completion_id": asked,
            "instance_completion_id": answered,
        }
        if mode := _instance_mode(prompt):
            origin["instance_mode"] = mode
        yield Record(instruction, output, input_text, is_classification=label), origin


def count_run_rows(session: Session, run_id: str, until: int) -> int:
    """Count the rows of a run's first `until` instructions, or rows reviewed."""
    of_them = (InstanceRow.run_id == run_id, InstanceRow.sequence < until)
    return session.scalar(select(func.count()).where(*of_them)) or 0


def _instance_mode(prompt_version: str) -> str | None:
    """Return ``output_first`` or ``input_first``, by the prompt's name; None: neither."""
    name = prompt_version.partition("@")[0].rpartition("/")[2]
    return name if name in {"output_first", "input_first"} else None


_CLEARED_AT_ONCE = 5_000


def clear_chunk(session: Session, dataset_id: str) -> int:
    """Delete some thousand rows and drops of a version; return how many, 0: none are left."""
    removed = 0
    for table, key in ((_ROWS, _ROWS.c.position), (_DROPS, _DROPS.c.id)):
        of_it = table.c.dataset_id == dataset_id
        some = select(key).where(of_it).order_by(key).limit(_CLEARED_AT_ONCE)
        removed += changed_rows(session, delete(table).where(of_it, key.in_(some)))
    return removed


def count_split(session: Session, dataset_id: str, split: str | None) -> int:
    """Count the rows of a split, or of all."""
    wanted = select(func.count()).select_from(_ROWS).where(_ROWS.c.dataset_id == dataset_id)
    if split is not None:
        wanted = wanted.where(_ROWS.c.split == split)
    return session.scalar(wanted) or 0


def set_split(session: Session, dataset_id: str, split: str, positions: Sequence[int]) -> None:
    """Move the rows at these positions into a split."""
    for start in range(0, len(positions), _AT_ONCE):
        chosen = _ROWS.c.position.in_(positions[start : start + _AT_ONCE])
        session.execute(
            update(_ROWS).where(_ROWS.c.dataset_id == dataset_id, chosen).values(split=split)
        )


def drop_counts(session: Session, dataset_id: str) -> Sequence[tuple[str, str, int]]:
    """Count dropped rows by filter and reason."""
    rows = session.execute(
        select(DatasetDrop.filter, DatasetDrop.reason, func.count())
        .where(DatasetDrop.dataset_id == dataset_id)
        .group_by(DatasetDrop.filter, DatasetDrop.reason)
        .order_by(DatasetDrop.filter, DatasetDrop.reason)
    )
    return [(rule, reason, n) for rule, reason, n in rows]


def run_models(session: Session, run_id: str) -> Sequence[tuple[str, str, str]]:
    """List the distinct stages, prompt versions and answering models of a run's replies."""
    rows = session.execute(
        select(CompletionRow.stage, CompletionRow.prompt_version, CompletionRow.model)
        .where(CompletionRow.run_id == run_id, CompletionRow.stage != Stage.PREFLIGHT)
        .distinct()
        .order_by(CompletionRow.stage, CompletionRow.prompt_version, CompletionRow.model)
    )
    return [(stage, prompt, model) for stage, prompt, model in rows]


def requested_models(session: Session, run_id: str) -> list[str]:
    """List the models that a run asked for its rows, by the run's names for them, in order."""
    rows = session.execute(
        select(CompletionRow.requested_model, func.min(CompletionRow.id))
        .where(CompletionRow.run_id == run_id, CompletionRow.stage != Stage.PREFLIGHT)
        .where(CompletionRow.requested_model.is_not(None))
        .group_by(CompletionRow.requested_model)
        .order_by(func.min(CompletionRow.id))
    )
    return [str(model) for model, _ in rows]
