"""Queries on versions of data sets: the lease of the process that makes one, and their outcome."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, case, cast, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.counters import DATASETS_MADE, IMPORTS
from app.states import UNFINISHED_DATASETS, DatasetState
from app.store import leases
from app.store.counting import count
from app.store.json_columns import Facts
from app.store.sql import changed_rows, epoch_now
from app.store.tables.datasets import Dataset, DatasetFile


def find_by_request(session: Session, request_sha256: Collection[str]) -> Dataset | None:
    """Find the version that an equal request made, or is making."""
    return session.scalar(select(Dataset).where(Dataset.request_sha256.in_(request_sha256)))


def lock(session: Session, dataset_id: str) -> Dataset:
    """Load a version and hold its row until the transaction ends."""
    return session.get_one(Dataset, dataset_id, with_for_update=True, populate_existing=True)


def next_version(session: Session, name: str) -> int:
    """Return the number of the next version of this name."""
    last = select(func.coalesce(func.max(Dataset.version), 0)).where(Dataset.name == name)
    return (session.scalar(last) or 0) + 1


def take(session: Session, dataset_id: str, token: str, lease_s: float) -> bool:
    """Take an unfinished version that is free, to make it; safe to repeat."""
    # Rows read from a file are kept; everything else is made again from the beginning.
    kept = or_(Dataset.token == token, Dataset.is_import)
    return leases.take(
        session,
        Dataset,
        Dataset.id == dataset_id,
        Dataset.state.in_(UNFINISHED_DATASETS),
        token=token,
        lease_s=lease_s,
        state=DatasetState.MAKING,
        attempts=leases.attempts_begun(Dataset, token),
        row_count=case((kept, Dataset.row_count), else_=0),
        dropped_count=case((kept, Dataset.dropped_count), else_=0),
    )


def extend(session: Session, dataset_id: str, token: str, lease_s: float) -> bool:
    """Prolong the lease; False when the version was lost to another process, or deleted.

    Also the fence of what follows in the same transaction: the UPDATE holds the row, so nobody can
    take the version over in between.
    """
    at_work = _is_at_work(dataset_id)
    return leases.extend(session, Dataset, *at_work, token=token, lease_s=lease_s)


class Written(NamedTuple):
    """Numbers of stored rows and drops of a version."""

    rows: int
    drops: int


def advance(
    session: Session, dataset_id: str, token: str, before: Written, after: Written
) -> bool | None:
    """Record that more is written; fences what is written in the same transaction.

    Returns:
        True: recorded. None: it was recorded before, by a commit whose answer was lost, so there is
        nothing left to write. False: the version was lost to another process, or deleted.
    """
    stands = (Dataset.row_count == before.rows, Dataset.dropped_count == before.drops)
    held = update(Dataset).where(*_is_held(dataset_id, token), *stands)
    if changed_rows(session, held.values(row_count=after.rows, dropped_count=after.drops)):
        return True
    counts = select(Dataset.row_count, Dataset.dropped_count)
    found = session.execute(counts.where(*_is_held(dataset_id, token))).one_or_none()
    return None if found == after else False


def set_facts(session: Session, dataset_id: str, facts: Facts) -> None:
    """Replace the facts of a version that the caller holds."""
    session.execute(update(Dataset).where(Dataset.id == dataset_id).values(facts=facts))


def release(session: Session, dataset_id: str, token: str) -> None:
    """Leave an unfinished version, or one whose file was read, to the next process."""
    again = {"state": DatasetState.QUEUED, "attempts": leases.attempts_returned(Dataset)}
    leases.release(session, Dataset, *_is_at_work(dataset_id), token=token, **again)


def end(session: Session, dataset_id: str, token: str, state: DatasetState, **values: Any) -> bool:  # noqa: ANN401 - columns of any type
    """Record how the making ended; False when the version was lost to another process."""
    ended = {"state": state, "ended_at": epoch_now()} | values
    if not leases.release(session, Dataset, *_is_at_work(dataset_id), token=token, **ended):
        return False
    is_import = session.scalar(select(Dataset.is_import).where(Dataset.id == dataset_id))
    # The row of a file that can't be read is deleted at once.
    result = "refused" if state is DatasetState.DELETED else str(state)
    count(session, IMPORTS if is_import else DATASETS_MADE, result)
    return True


def _is_at_work(dataset_id: str) -> Sequence[ColumnElement[bool]]:
    at_work = Dataset.state.in_((DatasetState.READING, DatasetState.MAKING))
    return (Dataset.id == dataset_id, at_work)


def _is_held(dataset_id: str, token: str) -> Sequence[ColumnElement[bool]]:
    return (*_is_at_work(dataset_id), Dataset.token == token)


def delete_files(session: Session, dataset_id: str) -> None:
    """Delete the records of a version's files."""
    session.execute(delete(DatasetFile).where(DatasetFile.dataset_id == dataset_id))


def files_of(session: Session, dataset_id: str) -> Sequence[DatasetFile]:
    """Load the records of a version's files, by name."""
    wanted = select(DatasetFile).where(DatasetFile.dataset_id == dataset_id)
    return session.scalars(wanted.order_by(DatasetFile.name)).all()


def record_file(session: Session, made: DatasetFile) -> DatasetFile:
    """Record a file that was made; return the earlier record, if it was made before.

    Raises:
        RuntimeError: its content was different then. That is a defect.
    """
    known = session.get(DatasetFile, (made.dataset_id, made.name), with_for_update=True)
    if known is None:
        known = session.merge(made)
        session.flush()
    if known.sha256 != made.sha256:
        raise RuntimeError(f"{made.dataset_id}: {made.name} came out different from before")
    return known


def waiting(session: Session, again_after_s: float) -> Sequence[str]:
    """Name some unfinished versions that are free and that no worker was notified of lately."""
    unfinished = Dataset.state.in_(UNFINISHED_DATASETS)
    return leases.waiting(session, Dataset, unfinished, again_after_s=again_after_s)


def broken_imports(session: Session) -> Sequence[str]:
    """Name the imports whose process is dead: no other process has their file."""
    return session.scalars(select(Dataset.id).where(*_is_broken_import())).all()


def fail_import(session: Session, dataset_id: str) -> None:
    """Record that an import failed because its process died, unless it lives after all."""
    message = "The service stopped while it read the file; send it again."
    ended = {"state": DatasetState.FAILED, "message": message, "ended_at": epoch_now()}
    nothing = {"request_sha256": None, "row_count": 0, "dropped_count": 0}
    broken = update(Dataset).where(Dataset.id == dataset_id, *_is_broken_import())
    if changed_rows(session, broken.values(leases.RELEASED | ended | nothing)):
        count(session, IMPORTS, str(DatasetState.FAILED))


def _is_broken_import() -> Sequence[ColumnElement[bool]]:
    return (Dataset.state == DatasetState.READING, leases.is_expired(Dataset))


def used_by(session: Session, dataset_id: str) -> str | None:
    """Return the id of an unfinished version that reads this one; None when there is none."""
    sources = [cast(column, Text) for column in (Dataset.recipe, Dataset.facts)]
    return session.scalar(
        select(Dataset.id)
        .where(Dataset.state.in_(UNFINISHED_DATASETS))
        .where(or_(*(source.contains(dataset_id, autoescape=True) for source in sources)))
        .limit(1)
    )
