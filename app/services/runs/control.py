"""Runs under a person's control: start, estimate, look up, pause, resume, cancel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.errors import Conflict, NotFound
from app.schemas.runs import RunEstimate
from app.services.context import ServiceContext
from app.services.generation.work.run_filters import check_rules
from app.services.idempotency import RequestKey, insert_once
from app.services.runs import seed_sets
from app.services.runs.estimate import Plan, estimate
from app.services.runs.review_sources import check_source, estimate_rows, ready_to_review
from app.services.runs.run_request import RunRequest, check_request, model_of
from app.states import EndReason, Status
from app.store.ids import may_be_id, new_id
from app.store.runs import runs, slots
from app.store.runs import seed_sets as stored_seeds
from app.store.tables.runs import Run
from app.store.work import batches


@dataclass(frozen=True, slots=True)
class NewRun:
    """A checked request that is about to become a run."""

    id: str
    request: RunRequest
    model: str
    key: RequestKey


def start_run(context: ServiceContext, request: RunRequest, idempotency_key: str | None) -> Run:
    """Accept a run: stored and queued when this returns.

    The same key with the same request returns the run that was started first.

    Raises:
        InvalidInput: when no model is named anywhere, money is capped without a price, or source
            and profile do not go together.
        NotFound: when there is no such seed set.
        Conflict: when the key was used with another request.
    """
    model = check_request(context, request)
    new = NewRun(new_id("run"), request, model, RequestKey(idempotency_key, request.hashed()))

    def find_or_insert(session: Session) -> Run:
        return find_started(session, new.key) or insert_run(session, new)

    return insert_once(context.database, Run, new.id, find_or_insert)


def find_started(session: Session, key: RequestKey) -> Run | None:
    """Find the run that the same request started under this key; None: there is none.

    Raises:
        Conflict: when the key was used with another request.
    """
    earlier = None if key.key is None else runs.find_by_key(session, key.key)
    if earlier is not None:
        key.check_same(earlier.request_sha256, "run")
    return earlier


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
        **_source(session, request),
        profile=request.options.profile,
        model=new.model,
        options=request.options.model_dump(mode="json"),
        status=Status.QUEUED,
        batch_stages=list(request.options.batch_stages),
        idempotency_key=new.key.key,
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


def _source(session: Session, request: RunRequest) -> Mapping[str, Any]:
    """Return the columns that say what a run is made from."""
    if request.dataset_id is not None:
        dataset = ready_to_review(session, request.dataset_id)
        return {"dataset_id": dataset.id, "rows_to_review": dataset.row_count}
    if request.seed_tasks is not None:
        return {"seed_set_id": seed_sets.find_or_insert(session, request.seed_tasks).id}
    return {"seed_set_id": seed_sets.load(session, str(request.seed_set_id)).id}


def estimate_run(context: ServiceContext, request: RunRequest) -> RunEstimate:
    """Guess what a run would take; nothing is stored and nothing is asked.

    Raises:
        InvalidInput: when no model is named anywhere, or source and profile do not suit each other.
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
        plan = Plan(request.options, model, seeds, missing=request.options.target)
        return estimate(session, plan, context.prices)


def get_run(context: ServiceContext, run_id: str) -> Run:
    """Load one.

    Raises:
        NotFound: when there is none with this id.
    """
    with context.database.read() as session:
        return load(session, run_id)


def load(session: Session, run_id: str) -> Run:
    """Load one within a transaction of the caller's.

    Raises:
        NotFound: when there is none with this id.
    """
    found = session.get(Run, run_id, populate_existing=True) if may_be_id(run_id) else None
    if found is None:
        raise NotFound("run", run_id)
    return found


def cancel_run(context: ServiceContext, run_id: str) -> Run:
    """End a run for good; what it has made stays. Effective within seconds, safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it has succeeded or failed already.
    """

    def cancel(session: Session) -> Run:
        run = load(session, run_id)
        if run.status in {Status.CANCELLED, Status.CANCELLING}:
            return run
        _must(runs.move(session, run_id, Status.CANCELLING, reason=EndReason.CANCELLED), run)
        batches.cancel_open(session, run_id)
        if not slots.any_live(session, run_id) and not batches.any_open(session, run_id):
            # Nobody works on it: there is nothing to wait for.
            runs.move(session, run_id, Status.CANCELLED, reason=EndReason.CANCELLED)
        return load(session, run_id)

    return context.database.retrying(cancel)


def pause_run(context: ServiceContext, run_id: str) -> Run:
    """Stop asking the model until the run is resumed. Effective within seconds, safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it has ended.
    """

    def pause(session: Session) -> Run:
        run = load(session, run_id)
        if run.status != Status.PAUSED:
            _must(runs.move(session, run_id, Status.PAUSED, reason=EndReason.ASKED), run)
        return load(session, run_id)

    return context.database.retrying(pause)


def resume_run(context: ServiceContext, run_id: str) -> Run:
    """Let a paused or failed run go on from where it stands. Safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it was cancelled or has succeeded.
    """

    def resume(session: Session) -> Run:
        load(session, run_id)
        run = runs.lock(session, run_id)
        if run is not None and run.status not in {Status.QUEUED, Status.RUNNING}:
            _must(run.status != Status.SUCCEEDED, run)
            _must(runs.move(session, run_id, Status.QUEUED), run)
            # A run that was dry is given as many barren replies again.
            run.unproductive_tickets = 0
            run.complete_at_resume = run.complete
        session.flush()
        return load(session, run_id)

    return context.database.retrying(resume)


def _must(moved: bool, run: Run) -> None:
    if not moved:
        raise Conflict(f"The run is {run.status}; from there this cannot be done.")
