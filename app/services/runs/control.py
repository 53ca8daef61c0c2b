"""Runs: start, estimate, load, pause, resume, cancel, and stop their batches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.pipeline.profiles import batch_stages
from app.schemas.runs import RunEstimate
from app.services.context import ServiceContext
from app.services.generation.work.estimate_plan import GrowingPlan
from app.services.generation.work.material import material_of
from app.services.generation.work.record_replies import give_up_refused
from app.services.generation.work.run_filters import check_rules
from app.services.idempotency import RequestKey, insert_once
from app.services.model_calls.streaks import Streaks, streaks_from
from app.services.runs import seed_sets
from app.services.runs.changes import Changes, apply, differ
from app.services.runs.estimate import estimate
from app.services.runs.review_sources import check_source, estimate_rows, ready_to_review
from app.services.runs.run_request import RunRequest, check_request, model_of
from app.states import EndReason, Status
from app.store.ids import may_be_id, new_id
from app.store.runs import runs, slots
from app.store.runs import seed_sets as stored_seeds
from app.store.tables.runs import Run
from app.store.work import batch_items, batches, work_items


@dataclass(frozen=True, slots=True)
class NewRun:
    """A checked request that is about to become a run."""

    id: str
    request: RunRequest
    model: str
    key: RequestKey


def start_run(
    context: ServiceContext,
    request: RunRequest,
    idempotency_key: str | None,
    made_by: str | None = None,
) -> Run:
    """Accept a run: stored and queued when this returns.

    The same key with the same request returns the run that was started first.

    Args:
        context: database and settings.
        request: the run.
        idempotency_key: the key of the request; None: each request is a new run.
        made_by: the id of the API key that starts it; None: it came without one.

    Raises:
        InvalidInput: when no model is named anywhere, money is capped without a price, or source
            and profile do not go together.
        NotFound: when there is no such seed set.
        Conflict: when the key was used with another request.
    """
    model = check_request(context, request)
    key = RequestKey(idempotency_key, request.hashed(), made_by)
    new = NewRun(new_id("run"), request, model, key)

    def find_or_insert(session: Session) -> Run:
        return find_started(session, new.key) or insert_run(session, new)

    return insert_once(context.database, Run, new.id, find_or_insert)


def find_started(session: Session, key: RequestKey) -> Run | None:
    """Find the run that the same request started under this key; None: there is none.

    Raises:
        Conflict: when the key was used with another request.
    """
    return key.find(lambda stored: runs.find_by_key(session, stored), "run")


def insert_run(session: Session, new: NewRun) -> Run:
    """Store a run with its slots and its first event, in a transaction of the caller's.

    Raises:
        InvalidInput: when the data set cannot be reviewed, or a filter cannot be applied.
        NotFound: when there is no such seed set.
    """
    request = new.request
    check_rules(session, request.options)
    run = Run(
        id=new.id,
        **_source(session, request, new.key.made_by),
        profile=request.options.profile,
        model=new.model,
        options=request.options.model_dump(mode="json"),
        status=Status.QUEUED,
        batch_stages=list(batch_stages(request.options)),
        idempotency_key=new.key.stored,
        made_by=new.key.made_by,
        request_sha256=new.key.request.current,
        max_calls=request.caps.calls,
        max_tokens=request.caps.tokens,
        max_cost_usd=request.caps.usd,
    )
    session.add(run)
    session.flush()
    slots.add(session, run.id, request.options.workers)
    runs.add_event(session, run.id, "status", {"status": Status.QUEUED})
    session.refresh(run)
    return run


def _source(session: Session, request: RunRequest, made_by: str | None) -> Mapping[str, Any]:
    """Return the columns that say what a run is made from."""
    if request.dataset_id is not None:
        dataset = ready_to_review(session, request.dataset_id)
        return {"dataset_id": dataset.id, "rows_to_review": dataset.row_count}
    if request.seed_tasks is not None:
        stored = seed_sets.find_or_insert(session, request.seed_tasks, made_by=made_by)
        return {"seed_set_id": stored.id}
    return {"seed_set_id": seed_sets.load(session, str(request.seed_set_id)).id}


def estimate_run(context: ServiceContext, request: RunRequest) -> RunEstimate:
    """Estimate the calls, tokens and cost of a run; nothing is stored, no model is called.

    Raises:
        InvalidInput: when no model is named anywhere, or source and
            profile do not go together.
        NotFound: when there is no such seed set.
    """
    check_source(request.options.profile, request.dataset_id)
    model = model_of(context, request.options)
    with context.database.read() as session:
        if request.dataset_id is not None:
            dataset = ready_to_review(session, request.dataset_id)
            return estimate_rows(session, context, request.options, model, dataset)
        seeds = request.seed_tasks
        if seeds is None:
            seed_set = seed_sets.load(session, str(request.seed_set_id))
            seeds = stored_seeds.tasks_of(session, seed_set.id)
        plan = GrowingPlan(request.options, model, seeds, missing=request.options.target)
        return estimate(session, plan, context.prices)


def get_run(context: ServiceContext, run_id: str) -> Run:
    """Load a run.

    Raises:
        NotFound: when there is none with this id.
    """
    with context.database.read() as session:
        return load(session, run_id)


def load(session: Session, run_id: str) -> Run:
    """Load a run in a transaction of the caller's.

    Raises:
        NotFound: when there is none with this id.
    """
    found = session.get(Run, run_id, populate_existing=True) if may_be_id(run_id) else None
    if found is None:
        raise NotFound("run", run_id)
    return found


def cancel_run(context: ServiceContext, run_id: str) -> Run:
    """Cancel a run for good; its rows stay. Takes effect within seconds, safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it has succeeded or failed already.
    """

    def cancel(session: Session) -> Run:
        run = load(session, run_id)
        if run.status in {Status.CANCELLED, Status.CANCELLING}:
            return run
        if not runs.move(session, run_id, Status.CANCELLING, reason=EndReason.CANCELLED):
            raise _conflict(run, "cancelled")
        batches.cancel_open(session, run_id)
        if not slots.any_live(session, run_id) and not batches.any_open(session, run_id):
            # No worker has it: there is nothing to wait for.
            runs.move(session, run_id, Status.CANCELLED, reason=EndReason.CANCELLED)
        return load(session, run_id)

    return context.database.retrying(cancel)


def pause_run(context: ServiceContext, run_id: str) -> Run:
    """Stop calling the model until the run is resumed. Takes effect in seconds, safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it has ended.
    """

    def pause(session: Session) -> Run:
        run = load(session, run_id)
        if run.status != Status.PAUSED and not runs.move(
            session, run_id, Status.PAUSED, reason=EndReason.ASKED
        ):
            raise _conflict(run, "paused")
        return load(session, run_id)

    return context.database.retrying(pause)


@dataclass(frozen=True, slots=True)
class Resume:
    """The changes with which a run is to be resumed."""

    changes: Changes = field(default_factory=dict)
    """Options that change."""
    give_up_refused: bool = False
    """Give up the calls that the endpoint refused in all their attempts."""


def resume_run(context: ServiceContext, run_id: str, wanted: Resume = Resume()) -> Run:
    """Continue a paused or failed run from where it stopped. Safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        InvalidInput: an option is unknown, not valid, or can't change after the start.
        Conflict: when it was cancelled or has succeeded, or is at work with other options.
    """

    def resume(session: Session) -> Run:
        load(session, run_id)
        run = runs.lock(session, run_id)
        if run is not None and run.status in {Status.QUEUED, Status.RUNNING}:
            if differ(run, wanted.changes):
                raise Conflict(
                    f"A {run.status} run can't change its options. Pause it first: `seedbed pause"
                    f" {run_id}`."
                )
        elif run is not None:
            if run.status == Status.SUCCEEDED or not runs.move(session, run_id, Status.QUEUED):
                raise _conflict(run, "resumed")
            # A run that ended dry may try as many replies again.
            run.unproductive_tickets = 0
            run.complete_at_resume = run.complete
            # What a person has put right is asked again.
            run.set_aside = {}
            session.flush()
            is_changed = apply(context, session, run, wanted.changes)
            streaks = Streaks() if is_changed else streaks_from(run.refusals)
            streaks.resume()
            run.refusals = streaks.stored()
            if wanted.give_up_refused:
                give_up_refused(session, run, material_of(session, run))
            work_items.reopen_refused(session, run_id)
        session.flush()
        return load(session, run_id)

    return context.database.retrying(resume)


def stop_batches(context: ServiceContext, run_id: str) -> Run:
    """Send everything that is left as normal calls, at their price. Safe to repeat.

    Batches at the provider are cancelled; what they have answered by then is collected. A paused
    run does so once it is resumed.

    Raises:
        NotFound: when there is none with this id.
    """

    def stop(session: Session) -> Run:
        load(session, run_id)
        run = runs.lock(session, run_id) or load(session, run_id)
        if run.batch_stages:
            runs.add_event(session, run_id, "batches_stopped", {})
        run.batch_stages = []
        run.idle_until = None
        batch_items.ask_all_by_call(session, run_id)
        batches.cancel_open(session, run_id)
        session.flush()
        session.refresh(run)
        return run

    return context.database.retrying(stop)


def _conflict(run: Run, action: str) -> Conflict:
    """Return the error that says that a run can't be, for example, ``resumed``."""
    if run.status == Status.CANCELLING:
        return Conflict(f"A run that is being cancelled can't be {action}.")
    return Conflict(f"A {run.status} run can't be {action}.")
