"""Queries on versions of data sets: who makes them, and what became of it."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, case, cast, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.store.runs.runs import changes
from app.store.sql import epoch_now
from app.store.tables.datasets import Dataset, DatasetFile

READING, QUEUED, MAKING, READY = "reading", "queued", "making", "ready"
FAILED, DELETED = "failed", "deleted"
UNFINISHED = (QUEUED, MAKING)


def find_by_request(session: Session, request_sha256: Collection[str]) -> Dataset | None:
    """Find the version that an equal request made, or is making."""
    return session.scalar(select(Dataset).where(Dataset.request_sha256.in_(request_sha256)))


def lock(session: Session, dataset_id: str) -> Dataset:
    """Load a version and hold its row until the transaction ends."""
    return session.get_one(Dataset, dataset_id, with_for_update=True, populate_existing=True)


def next_version(session: Session, name: str) -> int:
    """The number of the next version of this name."""
    last = select(func.coalesce(func.max(Dataset.version), 0)).where(Dataset.name == name)
    return (session.scalar(last) or 0) + 1


def take(session: Session, dataset_id: str, token: str, lease_s: float) -> bool:
    """Take a version to make it: one that waits, or whose maker counts as dead. Safe to repeat."""
    now = epoch_now()
    free = or_(Dataset.leased_until.is_(None), Dataset.leased_until < now, Dataset.token == token)
    # A commit whose answer was lost is no new attempt.
    ours = Dataset.token == token
    attempts = case((ours, Dataset.attempts), else_=Dataset.attempts + 1)
    # What was read from a file is there; all else is made from the beginning.
    kept = or_(ours, Dataset.is_import)
    begun_anew = {
        "row_count": case((kept, Dataset.row_count), else_=0),
        "dropped_count": case((kept, Dataset.dropped_count), else_=0),
    }
    taken = changes(
        session,
        update(Dataset)
        .where(Dataset.id == dataset_id, Dataset.state.in_(UNFINISHED), free)
        .values(state=MAKING, token=token, leased_until=now + lease_s, attempts=attempts)
        .values(begun_anew),
    )
    return bool(taken)


def extend(session: Session, dataset_id: str, token: str, lease_s: float) -> bool:
    """Prolong the lease; False when the version is another's by now, or gone. Fences what follows.

    In the same transaction as what it fences it keeps the row, so nobody takes over in between.
    """
    held = update(Dataset).where(*_is_held(dataset_id, token))
    return bool(changes(session, held.values(leased_until=epoch_now() + lease_s)))


class Written(NamedTuple):
    """How far the making of a version is."""

    rows: int
    drops: int


def advance(
    session: Session, dataset_id: str, token: str, before: Written, after: Written
) -> bool | None:
    """Note that more is written; fences what is written in the same transaction.

    Returns None when that was noted before, by a commit whose answer was lost: then there is
    nothing left to write. False: the version is another's by now, or gone.
    """
    stands = (Dataset.row_count == before.rows, Dataset.dropped_count == before.drops)
    held = update(Dataset).where(*_is_held(dataset_id, token), *stands)
    if changes(session, held.values(row_count=after.rows, dropped_count=after.drops)):
        return True
    counts = select(Dataset.row_count, Dataset.dropped_count)
    found = session.execute(counts.where(*_is_held(dataset_id, token))).one_or_none()
    return None if found == after else False


def let_go(session: Session, dataset_id: str, token: str) -> None:
    """Leave an unfinished version to whoever takes it next; also one whose file is read."""
    held = update(Dataset).where(*_is_held(dataset_id, token))
    # Only a process that went without a word has used up an attempt.
    again = {"attempts": case((Dataset.attempts > 0, Dataset.attempts - 1), else_=0)}
    session.execute(held.values(state=QUEUED, token=None, leased_until=None, **again))


def end(session: Session, dataset_id: str, token: str, state: str, **values: Any) -> bool:  # noqa: ANN401 - columns of any type
    """Note how the making ended, unless the version is another's by now."""
    held = update(Dataset).where(*_is_held(dataset_id, token))
    ended = {"state": state, "token": None, "leased_until": None, "ended_at": epoch_now()}
    return bool(changes(session, held.values(ended | values)))


def _is_held(dataset_id: str, token: str) -> Sequence[ColumnElement[bool]]:
    at_work = Dataset.state.in_((READING, MAKING))
    return (Dataset.id == dataset_id, Dataset.token == token, at_work)


def forget_files(session: Session, dataset_id: str) -> None:
    """Remove what is known of the files of a version."""
    session.execute(delete(DatasetFile).where(DatasetFile.dataset_id == dataset_id))


def files_of(session: Session, dataset_id: str) -> Sequence[DatasetFile]:
    """Load what is known of the files of a version, by name."""
    wanted = select(DatasetFile).where(DatasetFile.dataset_id == dataset_id)
    return session.scalars(wanted.order_by(DatasetFile.name)).all()


def note_file(session: Session, made: DatasetFile) -> DatasetFile:
    """Note a file that was made; what is known of it, if it was made before.

    Raises:
        RuntimeError: it was another one then. That is a defect.
    """
    known = session.get(DatasetFile, (made.dataset_id, made.name), with_for_update=True)
    if known is None:
        known = session.merge(made)
        session.flush()
    if known.sha256 != made.sha256:
        raise RuntimeError(f"{made.dataset_id}: {made.name} came out different from before")
    return known


def waiting(session: Session, again_after_s: float) -> Sequence[str]:
    """Name the versions that a worker should look at and was not told of lately."""
    now = epoch_now()
    return session.scalars(
        select(Dataset.id)
        .where(Dataset.state.in_(UNFINISHED))
        .where(or_(Dataset.leased_until.is_(None), Dataset.leased_until < now))
        .where(or_(Dataset.notified_at.is_(None), Dataset.notified_at < now - again_after_s))
        .order_by(Dataset.id)
        .limit(20)
    ).all()


def note_nudged(session: Session, dataset_ids: Sequence[str]) -> None:
    """Note that a worker was told of them."""
    if dataset_ids:
        session.execute(
            update(Dataset).where(Dataset.id.in_(dataset_ids)).values(notified_at=epoch_now())
        )


def broken_imports(session: Session) -> Sequence[str]:
    """Name the imports whose process is dead: nobody else has their file."""
    return session.scalars(
        select(Dataset.id).where(Dataset.state == READING, Dataset.leased_until < epoch_now())
    ).all()


def bury_import(session: Session, dataset_id: str) -> None:
    """Note that the process that read a file is dead, unless it has come back to life."""
    dead = (Dataset.state == READING, Dataset.leased_until < epoch_now())
    message = "The service stopped while it read the file; send it again."
    ended = {"state": FAILED, "message": message, "request_sha256": None, "row_count": 0}
    session.execute(
        update(Dataset)
        .where(Dataset.id == dataset_id, *dead)
        .values(token=None, leased_until=None, ended_at=epoch_now(), dropped_count=0, **ended)
    )


def used_by(session: Session, dataset_id: str) -> str | None:
    """Name an unfinished version that reads this one; None: none does."""
    return session.scalar(
        select(Dataset.id)
        .where(Dataset.state.in_(UNFINISHED))
        .where(
            or_(
                cast(Dataset.recipe, Text).contains(dataset_id, autoescape=True),
                cast(Dataset.facts, Text).contains(dataset_id, autoescape=True),
            )
        )
        .limit(1)
    )
