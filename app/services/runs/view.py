"""A run as its owner wants to see it: progress by stage, funnel, tokens, cost, time left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.pipeline.budget import Amount, Caps
from app.pipeline.types import Stage
from app.services.generation.work.claiming import caps_of
from app.states import FINAL
from app.store.runs import progress, runs
from app.store.tables.runs import Run
from app.store.training import training_jobs
from app.store.work import instructions, work_items

_GROWING = (Stage.CALIBRATE, Stage.GENERATE, Stage.CLASSIFY, Stage.INSTANTIATE)
_REVIEWING = (Stage.REVIEW,)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, and how fast."""

    accepted: int
    """Accepted instructions; of a review: rows that stay."""
    target: int
    """Of a review: rows of its data set."""
    acceptance_rate: float | None
    """Accepted of all candidates decided before the target was met; null before the first."""
    complete: int
    """Accepted instructions whose instances are all there; of a review: rows reviewed."""
    instances: int
    calls_in_air: int
    tokens_per_s: float | None
    """Written by the model over the latest replies; null when none came lately."""
    time_left_s: float | None
    """A guess from what was done so far; null when there is nothing to guess from."""


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of what the model wrote."""

    asked: int
    """Model calls answered, all stages."""
    parsed: int
    """Candidate instructions read out of the replies, those that broke a rule among them; of a
    review: rows reviewed."""
    rejected: Mapping[str, int]
    """Candidate instructions, or rows, by reason."""
    accepted: int
    classification: int
    not_classification: int
    unknown: int
    """Accepted instructions whose class could not be had, or is not known yet; a review does not
    ask."""
    instances_rejected: Mapping[str, int]
    """Instances and unreadable replies of the later stages by reason."""
    instances: int


@dataclass(frozen=True, slots=True)
class StageCounts:
    """Model calls of one stage by state."""

    open: int = 0
    in_air: int = 0
    done: int = 0
    dead: int = 0
    """Given up after the attempts allowed."""


@dataclass(frozen=True, slots=True)
class BudgetView:
    """What a run may take and what it has taken: calls, tokens (prompt and answer), US dollars."""

    caps: Caps
    """Null where there is none."""
    in_air: Amount
    """The most that the calls in the air can take."""
    presumed_spent: Amount
    """The most that calls whose end was never learnt can have taken; it counts against the caps."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with its numbers."""

    run: Run
    stage: Stage | None
    """What it is at; null when it has ended or has not begun."""
    progress: Progress
    stages: Mapping[str, StageCounts]
    funnel: Funnel
    budget: BudgetView
    training_job_ids: Sequence[str]
    """Those that learn what it makes, once its data set is made."""


def view(session: Session, run: Run) -> RunView:
    """Count everything a run has."""
    stages = _stages(session, run)
    funnel = _funnel(session, run)
    return RunView(
        run=run,
        stage=_stage_of(run, stages),
        progress=_progress(session, run, stages, funnel),
        stages=stages,
        funnel=funnel,
        budget=_budget(session, run),
        training_job_ids=training_jobs.of_run(session, run.id),
    )


def _budget(session: Session, run: Run) -> BudgetView:
    presumed_spent = Amount(
        run.presumed_spent_calls, run.presumed_spent_tokens, run.presumed_spent_usd
    )
    return BudgetView(caps_of(run), work_items.reserved(session, run.id), presumed_spent)


def _stages(session: Session, run: Run) -> dict[str, StageCounts]:
    counted: dict[str, dict[str, int]] = {stage: {} for stage in _stages_of(run)}
    for stage, state, n in work_items.counts(session, run.id):
        counted[stage][state] = n
    return {
        stage: StageCounts(
            open=states.get("open", 0),
            in_air=states.get("leased", 0),
            done=states.get("done", 0) + states.get("answered", 0),
            dead=states.get("dead", 0),
        )
        for stage, states in counted.items()
    }


def _stages_of(run: Run) -> tuple[Stage, ...]:
    return _GROWING if run.dataset_id is None else _REVIEWING


def _stage_of(run: Run, stages: Mapping[str, StageCounts]) -> Stage | None:
    if run.status in FINAL:
        return None
    if run.capabilities is None:
        return Stage.PREFLIGHT
    unfinished = (stage for stage in _stages_of(run) if stages[stage].open or stages[stage].in_air)
    return next(unfinished, None)


def _funnel(session: Session, run: Run) -> Funnel:
    rejected: dict[str, int] = {}
    later: dict[str, int] = {}
    for stage, reason, n in instructions.count_by_reason(session, run.id):
        first = stage == Stage.GENERATE or (stage == Stage.REVIEW and reason != "unreadable")
        counted = rejected if first else later
        counted[reason] = counted.get(reason, 0) + n
    reviews = run.dataset_id is not None
    classes = {} if reviews else instructions.count_by_class(session, run.id)
    return Funnel(
        asked=run.calls,
        parsed=run.accepted + sum(rejected.values()),
        rejected=rejected,
        accepted=run.accepted,
        classification=classes.get(True, 0),
        not_classification=classes.get(False, 0),
        unknown=run.accepted if reviews else classes.get(None, 0),
        instances_rejected=later,
        instances=run.instances,
    )


def _progress(
    session: Session, run: Run, stages: Mapping[str, StageCounts], funnel: Funnel
) -> Progress:
    target = runs.target_of(run)
    pace = progress.pace(session, run.id)
    decided = funnel.parsed - funnel.rejected.get("surplus", 0)
    return Progress(
        accepted=run.accepted,
        target=target,
        acceptance_rate=run.accepted / decided if decided else None,
        complete=run.complete,
        instances=funnel.instances,
        calls_in_air=sum(counts.in_air for counts in stages.values()),
        tokens_per_s=None if run.status in FINAL else pace.tokens_per_s,
        time_left_s=_time_left_s(run, pace.now, _done(run, target)),
    )


def _done(run: Run, target: int) -> float:
    """Half of the way is being accepted, the other half getting instances."""
    if run.dataset_id is not None:
        return run.complete / target
    return (run.accepted + run.complete) / (2 * target)


def _time_left_s(run: Run, now: datetime, done: float) -> float | None:
    if run.status in FINAL or run.started_at is None or done <= 0:
        return None
    elapsed_s = (now - run.started_at).total_seconds()
    return max(0.0, elapsed_s * (1 - done) / done)
