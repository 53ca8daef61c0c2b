"""Reviewing: replies about the rows of a data set become rows that stay or rejections.

The caller holds the run's row. Rows do not depend on each other, so they are decided as they come;
in the end each stands in its own place, whatever came first.
"""

from sqlalchemy.orm import Session

from app.pipeline.profiles import review_stage
from app.pipeline.types import Instance, Rejected, Stage
from app.services.generation.work.admission import issue_tickets
from app.services.generation.work.pool import RunMaterial
from app.services.generation.work.requests import Asked
from app.services.generation.work.write_batch import Changes, Reviewed
from app.states import ItemState
from app.store.tables.runs import Run
from app.store.work import work_items
from app.store.work.completions import Kept
from app.store.work.instructions import Dropped, Made
from app.store.work.work_items import Item, Planned, Settled

AHEAD = 2_000
"""Rows planned and not reviewed, when they are asked about by calls: a queue that stays short."""
AHEAD_BY_BATCH = 100_000
"""The same by batches: several of them, or each would have to wait for the one before."""
_AT_ONCE = 10_000
"""Planned in one transaction, while the run's row is held."""


def plan_ahead(session: Session, run: Run, material: RunMaterial) -> None:
    """Plan what the run has room for: rows to review, or generation calls."""
    if material.dataset_id is None:
        issue_tickets(session, run, material)
    else:
        plan_rows(session, run)


def plan_rows(session: Session, run: Run) -> None:
    """Plan the next rows, once half of those ahead are reviewed."""
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


def take_review(asked: Asked, kept: Kept, material: RunMaterial, changes: Changes) -> str | None:
    """Take in a reply about a row; returns what is wrong with one that has to be asked for again.

    Raises:
        ValueError: when the item is about no row; a defect of the caller.
    """
    item, row = asked.item, asked.row
    if row is None:
        raise ValueError("an item of a review is about a row")
    read = review_stage(material.profile).parse(kept.completion, row, material.options)
    if read.rejected is not None:
        drop = Dropped(Stage.REVIEW, read.rejected, kept.id, sequence=item.ordinal)
        changes.dropped.append(drop)
    if not read.is_readable:
        return "it says nothing of the row"
    if read.output is not None:
        changes.made.append(Made(item.ordinal, kept.id, [Instance(row.input, read.output)]))
    changes.settled.append(Settled(item.id, ItemState.DONE, kept.id))
    changes.reviewed.append(Reviewed(stays=read.output is not None))
    return None


def give_up_row(item: Item, trouble: str, material: RunMaterial, changes: Changes) -> None:
    """Reject a row of which no reply could be used: what was never reviewed does not stay."""
    rejected = Rejected(trouble, review_stage(material.profile).given_up)
    changes.dropped.append(Dropped(Stage.REVIEW, rejected, None, sequence=item.ordinal))
    changes.reviewed.append(Reviewed(stays=False, was_decided=False))
