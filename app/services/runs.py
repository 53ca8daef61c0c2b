"""What a person can do with runs: start, watch, pause, resume, cancel."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import Conflict, Fault, InvalidInput, NotFound
from app.pipeline.options import RunOptions
from app.pipeline.run_state import EndReason, Status
from app.pipeline.types import SeedTask
from app.services import seed_sets
from app.services.workshop import Workshop
from app.store import runs, slots
from app.store.identifiers import may_be_id, new_id
from app.store.models import Run


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was posted: seeds by id or in the request itself, and options."""

    seed_set_id: str | None
    seed_tasks: Sequence[SeedTask] | None
    options: RunOptions

    def sha256(self) -> str:
        """Tell two requests under the same idempotency key apart."""
        words = f"{self.seed_set_id}\n{self.seed_tasks!r}\n{self.options.model_dump_json()}"
        return hashlib.sha256(words.encode()).hexdigest()


def start_run(workshop: Workshop, request: RunRequest, idempotency_key: str | None) -> Run:
    """Accept a run: stored and queued when this returns.

    The same key with the same request answers the run that was started first.

    Raises:
        InvalidInput: when no model is named anywhere.
        NotFound: when there is no such seed set.
        Conflict: when the key came with another request before.
    """
    model = request.options.model or workshop.default_model
    if model is None:
        fault = Fault("name a model, or set SEEDBED_MODEL for the service", field="options.model")
        raise InvalidInput("The run has no model to ask.", [fault])

    run_id = new_id("run")

    def add(session: Session) -> Run:
        if made := session.get(Run, run_id):
            # Committed before, but the answer was lost.
            return made
        if idempotency_key is not None:
            earlier = runs.find_by_key(session, idempotency_key)
            if earlier is not None:
                return _same_request(earlier, request)
        run = Run(
            id=run_id,
            seed_set_id=_seed_set_id(session, request),
            profile=request.options.profile,
            model=model,
            options=request.options.model_dump(mode="json"),
            status=Status.QUEUED,
            idempotency_key=idempotency_key,
            request_sha256=request.sha256(),
        )
        session.add(run)
        session.flush()
        slots.add(session, run.id, request.options.workers)
        runs.add_event(session, run.id, "status", {"status": Status.QUEUED})
        session.refresh(run)
        return run

    try:
        return workshop.database.retrying(add)
    except IntegrityError:
        # The same key, or the same seeds, arrived twice at once: the other one is there now.
        return workshop.database.retrying(add)


def _same_request(earlier: Run, request: RunRequest) -> Run:
    if earlier.request_sha256 != request.sha256():
        raise Conflict(
            "This Idempotency-Key came with another request before; take a new key for a new run."
        )
    return earlier


def _seed_set_id(session: Session, request: RunRequest) -> str:
    if request.seed_tasks is not None:
        stored, _ = seed_sets.put(session, request.seed_tasks, None)
        return stored.id
    return seed_sets.find(session, str(request.seed_set_id)).id


def get_run(workshop: Workshop, run_id: str) -> Run:
    """Load one.

    Raises:
        NotFound: when there is none with this id.
    """
    with workshop.database.read() as session:
        return _get(session, run_id)


def _get(session: Session, run_id: str) -> Run:
    found = session.get(Run, run_id, populate_existing=True) if may_be_id(run_id) else None
    if found is None:
        raise NotFound("run", run_id)
    return found


def cancel_run(workshop: Workshop, run_id: str) -> Run:
    """End a run for good; what it has made stays. Effective within seconds, safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it has succeeded or failed already.
    """

    def cancel(session: Session) -> Run:
        run = _get(session, run_id)
        if run.status in {Status.CANCELLED, Status.CANCELLING}:
            return run
        _must(runs.move(session, run_id, Status.CANCELLING, reason=EndReason.CANCELLED), run)
        if not slots.any_live(session, run_id):
            # Nobody works on it: there is nothing to wait for.
            runs.move(session, run_id, Status.CANCELLED, reason=EndReason.CANCELLED)
        return _get(session, run_id)

    return workshop.database.retrying(cancel)


def pause_run(workshop: Workshop, run_id: str) -> Run:
    """Stop asking the model until the run is resumed. Effective within seconds, safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it has ended.
    """

    def pause(session: Session) -> Run:
        run = _get(session, run_id)
        if run.status != Status.PAUSED:
            _must(runs.move(session, run_id, Status.PAUSED, reason=EndReason.ASKED), run)
        return _get(session, run_id)

    return workshop.database.retrying(pause)


def resume_run(workshop: Workshop, run_id: str) -> Run:
    """Let a paused or failed run go on from where it stands. Safe to repeat.

    Raises:
        NotFound: when there is none with this id.
        Conflict: when it was cancelled or has succeeded.
    """

    def resume(session: Session) -> Run:
        _get(session, run_id)
        run = runs.lock(session, run_id)
        if run is not None and run.status not in {Status.QUEUED, Status.RUNNING}:
            _must(runs.move(session, run_id, Status.QUEUED), run)
            # A run that was dry is given as many barren replies again.
            run.barren_tickets = 0
            run.complete_at_resume = run.complete
        session.flush()
        return _get(session, run_id)

    return workshop.database.retrying(resume)


def _must(moved: bool, run: Run) -> None:
    if not moved:
        raise Conflict(f"The run is {run.status}; from there this cannot be done.")
