"""Seed sets: taken in whole or not at all, the same content once."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.pipeline.types import SeedTask
from app.store.database import Database
from app.store.ids import may_be_id, new_id
from app.store.runs import seed_sets
from app.store.tables.runs import SeedSet


def store_seed_set(
    database: Database,
    tasks: Sequence[SeedTask],
    name: str | None = None,
    licence: str | None = None,
) -> tuple[SeedSet, bool]:
    """Store checked seed tasks; the seed set, and whether it is new. Safe to repeat.

    Tasks that are there already without a licence get the one that comes with them now.
    """
    try:
        return database.retrying(lambda session: put(session, tasks, name, licence))
    except IntegrityError:
        # Somebody stored the same content between our look and our insert.
        return database.retrying(lambda session: put(session, tasks, name, licence))


def put(
    session: Session, tasks: Sequence[SeedTask], name: str | None, licence: str | None = None
) -> tuple[SeedSet, bool]:
    """Store within a transaction of the caller's."""
    content = json.dumps([asdict(t) for t in tasks], ensure_ascii=False, sort_keys=True)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    stored = seed_sets.find_by_content(session, sha256)
    if stored is not None:
        stored.licence = stored.licence or licence
        return stored, False
    seed_set = SeedSet(
        id=new_id("seeds"),
        name=name or f"{len(tasks)} seed tasks",
        licence=licence,
        content_sha256=sha256,
        task_count=len(tasks),
        classification_count=sum(task.is_classification for task in tasks),
    )
    seed_sets.add(session, seed_set, tasks)
    session.refresh(seed_set)
    return seed_set, True


def get_seed_set(database: Database, seed_set_id: str) -> SeedSet:
    """Load one.

    Raises:
        NotFound: when there is none with this id.
    """
    with database.read() as session:
        return find(session, seed_set_id)


def find(session: Session, seed_set_id: str) -> SeedSet:
    """Load one within a transaction of the caller's.

    Raises:
        NotFound: when there is none with this id.
    """
    found = session.get(SeedSet, seed_set_id) if may_be_id(seed_set_id) else None
    if found is None:
        raise NotFound("seed set", seed_set_id)
    return found
