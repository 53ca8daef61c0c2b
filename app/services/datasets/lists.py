"""Lookup of versions: load one, list them, list their rows and the rows that were left out."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.dataset_row import DatasetRow
from app.errors import Conflict, NotFound
from app.services.context import ServiceContext
from app.states import DatasetState
from app.store.datasets import dataset_rows
from app.store.ids import may_be_id
from app.store.pages import Page, decoded, encoded, page
from app.store.tables.datasets import Dataset, DatasetDrop, DatasetRecord


def get_dataset(context: ServiceContext, dataset_id: str) -> Dataset:
    """Load a version.

    Raises:
        NotFound: when there is none with this id.
    """
    with context.database.read() as session:
        return load(session, dataset_id)


def load(session: Session, dataset_id: str) -> Dataset:
    """Load a version in a transaction of the caller's.

    Raises:
        NotFound: when there is none with this id.
    """
    found = session.get(Dataset, dataset_id) if may_be_id(dataset_id) else None
    if found is None or found.state == DatasetState.DELETED:
        raise NotFound("data set", dataset_id)
    return found


def ready_dataset(context: ServiceContext, dataset_id: str) -> Dataset:
    """Load a version that is ready.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it is not made yet, or it failed.
    """
    dataset = get_dataset(context, dataset_id)
    if dataset.state != DatasetState.READY:
        why = f": {dataset.message}" if dataset.message else ""
        raise Conflict(f"The data set is {dataset.state}, so its rows cannot be read yet{why}.")
    return dataset


def list_datasets(
    context: ServiceContext, *, name: str | None, cursor: str | None, limit: int
) -> Page[Dataset]:
    """List versions, newest first; of one name or of all."""
    wanted = select(Dataset).where(Dataset.state != DatasetState.DELETED)
    if name is not None:
        wanted = wanted.where(Dataset.name == name)
    with context.database.read() as session:
        return page(session, wanted, (Dataset.id,), cursor=cursor, limit=limit, newest_first=True)


def list_drops(
    context: ServiceContext, dataset_id: str, *, cursor: str | None, limit: int
) -> Page[DatasetDrop]:
    """List the rows that were left out, in the order of the sources.

    Raises:
        NotFound: when there is no such data set.
    """
    get_dataset(context, dataset_id)
    wanted = select(DatasetDrop).where(DatasetDrop.dataset_id == dataset_id)
    with context.database.read() as session:
        return page(session, wanted, (DatasetDrop.id,), cursor=cursor, limit=limit)


def list_rows(
    context: ServiceContext, dataset_id: str, cursor: str | None, limit: int
) -> tuple[Sequence[DatasetRow], str | None]:
    """List rows in order; return them with the cursor of the next page, None after the last.

    Raises:
        NotFound: when there is no such data set.
        Conflict: when it is not ready.
        InvalidInput: when the cursor is not one of this service.
    """
    dataset = ready_dataset(context, dataset_id)
    start = decoded(cursor, (DatasetRecord.position,))[0] + 1 if cursor is not None else 0
    start = min(start, dataset.row_count)
    stop = min(start + limit, dataset.row_count)
    with context.database.read() as session:
        rows = list(dataset_rows.rows_between(session, dataset_id, start, stop))
    more = encoded([stop - 1]) if stop < dataset.row_count and rows else None
    return rows, more
