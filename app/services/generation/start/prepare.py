"""The start of a run: its material is loaded, and at first its first work is planned."""

from dataclasses import asdict, replace
from typing import assert_never

from sqlalchemy.orm import Session

from app.pipeline.types import Capabilities, Stage
from app.services.context import ServiceContext
from app.services.free_space import database_shortage
from app.services.generation.start import preflight_run
from app.services.generation.start.preflight_run import Preflighted, pause_run_for_provider
from app.services.generation.work import learned
from app.services.generation.work.material import (
    PreparedRun,
    RunMaterial,
    as_known_now,
    material_of,
)
from app.services.generation.work.plan_work import plan_ahead
from app.states import Status, WaitKind
from app.store.runs import runs, slots, waiting
from app.store.runs.runs import Hold
from app.store.runs.source import Growing, Reviewing
from app.store.runs.waiting import Wait
from app.store.tables.runs import Run
from app.store.work import batches, completions, endpoint_states, item_counts, work_items
from app.store.work.work_items import Planned


def prepare(context: ServiceContext, hold: Hold) -> PreparedRun | None:
    """Bring a run to running.

    Returns:
        What a pump works with; None when there is nothing to do, or the endpoint refuses. A run
        that is being cancelled is prepared too: it may still have batches to poll.
    """
    with context.database.read() as session:
        run = session.get_one(Run, hold.run_id)
        material = material_of(session, run)
    extra_body = {**context.extra_body, **material.options.extra_body}
    material = replace(material, extra_body=extra_body)
    if run.status == Status.QUEUED and (why := database_shortage(context)) is not None:
        wait = Wait(WaitKind.DISK, why)
        context.database.retrying(lambda session: waiting.begin(session, run.id, wait))
        return None
    if run.status == Status.QUEUED:
        begun = context.database.retrying(
            lambda session: _resume_with_batches(session, material, hold)
        ) or _start(context, run, material, hold)
        return None if begun is None else _prepared(context, begun, run.id)
    if run.status not in {Status.RUNNING, Status.CANCELLING} or run.capabilities is None:
        return None
    if run.status == Status.RUNNING:
        context.database.retrying(lambda session: _calibrate_as_asked(session, material, hold))
    return PreparedRun(material, run.model, run.set_aside.keys())


def _prepared(context: ServiceContext, material: RunMaterial, run_id: str) -> PreparedRun:
    with context.database.read() as session:
        run = session.get_one(Run, run_id)
        return PreparedRun(material, run.model, run.set_aside.keys())


def pause_for_provider(context: ServiceContext, hold: Hold, message: str) -> None:
    """Pause a run with the provider's words, unless the slot was lost meanwhile."""
    context.database.retrying(lambda session: pause_run_for_provider(session, hold, message))


def _resume_with_batches(session: Session, material: RunMaterial, hold: Hold) -> RunMaterial | None:
    """Resume a run that has batches at the provider without a preflight.

    The results of a batch are billed, so they are collected whatever the caps allow by now.
    """
    run = runs.lock(session, hold.run_id)
    if run is None or not slots.is_held(session, hold) or run.capabilities is None:
        return None
    if not batches.any_open(session, run.id):
        return None
    if run.status == Status.QUEUED:
        runs.move(session, run.id, Status.RUNNING)
        plan_ahead(session, run, material)
    elif run.status != Status.RUNNING:
        return None
    return as_known_now(run, material)


def _start(
    context: ServiceContext, run: Run, material: RunMaterial, hold: Hold
) -> RunMaterial | None:
    """Ask the endpoints what they can do; then plan the first work, or pause the run."""
    asked = preflight_run.ask(context, run.model, material, hold)
    if asked is None:
        return None

    def plan(session: Session) -> RunMaterial | None:
        locked = runs.lock(session, run.id)
        if locked is None:
            return None
        return _plan_first_work(session, locked, material, hold, asked)

    return context.database.retrying(plan)


