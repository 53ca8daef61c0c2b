"""Extended runs, and estimates of their cost."""

from decimal import Decimal

import pytest

from app.errors import InvalidInput
from app.llm.scripted.model import reply
from app.pipeline.budget import Caps
from app.pipeline.options import RunOptions
from app.services.runs import control
from app.services.runs.extend import Extension, estimate_extension, extend_run
from app.services.runs.run_request import RunRequest
from app.settings import Price
from tests.bench import SEEDS, Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL

PRICES = {"scripted": Price(input_usd=Decimal("0.5"), output_usd=Decimal(2))}


def start(bench: Bench, caps: Caps, **options: int) -> str:
    request = RunRequest(None, SEEDS, RunOptions.model_validate(options), caps)
    return control.start_run(bench.context, request, None).id


def test_a_run_that_met_its_target_goes_on_to_a_higher_one(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=15, lookahead=40, dry_after=5)
        assert bench.work(run_id).status == "succeeded"
        for _ in range(2):
            assert extend_run(bench.context, run_id, Extension(target=30)).status == "queued"
        seen = bench.work(run_id)
    assert (seen.status, seen.funnel.accepted) == ("succeeded", 30)
    assert seen.progress.complete == 30


def test_a_target_that_is_raised_while_the_run_is_at_work_is_obeyed(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = bench.start(target=20)
        looks = iter(range(10**6))

        def extend_at_the_fifth_look() -> bool:
            if next(looks) == 5:
                extend_run(bench.context, run_id, Extension(target=40))
            return False

        seen = bench.work(run_id, extend_at_the_fifth_look)
    assert (seen.status, seen.funnel.accepted) == ("succeeded", 40)


def test_a_cap_pauses_the_run_with_its_reason_and_a_larger_one_lets_it_go_on(
    open_bench: OpenBench,
) -> None:
    with open_bench(reply, prices=PRICES) as bench:
        run_id = start(bench, Caps(usd=Decimal("0.05")), target=60)
        seen = bench.work(run_id)
        assert (seen.status, seen.end_reason) == ("paused", "budget")
        assert "$0.05" in (seen.message or "")
        assert (seen.cost_usd or 0) <= Decimal("0.05")
        assert seen.funnel.asked == bench.server.counts.calls
        extend_run(bench.context, run_id, Extension(caps=Caps(usd=Decimal(5))))
        assert bench.work(run_id).status == "succeeded"


def test_a_cap_below_the_first_questions_asks_nothing_at_all(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = start(bench, Caps(calls=1), target=60)
        assert bench.work(run_id).end_reason == "budget"
        assert bench.server.counts.calls == 0


def test_money_cannot_be_capped_where_nobody_knows_the_price(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench, pytest.raises(InvalidInput) as raised:
        start(bench, Caps(usd=Decimal(1)), target=5)
    assert raised.value.faults[0].field == "budget.max_cost_usd"


def test_an_extension_never_gives_less(open_bench: OpenBench) -> None:
    with open_bench(reply) as bench:
        run_id = start(bench, Caps(calls=100), target=50)
        for less in (Extension(target=49), Extension(caps=Caps(calls=99))):
            with pytest.raises(InvalidInput):
                extend_run(bench.context, run_id, less)


@pytest.mark.parametrize("profile", ["default", "paper", "alpaca"])
def test_an_estimate_asks_nothing_and_experience_makes_it_better(
    open_bench: OpenBench, profile: str
) -> None:
    with open_bench(reply, prices=PRICES) as bench:
        request = RunRequest(None, SEEDS, RunOptions.model_validate({"profile": profile}))
        blind = control.estimate_run(bench.context, request)
        assert bench.server.counts.calls == 0
        run_id = bench.start(profile=profile, target=60)
        seen = bench.work(run_id)
        informed = control.estimate_run(bench.context, request)
        took = bench.work(bench.start(profile=profile, target=100, random_seed=2))
        left = estimate_extension(bench.context, run_id, Extension(target=100))
    assert not blind.from_experience
    assert blind.cost_usd is not None
    assert informed.from_experience
    assert abs(informed.calls - took.funnel.asked) < 0.25 * took.funnel.asked + 8
    assert abs(informed.prompt_tokens - took.tokens.prompt) < 0.3 * took.tokens.prompt + 2000
    assert seen.status == "succeeded"
    assert 0 < left.calls < informed.calls
