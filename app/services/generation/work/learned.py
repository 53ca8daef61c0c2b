"""The lessons of a run about its endpoints: kept with its capabilities, each with an event."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.llm.dialects.dialect import Dialect, Lesson, lessons_as_json, lessons_from_json
from app.pipeline.options import RunOptions, Sampling
from app.pipeline.profiles import PROFILES
from app.pipeline.types import Capabilities, Stage
from app.store.runs import runs
from app.store.tables.runs import Run

_FOUND_BY_PREFLIGHT = ("json_schema", "logprobs")
_NEEDED_FOR = {"json_schema": "response_format", "logprobs": "logprobs"}
"""The parameter that each capability depends on."""
_ROOMY = frozenset({"default", "re_answer", "judge"})
"""Profiles that may raise a length limit; the others send what the original code sends."""


def may_raise_limit(options: RunOptions, stage: Stage) -> bool:
    """Return True when a stage's length limit may be raised: nobody has fixed it."""
    sampling = options.sampling
    by_stage: dict[Stage, tuple[Sampling, ...]] = {
        Stage.GENERATE: (sampling.generate,),
        Stage.CALIBRATE: (sampling.classify,),
        Stage.CLASSIFY: (sampling.classify,),
        Stage.INSTANTIATE: (sampling.input_first, sampling.output_first),
        Stage.REVIEW: (sampling.review,),
    }
    is_fixed = any(one.max_tokens is not None for one in by_stage.get(stage, ()))
    return options.profile in _ROOMY and not is_fixed


def record(session: Session, run: Run, known: Mapping[str, Dialect]) -> None:
    """Add what endpoints refuse to a run that began, with an event for each new thing.

    The caller holds the run's row.

    Args:
        session: of the transaction.
        run: the run.
        known: what is known now, by endpoint.
    """
    if run.capabilities is None:
        return
    before = list(run.capabilities.get("learned", ()))
    seen = {(one["endpoint"], lesson) for one in before for lesson in lessons_from_json([one])}
    new = [
        {"endpoint": name, **lessons_as_json([lesson])[0]}
        for name, dialect in sorted(known.items())
        for lesson in dialect.lessons
        if (name, lesson) not in seen and _concerns(run, lesson)
    ]
    if not new:
        return
    run.capabilities = {**run.capabilities, "learned": [*before, *new]}
    session.flush()
    for one in new:
        runs.add_event(session, run.id, "learned", one)


def _concerns(run: Run, lesson: Lesson) -> bool:
    """Return True unless a raised limit is about a stage whose limit is fixed in this run."""
    if not lesson.stage:
        return True
    options = RunOptions.model_validate(run.options)
    stage = Stage(lesson.stage)
    return stage in PROFILES[options.profile].stages and may_raise_limit(options, stage)


def capabilities_of(run: Run) -> Capabilities:
    """Return what a run's endpoints can do, by its preflight and by what was learnt since."""
    stored = run.capabilities or {}
    dropped = {lesson.parameter for lesson in _lessons(run) if lesson.action == "dropped"}
    can = {
        name: bool(stored.get(name)) and _NEEDED_FOR[name] not in dropped
        for name in _FOUND_BY_PREFLIGHT
    }
    return Capabilities(**can)


def raised_limits(run: Run) -> Mapping[Stage, int]:
    """Return the raised length limits of a run's stages, in tokens."""
    known = Dialect(_lessons(run))
    raised = {lesson.stage for lesson in known.lessons if lesson.action == "raised"}
    return {
        Stage(stage): limit
        for stage in raised
        if (limit := known.raised_limit_for(stage)) is not None
    }


def raised_by(run: Run) -> Mapping[str, Sequence[Lesson]]:
    """Return the limits that a run has raised, by endpoint: other runs start with them."""
    found: dict[str, list[Lesson]] = {}
    for one in (run.capabilities or {}).get("learned", ()):
        (lesson,) = lessons_from_json([one])
        if lesson.action == "raised":
            found.setdefault(one["endpoint"], []).append(lesson)
    return found


def _lessons(run: Run) -> tuple[Lesson, ...]:
    stored: list[dict[str, Any]] = (run.capabilities or {}).get("learned", [])
    return lessons_from_json(stored)
