"""Estimates: from the profile at first, then from earlier runs."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.errors import NotFound
from app.pipeline.options import RunOptions
from app.services.context import ServiceContext
from app.services.runs import control, seed_sets
from app.services.runs.run_request import RunRequest
from app.settings import Price
from app.store.tables.runs import Run
from tests.bench import SEEDS
from tests.review_runs import some_rows, stored


def estimate(context: ServiceContext, **options: Any) -> Any:
    return control.estimate_run(context, RunRequest(None, SEEDS, RunOptions(**options)))


def calls(found: Any) -> dict[str, int]:
    return {str(stage): each.calls for stage, each in found.stages.items()}


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("default", {"preflight": 2, "generate": 20, "calibrate": 3, "classify": 100,
                     "instantiate": 100}),
        ("paper", {"preflight": 1, "generate": 20, "calibrate": 3, "classify": 100,
                   "instantiate": 100}),
        ("alpaca", {"preflight": 1, "generate": 20}),
    ],
)  # fmt: skip
def test_each_profile_has_its_stages(
    context: ServiceContext, profile: str, expected: dict[str, int]
) -> None:
    found = estimate(context, profile=profile)
    per_call = found.accepted_per_call
    assert found.stages["generate"].calls == -(-100 // per_call)
    assert set(calls(found)) == set(expected)
    for stage in set(expected) - {"generate", "calibrate"}:
        assert calls(found)[stage] == expected[stage], stage
    assert found.calls == sum(calls(found).values())
    assert found.prompt_tokens == sum(each.prompt_tokens for each in found.stages.values())
    assert found.completion_tokens == sum(each.completion_tokens for each in found.stages.values())
    assert not found.from_experience


def test_tokens_grow_with_what_is_asked_for(context: ServiceContext) -> None:
    one = estimate(context, tasks_per_request=4, instances_per_instruction=1)
    other = estimate(context, tasks_per_request=8, instances_per_instruction=2)
    pairs = [(one.stages[stage], other.stages[stage]) for stage in ("generate", "instantiate")]
    for few, many in pairs:
        assert many.completion_tokens == 2 * few.completion_tokens
    assert other.stages["instantiate"].completion_tokens == 100 * 2 * 60
    assert other.stages["classify"].completion_tokens == 100 * 3
    assert one.stages["preflight"].prompt_tokens == 2 * 60


def test_the_cost_is_the_tokens_at_the_models_price(context: ServiceContext) -> None:
    found = estimate(context)
    dollars = Decimal(found.prompt_tokens) / 2 + 2 * Decimal(found.completion_tokens)
    assert found.cost_usd == dollars / 1_000_000
    assert estimate(context, model="dear").cost_usd is None


def test_calls_by_batch_cost_a_part(context: ServiceContext) -> None:
    prices = {"scripted": Price(input_usd=Decimal(1), output_usd=Decimal(1))}
    priced = replace(context, prices=prices)
    whole, half = estimate(priced), estimate(priced, batch="later_stages")
    later = [half.stages[stage] for stage in ("classify", "instantiate")]
    tokens = sum(each.prompt_tokens + each.completion_tokens for each in later)
    assert whole.cost_usd - half.cost_usd == Decimal(tokens) / 2 / 1_000_000


def test_an_estimate_stores_nothing_and_finds_the_seed_set(context: ServiceContext) -> None:
    seeds, _ = seed_sets.store_seed_set(context.database, SEEDS)
    by_id = control.estimate_run(context, RunRequest(seeds.id, None, RunOptions()))
    assert by_id == estimate(context)
    with context.database.read() as session:
        assert session.query(Run).count() == 0
    with pytest.raises(NotFound):
        control.estimate_run(context, RunRequest("seeds_none", None, RunOptions()))


def test_earlier_runs_are_the_better_measure(grown: ServiceContext) -> None:
    with grown.database.write() as session:
        run = session.query(Run).one()
        run.accepted, run.tickets_admitted = 12, 6
    found = estimate(grown, target=50)
    assert (found.from_experience, found.accepted_per_call) == (True, 2.0)
    assert found.stages["generate"].calls == 25
    assert not estimate(grown, target=50, model="other").from_experience


def test_a_review_asks_once_for_each_row(context: ServiceContext) -> None:
    dataset_id = stored(context.database, some_rows(30))

    def of(profile: Any) -> Any:
        request = RunRequest(None, None, RunOptions(profile=profile), dataset_id=dataset_id)
        return control.estimate_run(context, request)

    judged, answered = of("judge"), of("re_answer")
    for found in (judged, answered):
        assert calls(found) == {"preflight": 2, "review": 30}
        assert found.stages["preflight"].prompt_tokens == 2 * 60
        assert found.accepted_per_call == 1.0
    assert judged.stages["review"].completion_tokens == 30 * 80
    # An answer is as long as the one that is there: "old answer 7", a quarter of its bytes.
    assert answered.stages["review"].completion_tokens == (10 * 12 + 20 * 13) // 4
    assert judged.stages["review"].prompt_tokens > answered.stages["review"].prompt_tokens
