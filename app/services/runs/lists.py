"""Lists of runs, of seed sets and of what a run holds, page by page."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from sqlalchemy import select

from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.runs.control import get_run
from app.store.pages import Page, page
from app.store.tables.batches import Batch
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstanceRow, InstructionRow, Rejection
from app.store.tables.runs import Run, RunEvent, SeedSet
from app.store.work import item_counts

NO_SOURCE: Mapping[str, str | None] = MappingProxyType({})


def list_runs(
    context: ServiceContext,
    *,
    status: str | None = None,
    sources: Mapping[str, str | None] = NO_SOURCE,
    cursor: str | None = None,
    limit: int,
) -> Page[Run]:
    """List runs, newest first.

    Args:
        context: what this process works with.
        status: only runs with this status.
        sources: only runs whose columns have these values, such as ``seed_set_id``; a value that is
            None restricts nothing.
        cursor: where the page begins; None: at the newest.
        limit: how many runs at most.
    """
    wanted = select(Run)
    if status is not None:
        wanted = wanted.where(Run.status == status)
    of_these = {name: id_ for name, id_ in sources.items() if id_ is not None}
    wanted = wanted.filter_by(**of_these)
    with context.database.read() as session:
        return page(session, wanted, (Run.id,), cursor=cursor, limit=limit, newest_first=True)


def list_seed_sets(context: ServiceContext, cursor: str | None, limit: int) -> Page[SeedSet]:
    """List seed sets, newest first."""
    keys = (SeedSet.id,)
    with context.database.read() as session:
        return page(session, select(SeedSet), keys, cursor=cursor, limit=limit, newest_first=True)


_KEYS = {
    InstructionRow: (InstructionRow.sequence,),
    InstanceRow: (InstanceRow.sequence, InstanceRow.position),
    Rejection: (Rejection.id,),
    CompletionRow: (CompletionRow.id,),
    RunEvent: (RunEvent.id,),
    Batch: (Batch.id,),
}
Part = TypeVar("Part", InstructionRow, InstanceRow, Rejection, CompletionRow, RunEvent, Batch)


def list_parts(
    context: ServiceContext, kind: type[Part], run_id: str, *, cursor: str | None, limit: int
) -> Page[Part]:
    """List the rows of one kind that a run holds, oldest first.

    Raises:
        NotFound: when there is no such run.
        InvalidInput: when the cursor is not one of this service.
    """
    get_run(context, run_id)
    wanted = select(kind).where(kind.run_id == run_id)
    with context.database.read() as session:
        return page(session, wanted, _KEYS[kind], cursor=cursor, limit=limit)


class Subject(NamedTuple):
    """The subject of a model call."""

    ticket: int | None = None
    """Number of a generation call."""
    sequence: int | None = None
    """Sequence number of an accepted instruction, or position of a reviewed row."""


_ABOUT_A_ROW = frozenset({Stage.CLASSIFY, Stage.INSTANTIATE, Stage.REVIEW})


def subjects(
    context: ServiceContext, completions: Sequence[CompletionRow]
) -> Mapping[int, Subject]:
    """Return the subjects of these replies, by the id of the reply."""
    asked = {row.work_item_id for row in completions if row.work_item_id is not None}
    with context.database.read() as session:
        ordinals = item_counts.ordinals(session, asked)
    return {row.id: _subject(row, ordinals) for row in completions}


def _subject(row: CompletionRow, ordinals: Mapping[int, int]) -> Subject:
    if row.work_item_id is None:
        return Subject()
    stage, ordinal = Stage(row.stage), ordinals.get(row.work_item_id)
    if stage is Stage.GENERATE:
        return Subject(ticket=ordinal)
    return Subject(sequence=ordinal if stage in _ABOUT_A_ROW else None)
