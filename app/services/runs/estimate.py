"""Estimates of a run before it starts: calls, tokens, cost.

They are based on earlier runs of the same profile and model: on their acceptance rate and tokens
per call. Without such runs they use the profile's usual yield and prompts like those to come.
"""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy.orm import Session

from app.llm.prices import cost_usd
from app.pipeline.profiles import batch_stages
from app.pipeline.types import Completion, Stage
from app.schemas.runs import RunEstimate, StageEstimate
from app.services.generation.work.estimate_plan import GrowingPlan, Guess, Plan
from app.services.generation.work.stages import STAGES
from app.settings import Price
from app.store.runs import past_runs
from app.store.runs.past_runs import PastRuns

_PREFLIGHT_PROMPT_TOKENS = 60
_PREFLIGHT_ANSWER_TOKENS = 20


def estimate(session: Session, plan: Plan, prices: Mapping[str, Price]) -> RunEstimate:
    """Estimate a plan, stage by stage."""
    known = past_runs.of(session, plan.profile.name, plan.model)
    usual = plan.profile.usual_yield if isinstance(plan, GrowingPlan) else 1.0
    per_call = known.accepted_per_call or usual
    guesses = {Stage.PREFLIGHT: _preflight(plan)}
    for stage in Stage:
        guess = STAGES[stage].estimate(plan, per_call) if stage in STAGES else None
        if guess is not None:
            guesses[stage] = guess
    stages = {
        stage: _stage_estimate(guess, known.tokens_per_call.get(stage))
        for stage, guess in guesses.items()
    }
    return RunEstimate(
        calls=sum(stage.calls for stage in stages.values()),
        prompt_tokens=sum(stage.prompt_tokens for stage in stages.values()),
        completion_tokens=sum(stage.completion_tokens for stage in stages.values()),
        cost_usd=_cost(prices, plan, stages),
        stages=stages,
        accepted_per_call=per_call,
        from_experience=known != PastRuns(),
    )


def _preflight(plan: Plan) -> Guess:
    questions = 2 if plan.profile.endpoint == "chat" else 1
    return Guess(questions, _PREFLIGHT_PROMPT_TOKENS, _PREFLIGHT_ANSWER_TOKENS)


def _stage_estimate(guess: Guess, known: tuple[float, float] | None) -> StageEstimate:
    """Estimate one stage; `known` are the prompt and answer tokens per call of earlier runs."""
    prompt_tokens, completion_tokens = known or (guess.prompt_tokens, guess.completion_tokens)
    if guess.prompt_is_measured:
        prompt_tokens = guess.prompt_tokens
    return StageEstimate(
        calls=guess.calls,
        prompt_tokens=round(guess.calls * prompt_tokens),
        completion_tokens=round(guess.calls * completion_tokens),
    )


def _cost(
    prices: Mapping[str, Price], plan: Plan, stages: Mapping[Stage, StageEstimate]
) -> Decimal | None:
    if plan.model not in prices:
        return None
    by_batch = batch_stages(plan.options)
    costs = (
        cost_usd(
            Completion("", "", plan.model, taken.prompt_tokens, taken.completion_tokens),
            plan.model,
            prices,
            by_batch=stage in by_batch,
        )
        for stage, taken in stages.items()
    )
    return sum(filter(None, costs), Decimal(0))
