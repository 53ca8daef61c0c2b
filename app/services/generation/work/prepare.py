"""What a pump does first: load what stays the same, and on a run's first time ask the endpoint."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy.orm import Session

from app.errors import ConfigurationError, Outage, RunError
from app.llm import prices
from app.llm.preflight import PATIENCE_S, Preflight, preflight, questions
from app.llm.prices import cost_usd
from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Capabilities, Request, Stage
from app.services.context import ServiceContext
from app.services.generation.work.claiming import caps_of, pause_for_budget, spent
from app.services.generation.work.pool import RunMaterial, material_of
from app.services.generation.work.recording import book, write_off
from app.services.generation.work.review_rows import plan_ahead
from app.services.lease import kept_lease
from app.states import EndReason, Status
from app.store.runs import runs, slots
from app.store.runs.runs import Hold
from app.store.tables.runs import Run
from app.store.work import batches, completions, endpoint_states, work_items
from app.store.work.completions import Reply
from app.store.work.work_items import Planned


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a pump works with."""

    material: RunMaterial
    model: str
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class _Found:
    """What the preflights of all endpoints found together."""

    capabilities: Capabilities
    there: Sequence[str]
    """The names of those that answer."""
    replies: Sequence[Reply]
    unread: Amount
    """The most that those calls can have taken of which no reply is kept."""
    trouble: str | None
    """Why the run cannot begin."""


def begin(context: ServiceContext, hold: Hold) -> Beginning | None:
    """Bring a run to running; None when there is nothing to do, or the endpoint refuses.

    One that is being cancelled may still have batches to see to.
    """
    with context.database.read() as session:
        run = session.get_one(Run, hold.run_id)
        material = material_of(session, run)
    if run.status == Status.QUEUED:
        capabilities = context.database.retrying(
            lambda session: _go_on_with_batches(session, material, hold)
        ) or _start(context, run, material, hold)
        return None if capabilities is None else Beginning(material, run.model, capabilities)
    if run.status not in {Status.RUNNING, Status.CANCELLING} or run.capabilities is None:
        return None
    return Beginning(material, run.model, Capabilities(**run.capabilities))


