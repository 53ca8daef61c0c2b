"""Whether two accepted instructions are nearer than they may be, by judges of the test's own."""

import random

from sqlalchemy import Connection, text

from app.similarity import SimilarityIndex
from tests.faults.books import named
from tests.rouge_reference import Reference

_JUDGED = 12
"""Accepted instructions, drawn at random, that rouge_score itself holds against all others."""


def near_duplicates(connection: Connection, run_id: str, seed: int = 0) -> list[str]:
    """No accepted instruction is over the threshold to a seed or an earlier one.

    All by an index of its own, and some, drawn at random, by rouge_score against all others.
    """
    seeds = connection.execute(
        text(
            """SELECT s.instruction FROM seed_tasks s JOIN runs r ON r.seed_set_id = s.seed_set_id
               WHERE r.id = :run ORDER BY s.position"""
        ),
        {"run": run_id},
    ).scalars()
    accepted = connection.execute(
        text("SELECT text FROM instructions WHERE run_id = :run ORDER BY sequence"),
        {"run": run_id},
    ).scalars()
    index, pool = SimilarityIndex(), list(seeds)
    index.extend(pool)
    near = []
    for instruction in accepted:
        nearest = index.nearest(instruction)
        if nearest is not None:
            near.append((instruction, pool[nearest.sequence], nearest.score))
        index.insert(instruction)
        pool.append(instruction)
    reference, rng = Reference(), random.Random(seed)
    for drawn in rng.sample(range(len(pool)), min(_JUDGED, len(pool))):
        others = pool[:drawn] + pool[drawn + 1 :]
        judged = reference.nearest(others, pool[drawn])
        if judged is not None:
            near.append((pool[drawn], others[judged.sequence], judged.score))
    return named("two instructions too near to each other", near)
