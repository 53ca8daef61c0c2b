"""Versions of data sets: request and delete them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.errors import Conflict
from app.services.context import ServiceContext
from app.services.datasets.files import discard_files
from app.services.datasets.lists import load
from app.services.datasets.recipe import VersionRecipe
from app.services.datasets.sources import resolve_sources
from app.services.datasets.write import discard_rows
from app.services.idempotency import RequestHash, insert_once, request_hash
from app.states import DatasetState
from app.store.datasets import reviewed_rows, versions
from app.store.ids import new_id
from app.store.json_columns import SourceFact
from app.store.tables.datasets import Dataset
from app.store.training import training_jobs


@dataclass(frozen=True, slots=True)
class DatasetRequest:
    """A version as requested: a name and a recipe."""

    name: str
    recipe: VersionRecipe


def create_dataset(
    context: ServiceContext, request: DatasetRequest, made_by: str | None = None
) -> tuple[Dataset, bool]:
    """Accept the request for a version. Safe to repeat.

    The same name and recipe over sources with the same content is the version that is there.

    Args:
        context: database and settings.
        request: the version.
        made_by: the id of the API key that makes it; None: it came without one.

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
        lambda session: find_or_insert(session, request, dataset_id, made_by),
    )
    return dataset, dataset.id == dataset_id


def find_or_insert(
    session: Session, request: DatasetRequest, dataset_id: str, made_by: str | None = None
) -> Dataset:
    """Return the version that was made for the same request, or a new one under this id.

    Raises:
        InvalidInput: when a source does not exist, is not ready, or has no row.
        IntegrityError: when another process stores the request, or takes the version number, at the
            same time; once that has committed, it can be done again.
    """
    sources = resolve_sources(session, request.recipe)
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
        made_by=made_by,
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


def delete_dataset(context: ServiceContext, dataset_id: str) -> None:
    """Delete a version with its rows and files; its number is not used again.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it is being made, or when a version that is being made, a review or a
            training job still needs it.
    """

    def withdraw(session: Session) -> list[str]:
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
        # From this commit on it is not read, however long the removal of its rows takes.
        dataset.state, dataset.request_sha256 = DatasetState.DELETED, None
        hashes = [file.sha256 for file in versions.files_of(session, dataset_id)]
        versions.delete_files(session, dataset_id)
        return hashes

    hashes = context.database.retrying(withdraw)
    # First, for a disk that is full: to remove rows takes space.
    discard_files(context, dataset_id, hashes)
    discard_rows(context, dataset_id)
