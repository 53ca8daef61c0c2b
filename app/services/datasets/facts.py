"""Facts of the runs that a version's rows come from."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.datasets.sources import all_sources
from app.statistics.run_facts import AcceptancePoint, RunFacts
from app.store.datasets import dataset_rows
from app.store.json_columns import RunSource, SourceFact
from app.store.runs import history, stage_usage
from app.store.tables.runs import Run
from app.store.work import instructions

_POINTS = 200
"""Points of the acceptance line: as many as a plot can show."""


def run_facts(context: ServiceContext, sources: Sequence[SourceFact]) -> list[RunFacts]:
    """Gather the facts of every run that the rows go back to."""
    wanted = [fact for fact in all_sources(sources) if "run_id" in fact]
    with context.database.read() as session:
        return [_facts_of(session, fact) for fact in wanted]


def _facts_of(session: Session, fact: RunSource) -> RunFacts:
    run = session.get_one(Run, fact["run_id"])
    made_by = dataset_rows.run_models(session, run.id)
    rejected: dict[str, dict[str, int]] = {}
    for stage, reason, n in instructions.count_by_reason(session, run.id):
        rejected.setdefault(stage, {})[reason] = n
    generated = rejected.get(Stage.GENERATE, {})
    usage = stage_usage.of_run(session, run.id)
    return RunFacts(
        run_id=run.id,
        profile=run.profile,
        models=tuple(dict.fromkeys(model for _, _, model in made_by)),
        prompt_versions=tuple(dict.fromkeys(prompt for _, prompt, _ in made_by)),
        started_at=run.started_at.isoformat() if run.started_at else None,
        ended_at=run.ended_at.isoformat() if run.ended_at else None,
        candidates=None if run.dataset_id else run.accepted + sum(generated.values()),
        accepted=run.accepted,
        rows=dataset_rows.count_run_rows(session, run.id, fact["instructions"]),
        acceptance=_acceptance(session, run.id),
        rejected=rejected,
        calls=run.calls,
        prompt_tokens=run.prompt_tokens,
        cached_tokens=sum(part.cached_tokens for part in usage),
        completion_tokens=run.completion_tokens,
        estimated_calls=sum(part.estimated_calls for part in usage),
        cost_usd=None if run.cost_usd is None else float(run.cost_usd),
    )


def _acceptance(session: Session, run_id: str) -> tuple[AcceptancePoint, ...]:
    """Return the instructions accepted by number of generation calls, at most 200 points."""
    brought = history.accepted_by_reply(session, run_id)
    step = max(1, len(brought) // _POINTS)
    points, accepted = [], 0
    for calls, n in enumerate(brought, start=1):
        accepted += n
        if calls % step == 0 or calls == len(brought):
            points.append(AcceptancePoint(calls=calls, accepted=accepted))
    return tuple(points)
