"""Queries on the course of a run, reply by reply."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.pipeline.types import Stage
from app.store.tables.completions import CompletionRow
from app.store.tables.instructions import InstructionRow


def accepted_by_reply(session: Session, run_id: str) -> Sequence[int]:
    """Count the accepted instructions of each generation reply, in the order of the replies."""
    brought = (
        select(InstructionRow.completion_id, func.count().label("accepted"))
        .where(InstructionRow.run_id == run_id)
        .group_by(InstructionRow.completion_id)
        .subquery()
    )
    return session.scalars(
        select(func.coalesce(brought.c.accepted, 0))
        .select_from(CompletionRow)
        .outerjoin(brought, brought.c.completion_id == CompletionRow.id)
        .where(CompletionRow.run_id == run_id, CompletionRow.stage == Stage.GENERATE)
        .where(CompletionRow.is_spare.is_(False))
        .order_by(CompletionRow.id)
    ).all()
