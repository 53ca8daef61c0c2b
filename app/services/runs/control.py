"""What a person can do with runs: start, watch, pause, resume, cancel."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import Conflict, Fault, InvalidInput, NotFound
from app.llm.prices import check_priced
from app.pipeline.budget import NO_CAPS, Caps
from app.pipeline.options import RunOptions
from app.pipeline.types import SeedTask
from app.services.context import ServiceContext
from app.services.generation.work.run_filters import check_rules
from app.services.journeys.seeds_to_model import RunTraining, add_for_run
from app.services.runs import seed_sets
from app.services.runs.estimate import Estimate, Plan, estimate
from app.services.runs.review_sources import check_source, estimate_rows, ready_to_review
from app.services.training.jobs.requests import check_judge
from app.states import EndReason, Status
from app.store.ids import may_be_id, new_id
from app.store.runs import runs, slots
from app.store.runs import seed_sets as stored_seeds
from app.store.tables.runs import Run
from app.store.work import batches


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was posted: seeds by id or in the request itself, or a data set, options, and caps."""

    seed_set_id: str | None
    seed_tasks: Sequence[SeedTask] | None
    options: RunOptions
    caps: Caps = NO_CAPS
    dataset_id: str | None = None
    """The version to be reviewed; then there are no seeds."""
    training: RunTraining | None = None
    """What is to be tuned on its rows when they are all there."""

    def sha256(self) -> str:
        """Tell two requests under the same idempotency key apart."""
        words = f"{self.seed_set_id}\n{self.seed_tasks!r}\n{self.options.model_dump_json()}"
        if self.caps != NO_CAPS:
            words += f"\n{self.caps}"
        if self.dataset_id is not None:
            words += f"\n{self.dataset_id}"
        if self.training is not None:
            words += f"\n{self.training.model_dump_json()}"
        return hashlib.sha256(words.encode()).hexdigest()


def start_run(context: ServiceContext, request: RunRequest, idempotency_key: str | None) -> Run:
    """Accept a run: stored and queued when this returns.

    The same key with the same request answers the run that was started first.

    Raises:
        InvalidInput: when no model is named anywhere, money is capped without a price, source and
            profile do not suit each other, or the training cannot be done.
        NotFound: when there is no such seed set.
        Conflict: when the key came with another request before.
    """
    model = _checked(context, request)
    run_id = new_id("run")

    def add(session: Session) -> Run:
        if made := session.get(Run, run_id):
            # Committed before, but the answer was lost.
            return made
        if idempotency_key is not None:
            earlier = runs.find_by_key(session, idempotency_key)
            if earlier is not None:
                return _same_request(earlier, request)
        check_rules(session, request.options)
        run = Run(
            id=run_id,
            **_source(session, request),
            profile=request.options.profile,
            model=model,
            options=request.options.model_dump(mode="json"),
            status=Status.QUEUED,
            batch_stages=list(request.options.batch_stages),
            idempotency_key=idempotency_key,
            request_sha256=request.sha256(),
            max_calls=request.caps.calls,
            max_tokens=request.caps.tokens,
            max_cost_usd=request.caps.usd,
        )
        session.add(run)
        session.flush()
        slots.add(session, run.id, request.options.workers)
        runs.add_event(session, run.id, "status", {"status": Status.QUEUED})
        if request.training is not None:
            add_for_run(session, run.id, request.training)
        session.refresh(run)
        return run

    try:
        return context.database.retrying(add)
    except IntegrityError:
        # The same key, or the same seeds, arrived twice at once: the other one is there now.
        return context.database.retrying(add)


def _checked(context: ServiceContext, request: RunRequest) -> str:
    """See what needs no database to be seen, and name the model."""
    check_source(request.options.profile, request.dataset_id)
    model = model_of(context, request.options)
    check_caps(context, model, request.caps)
    if request.training is not None:
        check_judge(context, request.training.options, "training.options")
    return model


def model_of(context: ServiceContext, options: RunOptions) -> str:
    """Name the model a run with these options asks.

    Raises:
        InvalidInput: when none is named anywhere.
    """
    model = options.model or context.default_model
    if model is None:
        fault = Fault("name a model, or set SEEDBED_MODEL for the service", field="options.model")
        raise InvalidInput("The run has no model to ask.", [fault])
    return model


def check_caps(context: ServiceContext, model: str, caps: Caps) -> None:
    """See that the caps can be kept.

    Raises:
        InvalidInput: when money is capped and nobody knows what the model costs.
    """
    if caps.usd is not None:
        check_priced(model, context.prices, "budget.max_cost_usd")


def _same_request(earlier: Run, request: RunRequest) -> Run:
    if earlier.request_sha256 != request.sha256():
        raise Conflict(
            "This Idempotency-Key came with another request before; take a new key for a new run."
        )
    return earlier


def _source(session: Session, request: RunRequest) -> Mapping[str, Any]:
    """What a run is made from, by the columns of its row."""
    if request.dataset_id is not None:
        dataset = ready_to_review(session, request.dataset_id)
        return {"dataset_id": dataset.id, "rows_to_review": dataset.row_count}
    if request.seed_tasks is not None:
        stored, _ = seed_sets.put(session, request.seed_tasks, None)
        return {"seed_set_id": stored.id}
    return {"seed_set_id": seed_sets.find(session, str(request.seed_set_id)).id}


def estimate_run(context: ServiceContext, request: RunRequest) -> Estimate:
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
            seed_set = seed_sets.find(session, str(request.seed_set_id))
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
