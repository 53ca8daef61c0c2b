"""Queries on seed sets and their tasks."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.pipeline.types import Instance, SeedTask
from app.store.tables.runs import SeedSet, SeedTaskRow


def add(session: Session, seed_set: SeedSet, tasks: Sequence[SeedTask]) -> None:
    """Store a seed set with its tasks, in order."""
    session.add(seed_set)
    session.flush()
    rows = [
        {
            "seed_set_id": seed_set.id,
            "position": position,
            "external_id": task.id,
            "name": task.name,
            "instruction": task.instruction,
            "instances": [asdict(instance) for instance in task.instances],
            "is_classification": task.is_classification,
        }
        for position, task in enumerate(tasks)
    ]
    session.execute(insert(SeedTaskRow), rows)


def find_by_content(session: Session, content_sha256: str) -> SeedSet | None:
    """Find the seed set with exactly this content."""
    return session.scalar(select(SeedSet).where(SeedSet.content_sha256 == content_sha256))


def tasks_of(session: Session, seed_set_id: str) -> tuple[SeedTask, ...]:
    """Load a seed set's tasks, in order."""
    rows = session.execute(
        select(
            SeedTaskRow.external_id,
            SeedTaskRow.name,
            SeedTaskRow.instruction,
            SeedTaskRow.instances,
            SeedTaskRow.is_classification,
        )
        .where(SeedTaskRow.seed_set_id == seed_set_id)
        .order_by(SeedTaskRow.position)
    )
    return tuple(
        SeedTask(id_, name, text, tuple(Instance(**i) for i in instances), is_classification)
        for id_, name, text, instances, is_classification in rows
    )
