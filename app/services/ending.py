"""When a run is over, and what is said of it then."""

from sqlalchemy.orm import Session

from app.pipeline import planner
from app.pipeline.run_state import EndReason, Status
from app.services.admission import numbers_of
from app.services.pool import RunMaterial
from app.store import batches, instructions, runs, work
from app.store.models import Run


def finish_if_over(session: Session, run: Run, material: RunMaterial, *, idle: bool) -> bool:
    """End the run when nothing more is to come; whether it has ended.

    `idle`: the caller found nothing to ask and waits for nothing. Only then is the work counted.
    What is with the provider in a batch is waited for, even where nothing more is hoped for.
    """
    session.flush()
    numbers = numbers_of(run, material)
    reason = None
    if idle:
        work_left = work.any_unfinished(session, run.id)
        reason = planner.end_of(numbers, work_left=work_left, has_rows=run.instances > 0)
    if is_barren(run, material) and not batches.any_open(session, run.id):
        reason = EndReason.DRY
    if reason is EndReason.TARGET_MET:
        runs.move(session, run.id, Status.SUCCEEDED, reason=reason)
    elif reason is not None:
        message = _dry_message(session, run, numbers)
        runs.move(session, run.id, Status.FAILED, reason=reason, message=message)
    return reason is not None


def is_barren(run: Run, material: RunMaterial) -> bool:
    """Whether so much was asked without a row coming of it that nothing more should be."""
    complete = run.complete - run.complete_at_resume
    return not run.instances and planner.no_row_comes(numbers_of(run, material), complete=complete)


def _dry_message(session: Session, run: Run, numbers: planner.Numbers) -> str:
    """Say why nothing more is to be expected, in numbers."""
    by_reason = instructions.count_by_reason(session, run.id)
    reasons = ", ".join(f"{n} {reason} ({stage})" for stage, reason, n in by_reason[:8])
    if numbers.accepted >= numbers.target:
        what = f"None of {numbers.accepted} accepted instructions got a usable instance."
    elif numbers.dry:
        what = f"The last {numbers.barren} replies brought no acceptable instruction."
    else:
        what = f"{numbers.accepted} of {numbers.target} instructions were accepted."
    return (
        f"{what} Replies read: {numbers.admitted}; accepted: {numbers.accepted}; instances:"
        f" {run.instances}; rejected: {reasons or 'nothing'}. A stronger model, other seeds or a"
        " higher temperature may help."
    )
