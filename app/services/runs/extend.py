"""Extending a run: a higher target, a larger budget."""

from dataclasses import dataclass
from typing import assert_never

from sqlalchemy.orm import Session

from app.errors import Conflict, Fault, InvalidInput
from app.pipeline.budget import NO_CAPS, Caps
from app.pipeline.options import RunOptions
from app.schemas.runs import RunEstimate
from app.services.context import ServiceContext
from app.services.generation.work.accounting import caps_of
from app.services.generation.work.estimate_plan import GrowingPlan
from app.services.generation.work.material import material_of
from app.services.generation.work.plan_work import issue_tickets
from app.services.runs.control import load
from app.services.runs.estimate import estimate
from app.services.runs.review_sources import estimate_rows
from app.services.runs.run_request import check_caps
from app.states import EndReason, Status
from app.store.runs import runs
from app.store.runs.source import Growing, Reviewing, source_of
from app.store.tables.datasets import Dataset
from app.store.tables.runs import Run


@dataclass(frozen=True, slots=True)
class Extension:
    """New totals, not increments, so that it is safe to repeat."""

    target: int | None = None
    """None keeps it."""
    caps: Caps = NO_CAPS
    """None keeps a cap."""


def extend_run(context: ServiceContext, run_id: str, extension: Extension) -> Run:
    """Raise target or caps; a run that was paused by them, or had met its target, continues.

    Raises:
        NotFound: when there is none with this id.
        InvalidInput: when a number would become smaller, or money is capped without a price.
        Conflict: when it was cancelled.
    """

    def extend(session: Session) -> Run:
        load(session, run_id)
        run = runs.lock(session, run_id) or load(session, run_id)
        _check(context, run, extension)
        _apply(session, run, extension)
        session.flush()
        return load(session, run_id)

    return context.database.retrying(extend)


def estimate_extension(context: ServiceContext, run_id: str, extension: Extension) -> RunEstimate:
    """Estimate what is still needed to meet the target, a new one or the present one.

    Raises:
        NotFound: when there is none with this id.
    """
    with context.database.read() as session:
        run = load(session, run_id)
        options = RunOptions.model_validate(run.options)
        match source_of(run):
            case Reviewing(dataset_id):
                dataset = session.get_one(Dataset, dataset_id)
                return estimate_rows(
                    session, context, options, run.model, dataset, reviewed=run.complete
                )
            case Growing():
                plan = GrowingPlan(
                    options=options,
                    model=run.model,
                    seeds=material_of(session, run).seeds,
                    missing=max(0, (extension.target or options.target) - run.accepted),
                    unfinished=run.accepted - run.complete,
                )
                return estimate(session, plan, context.prices)
            case never:
                assert_never(never)


def _check(context: ServiceContext, run: Run, extension: Extension) -> None:
    if run.status in {Status.CANCELLED, Status.CANCELLING}:
        raise Conflict("A cancelled run can't be extended.")
    if isinstance(source_of(run), Reviewing) and extension.target is not None:
        fault = Fault("a review always covers all rows of its data set", field="target")
        raise InvalidInput("A review has no target.", [fault])
    now, after = caps_of(run), _new_caps(run, extension)
    for field, before, wanted in (
        ("target", run.options["target"], extension.target or run.options["target"]),
        ("budget.max_calls", now.calls, after.calls),
        ("budget.max_tokens", now.tokens, after.tokens),
        ("budget.max_cost_usd", now.usd, after.usd),
    ):
        if before is not None and wanted is not None and wanted < before:
            fault = Fault(f"must be at least the present {before}", field=field)
            raise InvalidInput("An extension can only raise numbers.", [fault])
    check_caps(context, run.model, after)


def _new_caps(run: Run, extension: Extension) -> Caps:
    now, wanted = caps_of(run), extension.caps
    return Caps(
        calls=now.calls if wanted.calls is None else wanted.calls,
        tokens=now.tokens if wanted.tokens is None else wanted.tokens,
        usd=now.usd if wanted.usd is None else wanted.usd,
    )


def _apply(session: Session, run: Run, extension: Extension) -> None:
    caps = _new_caps(run, extension)
    larger = caps != caps_of(run)
    run.max_calls, run.max_tokens, run.max_cost_usd = caps.calls, caps.tokens, caps.usd
    target = extension.target or run.options["target"]
    farther = target != run.options["target"]
    if farther:
        run.options = {**run.options, "target": target}
    if not (larger or farther):
        return
    totals = {
        "target": runs.target_of(run),
        "caps": {"calls": caps.calls, "tokens": caps.tokens, "usd": _dollars(caps)},
    }
    runs.add_event(session, run.id, "extended", totals)
    # It no longer waits for batches alone.
    run.idle_until = None
    waited = run.status == Status.PAUSED and run.end_reason == EndReason.BUDGET
    if (waited and larger) or (run.status == Status.SUCCEEDED and farther):
        session.flush()
        runs.move(session, run.id, Status.QUEUED)
    elif run.status == Status.RUNNING and farther:
        issue_tickets(session, run, material_of(session, run))


def _dollars(caps: Caps) -> str | None:
    return None if caps.usd is None else f"{caps.usd:f}"
