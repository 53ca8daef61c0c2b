"""Usage in every form: the books of a run compared with the endpoint's bill."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from app.llm.scripted.behaviours.bodies import Bill, UsageShape, bills, takes, usual_usage
from app.llm.scripted.behaviours.combine import playing
from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.pipeline.budget import NOTHING, Caps
from app.pipeline.options import RunOptions
from app.schemas.runs import RunView
from app.services.generation.advance_run import advance_run
from app.services.runs import control
from app.services.runs.extend import Extension, extend_run
from app.services.runs.run_request import RunRequest
from app.settings import Price
from app.states import EndReason, Status
from app.store.runs.events import look
from app.store.runs.slots import Slot
from tests.bench import SEEDS, Bench, OpenBench
from tests.conftest import MOSTLY_POSTGRESQL

pytestmark = MOSTLY_POSTGRESQL

PRICE = Price(
    input_usd=Decimal(1),
    output_usd=Decimal(10),
    cached_input_usd=Decimal("0.1"),
    cache_write_usd=Decimal("1.25"),
)
IN_FLIGHT = 8
THINKING = 20_000
"""Tokens: many times what a request allows."""


def reasoning_beside(prompt: int, completion: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": 1,
        "total_tokens": prompt + completion,
        "completion_tokens_details": {"reasoning_tokens": completion - 1},
    }


def anthropic(prompt: int, completion: int) -> dict[str, Any]:
    cached = prompt // 2
    return {
        "input_tokens": prompt - cached,
        "cache_read_input_tokens": cached,
        "output_tokens": completion,
    }


def half_cached(prompt: int, completion: int) -> dict[str, Any]:
    details = {"cached_tokens": prompt // 2, "cache_write_tokens": prompt // 4}
    return {**usual_usage(prompt, completion), "prompt_tokens_details": details}


@dataclass
class Shape:
    """A shape of usage, with the shares of the prompt that a cache had and got."""

    write: UsageShape
    cached: int = 0
    written: int = 0
    bill: Bill = field(default_factory=Bill)
    thinking_tokens: int = 0

    def cost_usd(self) -> Decimal:
        # The endpoint rounds the parts of every call; the books are off by as little.
        cached = Decimal(self.bill.prompt_tokens) * self.cached / 4
        written = Decimal(self.bill.prompt_tokens) * self.written / 4
        fresh = self.bill.prompt_tokens - cached - written
        assert PRICE.cached_input_usd is not None
        assert PRICE.cache_write_usd is not None
        prompt = fresh + cached * PRICE.cached_input_usd + written * PRICE.cache_write_usd
        return (prompt + self.bill.completion_tokens * PRICE.output_usd) / 1_000_000


def shapes(*, thinking_tokens: int = 0) -> dict[str, Shape]:
    """Shapes by the name of the model that has them."""
    return {
        "usual": Shape(usual_usage, thinking_tokens=thinking_tokens),
        "reasoning-beside": Shape(reasoning_beside, thinking_tokens=max(900, thinking_tokens)),
        "anthropic": Shape(anthropic, cached=2, thinking_tokens=thinking_tokens),
        "half-cached": Shape(half_cached, cached=2, written=1, thinking_tokens=thinking_tokens),
        "floats": Shape(
            lambda p, c: {"prompt_tokens": float(p), "completion_tokens": f"{c}"},
            thinking_tokens=thinking_tokens,
        ),
        "only-total": Shape(lambda p, c: {"total_tokens": p + c}),
        "zeros": Shape(lambda _p, _c: usual_usage(0, 0)),
        "missing": Shape(lambda _p, _c: None),
    }


def script_of(played: Mapping[str, Shape], delay_s: float = 0.0) -> Callable[..., ScriptedReply]:
    scripts = {
        model: playing(
            takes(delay_s),
            bills(shape.write, bill=shape.bill, thinking_tokens=shape.thinking_tokens),
        )
        for model, shape in played.items()
    }

    def script(call: ScriptedCall) -> ScriptedReply:
        return scripts[call.model](call)

    return script


def start(bench: Bench, model: str, caps: Caps, *, target: int = 4, workers: int = 1) -> str:
    options = RunOptions(model=model, target=target, workers=workers, random_seed=1)
    return control.start_run(bench.context, RunRequest(None, SEEDS, options, caps), None).id


def events(bench: Bench, run_id: str, kind: str) -> Sequence[dict[str, Any]]:
    with bench.context.database.read() as session:
        seen = look(session, run_id, 0, 10_000)
    assert seen is not None
    return [event.data for event in seen.events if event.kind == kind]


def opened(open_bench: OpenBench, played: Mapping[str, Shape], **changes: Any) -> Any:
    prices = dict.fromkeys(played, PRICE)
    values = {"prices": prices, "concurrency": IN_FLIGHT, **changes}
    return open_bench(script_of(played, values.pop("delay_s", 0.0)), **values)


def test_the_books_equal_the_bill_or_are_marked_as_estimated(open_bench: OpenBench) -> None:
    played = shapes()
    with opened(open_bench, played) as bench:
        for model, shape in played.items():
            run = bench.work(start(bench, model, Caps()))
            assert run.status is Status.SUCCEEDED, run.message
            usage = run.usage
            assert usage.calls == shape.bill.calls > 8, model
            booked = usage.prompt_tokens, usage.completion_tokens, float(usage.cost_usd or 0)
            charged = (
                shape.bill.prompt_tokens,
                shape.bill.completion_tokens,
                float(shape.cost_usd()),
            )
            if usage.estimated_calls:
                assert model in ("only-total", "zeros", "missing")
                assert usage.estimated_calls == usage.calls
                assert usage.completion_tokens >= shape.bill.completion_tokens
                assert booked[2] >= charged[2]
            else:
                assert booked == pytest.approx(charged, rel=0.005), model
            assert (usage.cache_hit_share or 0) == pytest.approx(shape.cached / 4, abs=0.005)
            assert usage.calls == sum(part.calls for part in run.usage_by_stage.values())


def ends(bench: Bench, run_id: str) -> RunView:
    """Work on a run with two workers until it rests."""

    def work(slot: int) -> None:
        while advance_run(bench.context, Slot(run_id, slot), lambda: False):
            pass

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(work, range(2)))
    # The last of both may have left while the other one still had calls in flight.
    return bench.work(run_id)


@pytest.mark.parametrize("kind", ["usd", "tokens"])
def test_a_cap_is_passed_by_the_calls_in_flight_at_most(open_bench: OpenBench, kind: str) -> None:
    played = shapes(thinking_tokens=THINKING)
    played = {model: played[model] for model in ("reasoning-beside", "half-cached", "missing")}
    caps = Caps(usd=Decimal("2.5")) if kind == "usd" else Caps(tokens=250_000)
    one_call = Decimal((THINKING + 2000) * 10) / 1_000_000 if kind == "usd" else THINKING + 4000
    with opened(open_bench, played, delay_s=0.01) as bench:
        for model, shape in played.items():
            run_id = start(bench, model, caps, target=20, workers=2)
            run = ends(bench, run_id)
            bill = shape.bill
            used = (
                shape.cost_usd() if kind == "usd" else bill.prompt_tokens + bill.completion_tokens
            )
            cap = caps.usd if kind == "usd" else caps.tokens
            assert cap is not None
            if shape.thinking_tokens < THINKING:
                assert used <= cap, model
                continue
            assert (run.status, run.end_reason) == (Status.PAUSED, EndReason.BUDGET), model
            [first, *_] = events(bench, run_id, "billed_beyond_limit")
            assert first["stage"] == "preflight", "the stages after it are reserved as it was"
            assert first["over_tokens"] > THINKING - 1000
            assert used <= cap, (model, used)
            # It was used, and not given up early.
            assert used > cap - 3 * one_call
            assert not events(bench, run_id, "cap_exceeded")


def test_a_preflight_ends_with_the_first_bill_that_a_small_cap_does_not_allow(
    open_bench: OpenBench,
) -> None:
    played = {"m": shapes(thinking_tokens=THINKING)["usual"]}
    bill = played["m"].bill
    with opened(open_bench, played) as bench:
        # The maximum of all questions together is less, and that of two answers is more.
        run_id = start(bench, "m", Caps(tokens=2 * THINKING))
        run = bench.work(run_id)
        assert (run.status, run.end_reason, bill.calls) == (Status.PAUSED, EndReason.BUDGET, 1)
        assert (
            run.tokens.prompt + run.tokens.completion == bill.prompt_tokens + bill.completion_tokens
        )
        assert run.budget.written_off == NOTHING
        # What was learnt holds when it goes on.
        extend_run(bench.context, run_id, Extension(caps=Caps(tokens=3 * THINKING)))
        assert (bench.work(run_id).end_reason, bill.calls) == (EndReason.BUDGET, 1)
        extend_run(bench.context, run_id, Extension(caps=Caps(tokens=60 * THINKING)))
        assert bench.work(run_id).status is Status.SUCCEEDED
        assert bill.prompt_tokens + bill.completion_tokens <= 60 * THINKING


def test_what_was_learnt_in_the_middle_holds_for_all_workers_and_after_a_pause(
    open_bench: OpenBench,
) -> None:
    bill = Bill()
    usual = playing(takes(0.01), bills(bill=bill))
    thinking = playing(takes(0.01), bills(bill=bill, thinking_tokens=THINKING))

    def script(call: ScriptedCall) -> ScriptedReply:
        return (thinking if call.n > 10 else usual)(call)

    with open_bench(script, prices={"m": PRICE}, concurrency=IN_FLIGHT // 2) as bench:
        # As much as the preflight and the first calls take, and little more.
        run_id = start(bench, "m", Caps(tokens=30_000), target=20, workers=2)
        run = ends(bench, run_id)
        assert (run.status, run.end_reason) == (Status.PAUSED, EndReason.BUDGET)
        over = bill.prompt_tokens + bill.completion_tokens - 30_000
        assert over <= IN_FLIGHT * (THINKING + 4000)
        if over > 0:
            [exceeded] = events(bench, run_id, "cap_exceeded")
            assert 0 < exceeded["over_tokens"] <= over
        now = bill.prompt_tokens + bill.completion_tokens
        extend_run(bench.context, run_id, Extension(caps=Caps(tokens=now + 150_000)))
        again = ends(bench, run_id)
        assert again.status in (Status.PAUSED, Status.SUCCEEDED)
        assert bill.prompt_tokens + bill.completion_tokens <= now + 150_000, "learnt before"
        assert again.tokens.prompt + again.tokens.completion == (
            bill.prompt_tokens + bill.completion_tokens
        )
