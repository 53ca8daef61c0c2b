"""Estimates of a run before it starts: calls, tokens, cost.

They are based on earlier runs of the same profile and model: on their acceptance rate and tokens
per call. Without such runs they use the profile's usual yield and prompts built from the seeds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from app.llm.prices import TOKENS_PER_PRICE
from app.pipeline.demonstrations import Demonstration
from app.pipeline.options import RunOptions
from app.pipeline.profiles import PROFILES, Profile, generate_stage, mix_of, review_stage
from app.pipeline.shapes import Asking
from app.pipeline.types import Capabilities, ChatPrompt, Request, SeedTask, Stage
from app.record import Record
from app.schemas.runs import RunEstimate, StageEstimate
from app.settings import Price
from app.store.runs import past_runs
from app.store.runs.past_runs import Experience

_BYTES_PER_TOKEN = 4
_TOKENS_PER_TASK = 25
_TOKENS_PER_INSTANCE = 60
_TOKENS_PER_VERDICT = 80
_TOKENS_PER_LABEL = 3
_PREFLIGHT_TOKENS = (60, 20)
"""Of the prompt and of the answer of each preflight question."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A growing run, or the rest of one, that is to be estimated."""

    options: RunOptions
    model: str
    seeds: Sequence[SeedTask]
    missing: int
    """Instructions still to be accepted."""
    unfinished: int = 0
    """Instructions that are accepted but still lack their instances."""


def estimate(session: Session, plan: Plan, prices: Mapping[str, Price]) -> RunEstimate:
    """Estimate a plan."""
    profile = PROFILES[plan.options.profile]
    known = past_runs.of(session, profile.name, plan.model)
    per_call = known.accepted_per_call or profile.usual_yield
    tickets = math.ceil(plan.missing / per_call) if plan.missing else 0
    later = plan.missing + plan.unfinished
    counts = {Stage.PREFLIGHT: 2 if profile.endpoint == "chat" else 1, Stage.GENERATE: tickets}
    if profile.classify is not None:
        counts[Stage.CALIBRATE] = len(profile.calibration)
        counts[Stage.CLASSIFY] = counts[Stage.INSTANTIATE] = later
    tokens = _guessed(profile, plan) | dict(known.tokens_per_call)
    stages = {stage: _stage_estimate(n, *tokens[stage]) for stage, n in counts.items()}
    return _total(plan, stages, prices, known, accepted_per_call=per_call)


def _stage_estimate(calls: int, prompt_tokens: float, completion_tokens: float) -> StageEstimate:
    """Estimate one stage from its number of calls and the tokens of one call."""
    return StageEstimate(
        calls=calls,
        prompt_tokens=round(calls * prompt_tokens),
        completion_tokens=round(calls * completion_tokens),
    )


def _total(
    plan: "Plan | ReviewPlan",
    stages: Mapping[Stage, StageEstimate],
    prices: Mapping[str, Price],
    known: Experience,
    *,
    accepted_per_call: float,
) -> RunEstimate:
    return RunEstimate(
        calls=sum(stage.calls for stage in stages.values()),
        prompt_tokens=sum(stage.prompt_tokens for stage in stages.values()),
        completion_tokens=sum(stage.completion_tokens for stage in stages.values()),
        cost_usd=_cost(prices.get(plan.model), stages, plan.options),
        stages=stages,
        accepted_per_call=accepted_per_call,
        from_experience=known != Experience(),
    )


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """A review, or the rest of one, that is to be estimated."""

    options: RunOptions
    model: str
    rows: Sequence[Record]
    """A sample from all over the data set."""
    missing: int
    """Rows still to be reviewed."""


def estimate_review(session: Session, plan: ReviewPlan, prices: Mapping[str, Price]) -> RunEstimate:
    """Estimate a review: one call for each row, with prompts built from the sampled rows.

    The length of the answers is taken from earlier reviews, if there were any.
    """
    profile = PROFILES[plan.options.profile]
    known = past_runs.of(session, profile.name, plan.model)
    asking = Asking(plan.options, Capabilities())
    build = review_stage(profile).build_request
    read = [_size(build(record, asking, 0)) for record in plan.rows]
    answers = [len(record.output.encode()) / _BYTES_PER_TOKEN for record in plan.rows]
    judged = profile.name == "judge"
    guessed = _TOKENS_PER_VERDICT if judged else sum(answers) / len(answers)
    _, written = known.tokens_per_call.get(Stage.REVIEW, (0.0, guessed))
    calls = plan.missing
    stages = {
        Stage.PREFLIGHT: _stage_estimate(2, *_PREFLIGHT_TOKENS),
        Stage.REVIEW: _stage_estimate(calls, sum(read) / len(read), written),
    }
    return _total(plan, stages, prices, known, accepted_per_call=known.accepted_per_call or 1.0)


def _cost(
    price: Price | None, stages: Mapping[Stage, StageEstimate], options: RunOptions
) -> Decimal | None:
    if price is None:
        return None
    cost = Decimal(0)
    for stage, taken in stages.items():
        factor = price.batch_factor if stage in options.batch_stages else 1
        tokens_usd = (
            price.input_usd * taken.prompt_tokens + price.output_usd * taken.completion_tokens
        )
        cost += tokens_usd * factor / TOKENS_PER_PRICE
    return cost


def _guessed(profile: Profile, plan: Plan) -> dict[str, tuple[float, float]]:
    """Guess the tokens of prompt and answer of a call of each stage, from prompts built here."""
    asking = Asking(plan.options, Capabilities())
    mix = mix_of(profile, plan.options)
    shown = [
        Demonstration(seed.instruction, seed.instances[0], seed.is_classification)
        for seed in plan.seeds[: mix.seeds + mix.machine_made]
    ]
    text = plan.seeds[0].instruction
    tasks = plan.options.tasks_per_request if profile.classify else 2 * profile.usual_yield
    per_task = _TOKENS_PER_TASK if profile.classify else _TOKENS_PER_TASK + _TOKENS_PER_INSTANCE
    guessed: dict[str, tuple[float, float]] = {
        Stage.PREFLIGHT: _PREFLIGHT_TOKENS,
        Stage.GENERATE: (
            _size(generate_stage(profile).build_request(shown, asking)),
            tasks * per_task,
        ),
    }
    if profile.classify is not None:
        classify = _size(profile.classify.build_request(text, asking, 0))
        guessed[Stage.CALIBRATE] = guessed[Stage.CLASSIFY] = (classify, _TOKENS_PER_LABEL)
        instantiate = _size(
            profile.instantiate(is_classification=False).build_request(text, asking)
        )
        written = plan.options.instances_per_instruction * _TOKENS_PER_INSTANCE
        guessed[Stage.INSTANTIATE] = (instantiate, written)
    return guessed


def _size(request: Request) -> float:
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        return sum(len(turn.content.encode()) for turn in prompt.messages) / _BYTES_PER_TOKEN
    return len(prompt.text.encode()) / _BYTES_PER_TOKEN
