"""The numbers of a run: progress by stage, funnel, tokens, cost, time left."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from sqlalchemy.orm import Session

from app.pipeline.types import Stage, stages_of
from app.schemas.budgets import BudgetView
from app.schemas.runs import (
    Funnel,
    LearnedView,
    Progress,
    RunView,
    SetAsideView,
    StageCounts,
    Tokens,
    WaitingView,
)
from app.services.generation.work.accounting import caps_of, presumed_spent
from app.services.runs.usage import total, usage_by_stage
from app.states import FINAL, ItemState, WaitKind
from app.store.runs import progress, runs
from app.store.runs.source import Growing, Reviewing, source_of
from app.store.tables.runs import Run
from app.store.training import training_jobs
from app.store.work import instructions, item_counts


def run_view(session: Session, run: Run) -> RunView:
    """Return a run with all its numbers."""
    stages = _stages(session, run)
    funnel = _funnel(session, run)
    usage = usage_by_stage(session, run.id)
    return RunView(
        **{name: getattr(run, name) for name in _COLUMNS},
        capabilities=_capabilities(run),
        set_aside=[
            SetAsideView(endpoint=name, message=words) for name, words in run.set_aside.items()
        ],
        learned=[LearnedView(**one) for one in (run.capabilities or {}).get("learned", ())],
        stage=_stage_of(run, stages),
        waiting=_waiting(run),
        progress=_progress(session, run, stages, funnel),
        stages=stages,
        funnel=funnel,
        tokens=Tokens(prompt=run.prompt_tokens, completion=run.completion_tokens),
        usage=total(usage.values()),
        usage_by_stage=usage,
        budget=_budget(session, run),
        training_job_ids=list(training_jobs.of_run(session, run.id)),
    )


_COLUMNS = (
    "id", "status", "end_reason", "message", "created_at", "started_at", "ended_at",
    "seed_set_id", "dataset_id", "profile", "model", "options",
    "classification_bias", "cost_usd", "made_by",
)  # fmt: skip
"""The columns of a run that are shown as they are stored."""


def _waiting(run: Run) -> WaitingView | None:
    if run.waiting_since is None or run.waiting_kind is None:
        return None
    kind, message = WaitKind(run.waiting_kind), run.waiting_message or ""
    return WaitingView(kind=kind, since=run.waiting_since, message=message)


def _capabilities(run: Run) -> dict[str, bool] | None:
    if run.capabilities is None:
        return None
    return {name: found for name, found in run.capabilities.items() if isinstance(found, bool)}


def _budget(session: Session, run: Run) -> BudgetView:
    in_air = item_counts.reserved(session, run.id)
    return BudgetView(caps=caps_of(run), in_air=in_air, written_off=presumed_spent(run))


def _stages(session: Session, run: Run) -> dict[str, StageCounts]:
    counted: dict[str, dict[str, int]] = {stage: {} for stage in _stages_of(run)}
    for stage, state, n in item_counts.counts(session, run.id):
        counted[stage][state] = n
    return {
        stage: StageCounts(
            open=states.get(ItemState.OPEN, 0),
            in_air=states.get(ItemState.LEASED, 0),
            done=states.get(ItemState.DONE, 0) + states.get(ItemState.ANSWERED, 0),
            dead=states.get(ItemState.DEAD, 0),
            refused=states.get(ItemState.REFUSED, 0),
        )
        for stage, states in counted.items()
    }


def _stages_of(run: Run) -> tuple[Stage, ...]:
    match source_of(run):
        case Growing():
            return stages_of("growing")
        case Reviewing():
            return stages_of("reviewing")
        case never:
            assert_never(never)


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
    reviews = isinstance(source_of(run), Reviewing)
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
    """Return the share of the work done: half is accepting instructions, half is instances."""
    match source_of(run):
        case Growing():
            return (run.accepted + run.complete) / (2 * target)
        case Reviewing():
            return run.complete / target
        case never:
            assert_never(never)


def _time_left_s(run: Run, now: datetime, done: float) -> float | None:
    if run.status in FINAL or run.started_at is None or done <= 0:
        return None
    elapsed_s = (now - run.started_at).total_seconds()
    return max(0.0, elapsed_s * (1 - done) / done)
