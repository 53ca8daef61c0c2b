"""The planning of first work: generation calls in order, or rows to review.

The caller holds the run's row.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import assert_never

from sqlalchemy.orm import Session

from app.pipeline import planner
from app.pipeline.demonstrations import draw_demonstrations
from app.pipeline.profiles import mix_of
from app.pipeline.types import Stage
from app.services.generation.work.material import RunMaterial
from app.store.runs.source import Growing, Reviewing
from app.store.tables.runs import Run
from app.store.work import work_items
from app.store.work.work_items import Planned

AHEAD = 2_000
"""Rows planned but not reviewed when they are asked by calls: the queue stays short."""
AHEAD_BY_BATCH = 100_000
"""The same by batches: enough for several, or each would wait for the one before."""
_AT_ONCE = 10_000
"""Rows planned in one transaction, while the run's row is held."""


def numbers_of(run: Run, material: RunMaterial) -> planner.Numbers:
    """Return the numbers that the planner decides from."""
    return planner.Numbers(
        target=material.options.target,
        accepted=run.accepted,
        issued=run.tickets_issued,
        admitted=run.tickets_admitted,
        barren=run.unproductive_tickets,
        lookahead=material.options.lookahead,
        dry_after=material.options.dry_after,
        usual_yield=material.profile.usual_yield,
    )


def plan_ahead(session: Session, run: Run, material: RunMaterial) -> None:
    """Plan as much first work as the run should have: rows to review, or generation calls."""
    match material.source:
        case Growing():
            issue_tickets(session, run, material)
        case Reviewing():
            plan_rows(session, run)
        case never:
            assert_never(never)


def issue_tickets(session: Session, run: Run, material: RunMaterial) -> None:
    """Plan generation calls, as many as the planner asks for."""
    work_items.plan(session, run, new_tickets(run, material))


def new_tickets(run: Run, material: RunMaterial) -> list[Planned]:
    """Draw the demonstrations of the next generation calls, and count the calls as issued."""
    labels = [seed.is_classification for seed in material.seeds]
    mix = mix_of(material.profile, material.options)
    planned = []
    for _ in range(planner.tickets_to_issue(numbers_of(run, material))):
        drawn = draw_demonstrations(
            run.tickets_issued,
            random_seed=material.options.random_seed,
            seed_is_classification=labels,
            machine_made=run.accepted,
            mix=mix,
        )
        subject = {"demonstrations": [asdict(d) for d in drawn]}
        planned.append(Planned(Stage.GENERATE, run.tickets_issued, subject))
        run.tickets_issued += 1
    return planned


def plan_rows(session: Session, run: Run) -> None:
    """Plan the next rows to review, once half of those planned are reviewed."""
    ahead = AHEAD_BY_BATCH if Stage.REVIEW in run.batch_stages else AHEAD
    waiting = run.tickets_issued - run.complete
    missing = (run.rows_to_review or 0) - run.tickets_issued
    count = min(ahead - waiting, missing, _AT_ONCE)
    if count <= 0 or waiting > ahead // 2:
        return
    first = run.tickets_issued
    rows = (Planned(Stage.REVIEW, n, {}) for n in range(first, first + count))
    work_items.plan(session, run, rows)
    run.tickets_issued += count


def plan_classification(sequences: Iterable[int]) -> list[Planned]:
    """Plan the question whether these instructions are classification tasks."""
    return [Planned(Stage.CLASSIFY, n, {}) for n in sequences]
