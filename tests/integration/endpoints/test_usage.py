"""Books that equal the bill: usage in any shape, and caps that hold."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import pytest
from sqlalchemy import select

from app.llm.scripted.behaviours.bodies import Bill, UsageShape, bills
from app.llm.scripted.behaviours.combine import playing
from app.llm.scripted.wire import Json
from app.pipeline.budget import Caps
from app.pipeline.options import RunOptions
from app.services.runs import control
from app.services.runs.run_request import RunRequest
from app.store.tables.completions import CompletionRow
from tests.bench import SEEDS, OpenBench
from tests.integration.endpoints.runs import PRICES, grown, work


def _floats(prompt: int, completion: int) -> Json:
    return {"prompt_tokens": float(prompt), "completion_tokens": float(completion)}


def _thoughts_beside(prompt: int, completion: int) -> Json:
    """Return a usage whose completion tokens leave out the thoughts, as its total shows."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion - THOUGHTS,
        "total_tokens": prompt + completion,
        "completion_tokens_details": {"reasoning_tokens": THOUGHTS},
    }


THOUGHTS = 300


class Shape(NamedTuple):
    """A usage shape, and the tokens of thoughts in every answer."""

    usage: UsageShape
    thinking_tokens: int = 0


SHAPES: Mapping[str, Shape] = {
    "usage_missing_cap": Shape(lambda _p, _c: None),
    "usage_floats_cap": Shape(_floats),
    "usage_reasoning_beside_completion": Shape(_thoughts_beside, THOUGHTS),
}
MOST_USD = Decimal("0.04")
UNKNOWN = {"usage_missing_cap"}
"""The shapes from which nobody can know the bill."""


def _cost_usd(bill: Bill) -> Decimal:
    price = PRICES["scripted"]
    return (
        price.input_usd * bill.prompt_tokens + price.output_usd * bill.completion_tokens
    ) / 1_000_000


@pytest.mark.parametrize("case", SHAPES)
def test_the_books_equal_the_bill_or_are_marked_and_the_cap_holds(
    open_bench: OpenBench, case: str
) -> None:
    bill, shape = Bill(), SHAPES[case]
    habit = bills(shape.usage, bill=bill, thinking_tokens=shape.thinking_tokens)
    with open_bench(playing(habit), prices=PRICES) as bench:
        options = RunOptions(target=100, random_seed=4)
        request = RunRequest(None, SEEDS, options, caps=Caps(usd=MOST_USD))
        run_id = control.start_run(bench.context, request, None).id
        seen = work(bench, run_id)
        with bench.context.database.read() as session:
            marks = set(session.scalars(select(CompletionRow.is_estimated)))
    assert (seen.status, seen.end_reason) == ("paused", "budget")
    assert marks == {case in UNKNOWN}
    assert seen.cost_usd is not None
    booked = seen.tokens.prompt, seen.tokens.completion
    if case in UNKNOWN:
        assert _cost_usd(bill) <= MOST_USD
        assert booked[0] > 0
    else:
        assert booked == (bill.prompt_tokens, bill.completion_tokens)
        assert seen.cost_usd == _cost_usd(bill) <= MOST_USD


def test_plain_usage_is_booked_to_the_token(open_bench: OpenBench) -> None:
    bill = Bill()
    seen, _ = grown(open_bench, bills(bill=bill))
    assert (seen.tokens.prompt, seen.tokens.completion) == (
        bill.prompt_tokens,
        bill.completion_tokens,
    )