def _plan_first_work(
    session: Session, run: Run, material: RunMaterial, hold: Hold, asked: Preflighted
) -> RunMaterial | None:
    """Settle the preflight, then let the run begin or pause it; safe to repeat."""
    is_held = slots.is_held(session, hold)
    waits = is_held and run.status == Status.QUEUED
    preflight_run.settle(session, run, asked, waits=waits)
    if waits and asked.throttles:
        preflight_run.record_throttles(session, run, asked, is_waiting=asked.may_wait)
    if waits and asked.trouble is None:
        for name in sorted(asked.there):
            endpoint_states.record_up(session, name, run.model)
            endpoint_states.release(session, name, run.model)
        waiting.end(session, run.id)
        _begin(session, run, material, asked)
        return as_known_now(run, material)
    if waits and not asked.is_loading and not asked.may_wait:
        waiting.end(session, run.id)
        pause_run_for_provider(session, hold, str(asked.trouble))
    # Committed before, but the answer was lost; or the run was paused or taken away meanwhile.
    runs_on = is_held and run.status == Status.RUNNING and run.capabilities is not None
    return as_known_now(run, material) if runs_on else None


def _begin(session: Session, run: Run, material: RunMaterial, asked: Preflighted) -> None:
    session.flush()
    is_first = run.started_at is None
    runs.move(session, run.id, Status.RUNNING)
    runs.set_aside(session, run, asked.refusing)
    slots.notify_at_once(session, run.id)
    if run.capabilities is not None:
        # Resumed as it was: it goes on as it began, whatever the endpoint can do by now.
        learned.record(session, run, asked.dialects)
        if not _is_calibrated_as_asked(session, run, material):
            _plan_calibration(session, run, material, learned.capabilities_of(run))
        plan_ahead(session, run, material)
        return
    run.capabilities = asdict(asked.capabilities)
    runs.add_event(session, run.id, "preflight", run.capabilities)
    learned.record(session, run, asked.dialects)
    match material.source:
        case Growing():
            if is_first:
                _report_few_seeds(session, material)
        case Reviewing():
            pass
        case never:
            assert_never(never)
    if is_first or _lacks_calibration(session, run, material):
        _plan_calibration(session, run, material, asked.capabilities)
    plan_ahead(session, run, material)


def _lacks_calibration(session: Session, run: Run, material: RunMaterial) -> bool:
    """Return True when the model was not asked about nothing yet as it is asked now.

    A resume may change the model, or the further fields, which may switch its thoughts off.
    """
    if item_counts.any_unfinished(session, run.id, Stage.CALIBRATE):
        return False
    further = material.extra_body
    return not completions.of_stage(session, run.id, Stage.CALIBRATE, run.model, further)


def _calibrate_as_asked(session: Session, material: RunMaterial, hold: Hold) -> None:
    """Measure the bias anew where a setting changed how the model is asked."""
    run = session.get_one(Run, material.run_id)
    if _is_calibrated_as_asked(session, run, material):
        return
    locked = runs.lock(session, hold.run_id)
    if locked is None or locked.status != Status.RUNNING or not slots.is_held(session, hold):
        return
    if not _is_calibrated_as_asked(session, locked, material):
        _plan_calibration(session, locked, material, learned.capabilities_of(locked))


def _is_calibrated_as_asked(session: Session, run: Run, material: RunMaterial) -> bool:
    """Return True when the questions about nothing had these further fields, or none were asked."""
    asked = work_items.subjects(session, run.id, Stage.CALIBRATE)
    return not asked or any(one.get("extra_body", {}) == material.extra_body for one in asked)


def _plan_calibration(
    session: Session, run: Run, material: RunMaterial, capabilities: Capabilities
) -> None:
    """Plan the questions about nothing; where there is nothing to measure, the bias is 0."""
    nothings = material.profile.calibration if capabilities.logprobs else ()
    if not nothings:
        run.classification_bias = 0.0
        return
    further = {"extra_body": dict(material.extra_body)} if material.extra_body else {}
    planned = [
        Planned(Stage.CALIBRATE, n, {"instruction": text, **further})
        for n, text in enumerate(nothings)
    ]
    work_items.plan(session, run, planned)


def _report_few_seeds(session: Session, material: RunMaterial) -> None:
    wanted = material.profile.mix.seeds + material.profile.mix.machine_made
    if len(material.seeds) < wanted:
        message = (
            f"A prompt shows {wanted} demonstrations; with {len(material.seeds)} seed tasks it"
            " shows fewer until there are machine-made ones."
        )
        runs.add_event(session, material.run_id, "few_seeds", {"message": message})
