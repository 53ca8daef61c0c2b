"""Seed sets: stored whole or not at all, and the same content once."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from sqlalchemy.orm import Session

from app.errors import NotFound
from app.pipeline.types import SeedTask
from app.services.idempotency import insert_once
from app.store.database import Database
from app.store.ids import may_be_id, new_id
from app.store.runs import seed_sets
from app.store.tables.runs import SeedSet


def store_seed_set(
    database: Database,
    tasks: Sequence[SeedTask],
    name: str | None = None,
    licence: str | None = None,
    made_by: str | None = None,
    may_change: Callable[[str | None], bool] = lambda _: True,
) -> tuple[SeedSet, bool]:
    """Store checked seed tasks. Safe to repeat.

    Tasks that are stored already without a licence get this one, if the caller may change them.

    Args:
        database: where they are stored.
        tasks: the tasks, in order.
        name: the name of a new seed set; None: it is named for the number of its tasks.
        licence: the licence of the tasks; None: not stated.
        made_by: the id of the API key that stores them; None: it came without one.
        may_change: returns True when the caller may change what was made with the key of this id.

    Returns:
        The seed set, and whether it is new.
    """
    seed_set_id = new_id("seeds")

    def work(session: Session) -> SeedSet:
        stored = find_or_insert(session, tasks, name, seed_set_id, made_by)
        if may_change(stored.made_by):
            fill_in_licence(stored, licence)
        return stored

    stored = insert_once(database, SeedSet, seed_set_id, work)
    return stored, stored.id == seed_set_id


def find_or_insert(
    session: Session,
    tasks: Sequence[SeedTask],
    name: str | None = None,
    seed_set_id: str | None = None,
    made_by: str | None = None,
) -> SeedSet:
    """Return the seed set with exactly these tasks, stored now if there was none.

    Args:
        session: a transaction of the caller's.
        tasks: the tasks, checked, in order.
        name: the name of a new one; None: it is named for the number of its tasks.
        seed_set_id: the id of a new one; None: any.
        made_by: the id of the API key that makes a new one; None: it came without one.
    """
    content = json.dumps([asdict(task) for task in tasks], ensure_ascii=False, sort_keys=True)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    stored = seed_sets.find_by_content(session, sha256)
    if stored is not None:
        return stored
    seed_set = SeedSet(
        id=seed_set_id or new_id("seeds"),
        name=name or f"{len(tasks)} seed tasks",
        content_sha256=sha256,
        task_count=len(tasks),
        classification_count=sum(task.is_classification for task in tasks),
        made_by=made_by,
    )
    seed_sets.add(session, seed_set, tasks)
    session.refresh(seed_set)
    return seed_set


def fill_in_licence(seed_set: SeedSet, licence: str | None) -> None:
    """Set the licence of a seed set that has none; a licence that is there stays."""
    seed_set.licence = seed_set.licence or licence


def get_seed_set(database: Database, seed_set_id: str) -> SeedSet:
    """Load a seed set.

    Raises:
        NotFound: when there is none with this id.
    """
    with database.read() as session:
        return load(session, seed_set_id)


def load(session: Session, seed_set_id: str) -> SeedSet:
    """Load a seed set in a transaction of the caller's.

    Raises:
        NotFound: when there is none with this id.
    """
    found = session.get(SeedSet, seed_set_id) if may_be_id(seed_set_id) else None
    if found is None:
        raise NotFound("seed set", seed_set_id)
    return found
