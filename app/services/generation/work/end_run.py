"""The end of a run: when it is over, and how it ends."""

from typing import assert_never

from sqlalchemy.orm import Session

from app.pipeline import planner
from app.services.generation.trouble import messages
from app.services.generation.work.material import RunMaterial
from app.services.generation.work.plan_work import numbers_of
from app.states import EndReason, Status
from app.store.runs import runs
from app.store.runs.source import Growing, Reviewing
from app.store.tables.runs import Run
from app.store.work import batches, item_counts


def finish_if_over(session: Session, run: Run, material: RunMaterial, *, idle: bool) -> bool:
    """End the run when nothing more is to come.

    The results of a batch are waited for, even when the run is expected to bring nothing more.

    Args:
        session: of the transaction that holds the run's row.
        run: the run.
        material: what stays the same through it.
        idle: the caller found nothing to ask and waits for nothing. Only then is work counted.

    Returns:
        True when the run has ended.
    """
    session.flush()
    match material.source:
        case Growing():
            return _finish_growing_if_over(session, run, material, idle=idle)
        case Reviewing():
            return _finish_review_if_over(session, run, material, idle=idle)
        case never:
            assert_never(never)


def _finish_growing_if_over(
    session: Session, run: Run, material: RunMaterial, *, idle: bool
) -> bool:
    """End a run that grows when its target is met, or its replies bring nothing more."""
    numbers = numbers_of(run, material)
    reason = None
    if idle:
        work_left = item_counts.any_unfinished(session, run.id)
        reason = planner.end_of(numbers, work_left=work_left, has_rows=run.instances > 0)
    if is_barren(run, material) and not batches.any_open(session, run.id):
        reason = EndReason.DRY
    if reason is None:
        return False
    if _pause_if_refused(session, run):
        return True
    if reason is EndReason.TARGET_MET:
        summary = messages.succeeded(session, run)
        runs.move(session, run.id, Status.SUCCEEDED, reason=reason, message=summary)
    else:
        message = messages.dry(session, run, numbers)
        runs.move(session, run.id, Status.FAILED, reason=reason, message=message)
    return True


def _pause_if_refused(session: Session, run: Run) -> bool:
    """Pause a run that is over but for calls that the endpoint refused; return True if so.

    Its accepted instructions are not complete: with a success, their rows would be missing without
    a word.
    """
    if not item_counts.refused(session, run.id):
        return False
    message = messages.refused_at_the_end(session, run)
    return runs.move(session, run.id, Status.PAUSED, reason=EndReason.PROVIDER, message=message)


def _finish_review_if_over(
    session: Session, run: Run, material: RunMaterial, *, idle: bool
) -> bool:
    """End a review when every row was reviewed, or when no reply at all can be used."""
    if is_barren(run, material) and not batches.any_open(session, run.id):
        message = messages.useless(session, run)
        runs.move(session, run.id, Status.FAILED, reason=EndReason.DRY, message=message)
        return True
    if not idle or item_counts.any_unfinished(session, run.id):
        return False
    if _pause_if_refused(session, run):
        return True
    if run.complete < runs.target_of(run):
        return False
    if run.tickets_admitted:
        summary = messages.succeeded(session, run)
        runs.move(session, run.id, Status.SUCCEEDED, reason=EndReason.TARGET_MET, message=summary)
    else:
        message = messages.useless(session, run)
        runs.move(session, run.id, Status.FAILED, reason=EndReason.DRY, message=message)
    return True


def is_barren(run: Run, material: RunMaterial) -> bool:
    """Return True when enough calls brought no row at all: no more should be sent."""
    complete = run.complete - run.complete_at_resume
    match material.source:
        case Growing():
            numbers = numbers_of(run, material)
            return not run.instances and planner.no_row_comes(numbers, complete=complete)
        case Reviewing():
            return not run.tickets_admitted and complete >= material.options.dry_after
        case never:
            assert_never(never)
