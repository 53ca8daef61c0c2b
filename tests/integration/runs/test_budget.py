"""Costs of runs by the endpoint's own count, compared with their books."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.llm.scripted.server import ScriptedReply
from app.pipeline.budget import NOTHING, Amount, Caps
from app.pipeline.options import RunOptions
from app.services.generation.work.accounting import caps_of
from app.services.runs import control
from app.services.runs.extend import Extension, extend_run
from app.services.runs.run_request import RunRequest
from app.settings import Price
from app.states import EndReason, Status
from app.store.tables.runs import Run
from tests.bench import SEEDS, Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL
from tests.integration.runs.crew import Crew, Mishaps, crew_of
from tests.integration.runs.till import Till, some_price

pytestmark = [pytest.mark.crash, MOSTLY_POSTGRESQL]

RUNS = 26
"""On each of the two databases."""
TIMEOUT_S = 0.8

_PAID: Sequence[Mapping[str, Any]] = (
    {"delay_s": 2 * TIMEOUT_S},
    {"cut_off": True},
    {"trickle_s": 0.05},
    {"raw": b'{"choices": ['},
    {"raw": b'{"choices": [{"message": {"con'},
)
"""What becomes of a reply on its way."""
_UNPAID: Sequence[ScriptedReply] = (
    ScriptedReply(status=429, error={"message": "slow"}),
    ScriptedReply(status=429, error={"message": "slow"}, headers={"Retry-After": "0.2"}),
    ScriptedReply(status=500, error={"message": "a bug"}),
    ScriptedReply(status=503, error={"message": "busy"}),
    ScriptedReply(status=502, raw=b"<html>Bad gateway</html>", content_type="text/html"),
    ScriptedReply(raw=b"<html>In maintenance</html>", content_type="text/html"),
    ScriptedReply(status=400, error={"message": "refused", "code": "content_filter"}),
)


def faulty(
    share: float, *, paid: bool = True
) -> Callable[[ScriptedReply, random.Random], ScriptedReply]:
    """Something goes wrong with this share of the calls; `paid`: also with what is charged."""

    def mishap(answer: ScriptedReply, rng: random.Random) -> ScriptedReply:
        answer = replace(answer, delay_s=rng.random() * 0.03)
        if rng.random() >= share:
            return answer
        if paid and rng.random() < 0.5:
            return replace(answer, **rng.choice(_PAID))
        return rng.choice(_UNPAID)

    return mishap


def some_caps(rng: random.Random, price: Price) -> Caps:
    """Caps of one kind or of several, that some runs reach early, some late, and some never."""
    tokens = rng.randrange(15_000, 60_000)
    usd = (price.input_usd + price.output_usd) * tokens / 2_000_000
    caps = Caps(
        calls=rng.randrange(8, 40) if rng.random() < 0.6 else None,
        tokens=tokens if rng.random() < 0.6 else None,
        usd=usd if rng.random() < 0.6 else None,
    )
    return caps if caps != Caps() else Caps(calls=40)


def more(caps: Caps) -> Caps:
    return Caps(
        calls=caps.calls and caps.calls + 15,
        tokens=caps.tokens and caps.tokens + 30_000,
        usd=caps.usd and caps.usd * Decimal("1.6"),
    )


def a_run(bench: Bench, till: Till, model: str, rng: random.Random) -> str:
    price = some_price(rng)
    till.prices[model] = price
    till.caps[model] = some_caps(rng, price)
    options = RunOptions(
        model=model,
        target=rng.randrange(4, 9),
        workers=rng.randint(1, 4),
        lookahead=rng.choice((1, 4, 16)),
        random_seed=rng.randrange(1000),
    )
    request = RunRequest(None, SEEDS, options, till.caps[model])
    return control.start_run(bench.context, request, None).id


def go_on(bench: Bench, till: Till, crew: Crew, run_ids: Iterable[str]) -> Sequence[Run]:
    """Extend the budget of each run whenever it is spent, until all have met their targets."""
    ids = list(run_ids)

    def look() -> Sequence[Run]:
        with bench.context.database.read() as session:
            found = session.scalars(select(Run).where(Run.id.in_(ids))).all()
        for run in found:
            assert run.status != Status.FAILED, run.message
            if run.status == Status.PAUSED:
                let_go_on(bench, till, run)
        return found if all(run.status == Status.SUCCEEDED for run in found) else ()

    found: Sequence[Run] = crew.wait_until(look, 120)
    return found


def let_go_on(bench: Bench, till: Till, run: Run) -> None:
    assert run.message
    if run.end_reason == EndReason.BUDGET:
        assert "Extend the budget" in run.message
        # The endpoint is informed first: from now on this much may be charged.
        till.extensions += 1
        caps = till.caps[run.model] = more(caps_of(run))
        extend_run(bench.context, run.id, Extension(caps=caps))
    else:
        assert run.end_reason == EndReason.PROVIDER, run.message
        control.resume_run(bench.context, run.id)


def booked(run: Run) -> Amount:
    tokens = run.prompt_tokens + run.completion_tokens
    return Amount(run.calls, tokens, run.cost_usd or NOTHING.usd)


def presumed_spent(run: Run) -> Amount:
    return Amount(run.presumed_spent_calls, run.presumed_spent_tokens, run.presumed_spent_usd)


def bench_with(open_bench: OpenBench, till: Till, **changes: Any) -> AbstractContextManager[Bench]:
    values = {"timeout_s": TIMEOUT_S, "slice_s": 0.4, "lease_s": 1.5, "outage_patience_s": 30.0}
    return open_bench(till, prices=till.prices, **(values | changes))


def test_no_cap_is_ever_passed_whatever_happens(open_bench: OpenBench, database_url: str) -> None:
    rng = random.Random(1)
    till = Till({}, random.Random(2), faulty(0.04))
    mishaps = Mishaps(random.Random(3), killed=0.5, stopped=0.5, within=(20, 400))
    with bench_with(open_bench, till) as bench:
        ids = [a_run(bench, till, f"model {n}", rng) for n in range(RUNS)]
        with crew_of(bench.context, database_url, 4, mishaps) as crew:
            crew.run_ids += ids
            ended = go_on(bench, till, crew, ids)
    assert not till.broken
    assert till.extensions > 10
    assert crew.lost > 30
    for run in ended:
        charged = till.charged[run.model]
        for part in ("calls", "tokens", "usd"):
            known, off = getattr(booked(run), part), getattr(presumed_spent(run), part)
            assert known <= getattr(charged, part) <= known + off, (run.id, part)


def test_while_nobody_dies_the_books_are_the_endpoints_own(
    open_bench: OpenBench, database_url: str
) -> None:
    rng = random.Random(4)
    till = Till({}, random.Random(5), faulty(0.05, paid=False))
    with bench_with(open_bench, till, timeout_s=20.0, lease_s=20.0) as bench:
        ids = [a_run(bench, till, f"model {n}", rng) for n in range(8)]
        with crew_of(bench.context, database_url, 3) as crew:
            crew.run_ids += ids
            ended = go_on(bench, till, crew, ids)
    assert till.refused > 5
    assert not till.broken
    for run in ended:
        assert booked(run) == till.charged[run.model]
        assert presumed_spent(run) == NOTHING