def _go_on_with_batches(session: Session, material: RunMaterial, hold: Hold) -> Capabilities | None:
    """Resume a run of which the provider has batches without asking it anything first.

    What they bring is paid for, so it is collected, whatever the caps allow to ask by now.
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
    return Capabilities(**run.capabilities)


def _start(
    context: ServiceContext, run: Run, material: RunMaterial, hold: Hold
) -> Capabilities | None:
    """Ask the endpoint what it can do; then the first work is planned, or the run pauses."""
    if _is_held(context, run.model):
        return None
    most = _most_of_preflight(context, run.model, material.profile.endpoint)
    if not context.database.retrying(lambda session: _may_ask(session, hold, most)):
        return None
    with kept_lease(context, lambda session, more_s: slots.extend(session, hold, more_s)):
        found = _ask_all(context, run.model, material.profile.endpoint, hold.token)

    def plan(session: Session) -> Capabilities | None:
        locked = runs.lock(session, run.id)
        if locked is None:
            return None
        is_held = slots.is_held(session, hold)
        waits = is_held and locked.status == Status.QUEUED
        _settle(session, locked, most, found, waits=waits)
        if waits and found.trouble is None:
            for name in sorted(found.there):
                endpoint_states.back(session, name, run.model)
            return _plan_first_work(session, locked, material, found.capabilities)
        if waits:
            _pause_for_provider(session, hold, str(found.trouble))
        # Committed before, but the answer was lost; or it was paused or taken away meanwhile.
        runs_on = is_held and locked.status == Status.RUNNING and locked.capabilities is not None
        return Capabilities(**(locked.capabilities or {})) if runs_on else None

    return context.database.retrying(plan)


def _is_held(context: ServiceContext, model: str) -> bool:
    """Whether an endpoint holds everybody, but not for so long that a person should know.

    Then the run stays in the queue, and is looked at again.
    """
    names = [endpoint.name for endpoint in context.endpoints]
    with context.database.read() as session:
        states = endpoint_states.states(session, names, model, lock=False)
    return any(0 < state.held_s < PATIENCE_S for state in states.values())


def _settle(session: Session, run: Run, most: Amount, found: _Found, *, waits: bool) -> None:
    """Enter what the preflight took in place of the most it could; safe to repeat.

    What was paid for is kept, even if the run was paused, cancelled or taken away meanwhile.
    """
    calls = [reply.call for reply in found.replies]
    settled = completions.any_of_calls(session, run.id, calls) if calls else not waits
    if not settled:
        write_off(run, most, sign=-1)
        write_off(run, found.unread)
        completions.add(session, run.id, found.replies)
        book(run, found.replies)


def _most_of_preflight(
    context: ServiceContext, model: str, kind: Literal["chat", "completions"]
) -> Amount:
    return _most_of(context, model, questions(kind) * len(context.endpoints))


def _most_of(context: ServiceContext, model: str, asked: Iterable[Request]) -> Amount:
    return sum((prices.most(request, model, context.prices) for request in asked), NOTHING)


def _may_ask(session: Session, hold: Hold, most: Amount) -> bool:
    """Enter the preflight into the books at its most before it is asked, if the caps allow it."""
    run = runs.lock(session, hold.run_id)
    if run is None or not slots.is_held(session, hold):
        return False
    in_air = work_items.reserved(session, run.id)
    broken = caps_of(run).broken_by(spent(run) + in_air + most)
    if broken is not None:
        pause_for_budget(session, run, broken)
        return False
    write_off(run, most)
    return True


def _ask_all(
    context: ServiceContext, model: str, kind: Literal["chat", "completions"], token: str
) -> _Found:
    """Ask every endpoint; what all that answer can do is what the run relies on.

    It ends with the first that refuses. Those that are away are left to the circuit, unless all of
    them are.
    """
    asked: dict[str, Preflight] = {}
    for endpoint in context.endpoints:
        try:
            asked[endpoint.name] = preflight(endpoint.provider_for(model), kind)
        except ConfigurationError as error:
            asked[endpoint.name] = Preflight(trouble=RunError(str(error)))
        if not isinstance(asked[endpoint.name].trouble, Outage | None):
            break
    there = [name for name, one in asked.items() if one.trouble is None]
    troubles = [one.trouble for one in asked.values() if one.trouble is not None]
    refusals = [trouble for trouble in troubles if not there or not isinstance(trouble, Outage)]
    can = [asked[name].capabilities for name in there]
    return _Found(
        capabilities=Capabilities(
            json_schema=all(one.json_schema for one in can),
            logprobs=all(one.logprobs for one in can),
        ),
        there=there,
        replies=_replies(asked, model, context, token),
        unread=_most_of(context, model, (q for one in asked.values() for q in one.unread)),
        trouble=str(refusals[-1]) if refusals else None,
    )


def _replies(
    asked: Mapping[str, Preflight], model: str, context: ServiceContext, token: str
) -> Sequence[Reply]:
    probes = [(name, probe) for name, one in asked.items() for probe in one.probes]
    return [
        Reply(
            work_item_id=None,
            stage=Stage.PREFLIGHT,
            request=probe.request,
            completion=probe.completion,
            latency_s=probe.latency_s,
            cost_usd=cost_usd(probe.completion, model, context.prices),
            call=f"{token}.preflight.{n}",
            endpoint=name,
        )
        for n, (name, probe) in enumerate(probes)
    ]


def pause_for_provider(context: ServiceContext, hold: Hold, message: str) -> None:
    """Pause a run with the provider's words, unless the slot was lost meanwhile."""
    context.database.retrying(lambda session: _pause_for_provider(session, hold, message))


def _pause_for_provider(session: Session, hold: Hold, message: str) -> None:
    runs.move(
        session,
        hold.run_id,
        Status.PAUSED,
        reason=EndReason.PROVIDER,
        message=f"{message} Then resume the run.",
        hold=hold,
    )


def _plan_first_work(
    session: Session, run: Run, material: RunMaterial, can: Capabilities
) -> Capabilities:
    session.flush()
    runs.move(session, run.id, Status.RUNNING)
    slots.notify_at_once(session, run.id)
    if run.capabilities is not None:
        # Resumed: it goes on as it began, whatever the endpoint can do by now.
        plan_ahead(session, run, material)
        return Capabilities(**run.capabilities)
    run.capabilities = asdict(can)
    runs.add_event(session, run.id, "preflight", run.capabilities)
    if material.dataset_id is None:
        _note_few_seeds(session, material)
    nothings = material.profile.calibration if can.logprobs else ()
    if nothings:
        planned = [
            Planned(Stage.CALIBRATE, n, {"instruction": text}) for n, text in enumerate(nothings)
        ]
        work_items.plan(session, run, planned)
    else:
        run.classification_bias = 0.0
    plan_ahead(session, run, material)
    return can


def _note_few_seeds(session: Session, material: RunMaterial) -> None:
    wanted = material.profile.mix.seeds + material.profile.mix.machine_made
    if len(material.seeds) < wanted:
        message = (
            f"A prompt shows {wanted} demonstrations; with {len(material.seeds)} seed tasks it"
            " shows fewer until there are machine-made ones."
        )
        runs.add_event(session, material.run_id, "few_seeds", {"message": message})
