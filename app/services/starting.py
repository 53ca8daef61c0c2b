"""What a pump does first: load what stays the same, and on a run's first time ask the endpoint."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from sqlalchemy.orm import Session

from app.errors import ConfigurationError, Outage, ProviderTrouble
from app.llm import prices
from app.llm.preflight import Preflight, preflight, questions
from app.llm.prices import cost_usd
from app.pipeline.budget import NOTHING, Amount
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES
from app.pipeline.run_state import EndReason, Status
from app.pipeline.types import Capabilities, Stage
from app.services.admission import issue_tickets
from app.services.claiming import caps_of, pause_for_budget, spent
from app.services.lease import kept_lease
from app.services.pool import RunMaterial
from app.services.recording import book, write_off
from app.services.workshop import Workshop
from app.store import completions, endpoints, runs, seed_sets, slots, work
from app.store.completions import Reply
from app.store.models import Run
from app.store.runs import Hold
from app.store.work import Planned


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a pump works with."""

    material: RunMaterial
    model: str
    capabilities: Capabilities


def begin(workshop: Workshop, hold: Hold) -> Beginning | None:
    """Bring a run to running; None when there is nothing to do, or the endpoint refuses."""
    with workshop.database.read() as session:
        run = session.get_one(Run, hold.run_id)
        options = RunOptions.model_validate(run.options)
        material = RunMaterial(
            run_id=hold.run_id,
            profile=PROFILES[options.profile],
            options=options,
            seeds=seed_sets.tasks_of(session, run.seed_set_id),
        )
    if run.status == Status.QUEUED:
        capabilities = _start(workshop, run, material, hold)
        return None if capabilities is None else Beginning(material, run.model, capabilities)
    if run.status != Status.RUNNING or run.capabilities is None:
        return None
    return Beginning(material, run.model, Capabilities(**run.capabilities))


def _start(workshop: Workshop, run: Run, material: RunMaterial, hold: Hold) -> Capabilities | None:
    """Ask the endpoint what it can do; then the first work is planned, or the run pauses."""
    most = _most_of_preflight(workshop, run.model, material.profile.endpoint)
    if not workshop.database.retrying(lambda session: _may_ask(session, hold, most)):
        return None
    try:
        with kept_lease(workshop, hold):
            found, there = _preflight_all(workshop, run.model, material.profile.endpoint)
    except ConfigurationError as error:
        pause_for_provider(workshop, hold, str(error), not_asked=most)
        return None
    except ProviderTrouble as trouble:
        not_asked = NOTHING if trouble.may_be_paid else most
        pause_for_provider(workshop, hold, str(trouble), not_asked=not_asked)
        return None

    def plan(session: Session) -> Capabilities | None:
        locked = runs.lock(session, run.id)
        if locked is None or not slots.is_held(session, hold):
            return None
        if locked.status == Status.RUNNING and locked.capabilities is not None:
            # Committed before, but the answer was lost.
            return Capabilities(**locked.capabilities)
        write_off(locked, most, sign=-1)
        for name in sorted(there):
            endpoints.back(session, name, run.model)
        return _plan_first_work(session, locked, material, workshop, found)

    return workshop.database.retrying(plan)


def _most_of_preflight(
    workshop: Workshop, model: str, kind: Literal["chat", "completions"]
) -> Amount:
    each = [prices.most(request, model, workshop.prices) for request in questions(kind)]
    return sum(each * len(workshop.endpoints), NOTHING)


def _may_ask(session: Session, hold: Hold, most: Amount) -> bool:
    """Enter the preflight into the books at its most before it is asked, if the caps allow it."""
    run = runs.lock(session, hold.run_id)
    if run is None or not slots.is_held(session, hold):
        return False
    in_air = work.reserved(session, run.id)
    broken = caps_of(run).broken_by(spent(run) + in_air + most)
    if broken is not None:
        pause_for_budget(session, run, broken)
        return False
    write_off(run, most)
    return True


def _preflight_all(
    workshop: Workshop, model: str, kind: Literal["chat", "completions"]
) -> tuple[Preflight, Sequence[str]]:
    """Ask every endpoint; what all that answer can do is what the run relies on.

    Returns it with the names of those that answered.

    Raises:
        RunTrouble: at the first that refuses.
        Outage: when none is there.
    """
    found: dict[str, Preflight] = {}
    away: list[Outage] = []
    for endpoint in workshop.endpoints:
        try:
            found[endpoint.name] = preflight(endpoint.provider_for(model), kind)
        except Outage as trouble:
            away.append(trouble)
        except ProviderTrouble as trouble:
            trouble.may_be_paid = trouble.may_be_paid or bool(found)
            raise
    if not found:
        raise next((trouble for trouble in away if trouble.may_be_paid), away[0])
    can = [one.capabilities for one in found.values()]
    together = Capabilities(
        json_schema=all(one.json_schema for one in can),
        logprobs=all(one.logprobs for one in can),
    )
    probes = tuple(probe for one in found.values() for probe in one.probes)
    return Preflight(together, probes), list(found)


def pause_for_provider(
    workshop: Workshop, hold: Hold, message: str, *, not_asked: Amount = NOTHING
) -> None:
    """Pause a run with the provider's words, unless the slot was lost meanwhile.

    `not_asked`: what was entered into the books beforehand and was not taken.
    """

    def pause(session: Session) -> None:
        run = runs.lock(session, hold.run_id)
        words = f"{message} Then resume the run."
        if run is not None and runs.move(
            session,
            hold.run_id,
            Status.PAUSED,
            reason=EndReason.PROVIDER,
            message=words,
            hold=hold,
        ):
            write_off(run, not_asked, sign=-1)

    workshop.database.retrying(pause)


def _plan_first_work(
    session: Session, run: Run, material: RunMaterial, workshop: Workshop, found: Preflight
) -> Capabilities | None:
    replies = [
        Reply(
            work_item_id=None,
            stage=Stage.PREFLIGHT,
            request=probe.request,
            completion=probe.completion,
            latency_s=probe.latency_s,
            cost_usd=cost_usd(probe.completion, run.model, workshop.prices),
        )
        for probe in found.probes
    ]
    # Paid for, so kept, even if the run was paused or cancelled meanwhile.
    completions.add(session, run.id, replies)
    book(run, replies)
    if not runs.move(session, run.id, Status.RUNNING):
        return None
    if run.capabilities is not None:
        # Resumed: it goes on as it began, whatever the endpoint can do by now.
        issue_tickets(session, run, material)
        return Capabilities(**run.capabilities)
    run.capabilities = asdict(found.capabilities)
    runs.add_event(session, run.id, "preflight", run.capabilities)
    _note_few_seeds(session, material)
    nothings = material.profile.calibration if found.capabilities.logprobs else ()
    if nothings:
        planned = [
            Planned(Stage.CALIBRATE, n, {"instruction": text}) for n, text in enumerate(nothings)
        ]
        work.plan(session, run.id, planned)
    else:
        run.classification_bias = 0.0
    issue_tickets(session, run, material)
    return found.capabilities


def _note_few_seeds(session: Session, material: RunMaterial) -> None:
    wanted = material.profile.mix.seeds + material.profile.mix.machine_made
    if len(material.seeds) < wanted:
        message = (
            f"A prompt shows {wanted} demonstrations; with {len(material.seeds)} seed tasks it"
            " shows fewer until there are machine-made ones."
        )
        runs.add_event(session, material.run_id, "few_seeds", {"message": message})
