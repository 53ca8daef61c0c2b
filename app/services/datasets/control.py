"""What a person can do with data sets: ask for a version, look at it, delete it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.record import DatasetRow
from app.services.context import ServiceContext
from app.services.datasets.folders import discard_files
from app.services.datasets.recipe import VersionRecipe
from app.services.datasets.sources import resolved
from app.services.datasets.write import discard_rows
from app.services.idempotency import RequestHash, insert_once, request_hash
from app.states import DatasetState
from app.store.datasets import dataset_rows, reviewed_rows, versions
from app.store.ids import may_be_id, new_id
from app.store.json_columns import SourceFact
from app.store.pages import Page, decoded, encoded, page
from app.store.tables.datasets import Dataset, DatasetDrop, DatasetRecord
from app.store.training import training_jobs


@dataclass(frozen=True, slots=True)
class DatasetRequest:
    """What was posted: a name, and what the version is made of."""

    name: str
    recipe: VersionRecipe


def create_dataset(context: ServiceContext, request: DatasetRequest) -> tuple[Dataset, bool]:
    """Accept the request for a version. Safe to repeat.

    The same name and recipe over sources with the same content is the version that is there.

    Returns:
        The version, and whether it is new.

    Raises:
        InvalidInput: when a source does not exist, is not ready, or has no row.
    """
    dataset_id = new_id("dataset")
    dataset = insert_once(
        context.database,
        Dataset,
        dataset_id,
        lambda session: find_or_insert(session, request, dataset_id),
    )
    return dataset, dataset.id == dataset_id


def find_or_insert(session: Session, request: DatasetRequest, dataset_id: str) -> Dataset:
    """Return the version that was made for the same request, or a new one under this id.

    Raises:
        InvalidInput: when a source does not exist, is not ready, or has no row.
        IntegrityError: when another process stores the request, or takes the version number, at the
            same time; once that has committed, it can be done again.
    """
    sources = resolved(session, request.recipe)
    hashed = request_hash_of(request, sources)
    earlier = versions.find_by_request(session, hashed.both)
    if earlier is not None:
        return earlier
    dataset = Dataset(
        id=dataset_id,
        name=request.name,
        version=versions.next_version(session, request.name),
        state=DatasetState.QUEUED,
        is_import=False,
        recipe=request.recipe.model_dump(mode="json"),
        request_sha256=hashed.current,
        facts={"sources": list(sources)},
    )
    session.add(dataset)
    session.flush()
    session.refresh(dataset)
    return dataset


def request_hash_of(request: DatasetRequest, sources: Sequence[SourceFact]) -> RequestHash:
    """Hash the request, to tell two of them apart."""
    legacy = json.dumps(
        [request.name, request.recipe.model_dump(mode="json"), sources], sort_keys=True
    )
    parts = {"name": request.name, "recipe": request.recipe, "sources": sources}
    return request_hash("dataset", parts, legacy)


def get_dataset(context: ServiceContext, dataset_id: str) -> Dataset:
    """Load one.

    Raises:
        NotFound: when there is none with this id.
    """
    with context.database.read() as session:
        return load(session, dataset_id)


def load(session: Session, dataset_id: str) -> Dataset:
    """Load one within a transaction of the caller's.

    Raises:
        NotFound: when there is none with this id.
    """
    found = session.get(Dataset, dataset_id) if may_be_id(dataset_id) else None
    if found is None or found.state == DatasetState.DELETED:
        raise NotFound("data set", dataset_id)
    return found


def ready_dataset(context: ServiceContext, dataset_id: str) -> Dataset:
    """Load one whose rows are all there.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it is not made yet, or its making failed.
    """
    dataset = get_dataset(context, dataset_id)
    if dataset.state != DatasetState.READY:
        why = f": {dataset.message}" if dataset.message else ""
        raise Conflict(f"The data set is {dataset.state}, so it has nothing to read{why}.")
    return dataset


def list_datasets(
    context: ServiceContext, *, name: str | None, cursor: str | None, limit: int
) -> Page[Dataset]:
    """Page through versions, newest first; of one name or of all."""
    wanted = select(Dataset).where(Dataset.state != DatasetState.DELETED)
    if name is not None:
        wanted = wanted.where(Dataset.name == name)
    with context.database.read() as session:
        return page(session, wanted, (Dataset.id,), cursor=cursor, limit=limit, newest_first=True)


def list_drops(
    context: ServiceContext, dataset_id: str, *, cursor: str | None, limit: int
) -> Page[DatasetDrop]:
    """Page through what was left out, in the order of the sources.

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
    """Read a page of rows, and the cursor of the next one.

    Raises:
        NotFound: when there is no such data set.
        Conflict: when it is not ready.
        InvalidInput: when the cursor is none of ours.
    """
    dataset = ready_dataset(context, dataset_id)
    start = decoded(cursor, (DatasetRecord.position,))[0] + 1 if cursor is not None else 0
    stop = min(start + limit, dataset.row_count)
    with context.database.read() as session:
        rows = list(dataset_rows.rows_between(session, dataset_id, start, stop))
    more = encoded([stop - 1]) if stop < dataset.row_count and rows else None
    return rows, more


def delete_dataset(context: ServiceContext, dataset_id: str) -> None:
    """Remove a version with its rows and files; its number is not given again to another.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it is being made, or a version that is being made, a review or a training job
            reads it.
    """

    def withdraw(session: Session) -> None:
        load(session, dataset_id)
        dataset = versions.lock(session, dataset_id)
        if dataset.state == DatasetState.MAKING:
            raise Conflict("The data set is being made; delete it when it is ready or has failed.")
        reader = versions.used_by(session, dataset_id)
        if reader is not None and reader != dataset_id:
            raise Conflict(f"The data set {reader}, which is being made, reads this one.")
        review = reviewed_rows.unfinished_of(session, dataset_id)
        if review is not None:
            raise Conflict(f"The run {review.run_id}, which is {review.status}, reviews it.")
        job = training_jobs.unfinished_of(session, dataset_id)
        if job is not None:
            raise Conflict(f"The training job {job.id}, which is {job.status}, needs it.")
        # From here on nobody reads it, however long the removal of its rows takes.
        dataset.state, dataset.request_sha256 = DatasetState.DELETED, None
        versions.delete_files(session, dataset_id)

    context.database.retrying(withdraw)
    discard_rows(context, dataset_id)
    discard_files(context, dataset_id)
