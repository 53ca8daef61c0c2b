"""Lists of runs, of seed sets and of what a run holds, page by page."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import select

from app.services.context import ServiceContext
from app.services.runs.control import get_run
from app.store.pages import Page, page
from app.store.tables.batches import Batch
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstanceRow, InstructionRow, Rejection
from app.store.tables.runs import Run, RunEvent, SeedSet

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
