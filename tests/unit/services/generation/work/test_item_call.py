"""Failed calls: what they count as."""

from decimal import Decimal

import pytest

from app.errors import ItemError
from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Parameters, Request, Stage, TextPrompt
from app.services.generation.work.item_call import ItemCall, presumed
from app.settings import Price
from app.store.work.work_items import Item

PRICES = {"m": Price(input_usd=Decimal(1), output_usd=Decimal(10))}
RESERVED = Amount(1, 9000, Decimal("0.09"))
CALL = ItemCall(
    item=Item(1, Stage.GENERATE, 0, {}, 0),
    request=Request(TextPrompt("?"), Parameters(1.0, 1.0, 9), "test@1"),
    reserved=RESERVED,
)


@pytest.mark.parametrize(
    ("may_be_paid", "usage", "by_batch", "expected"),
    [
        (False, (300, 50), False, NOTHING),
        (True, None, False, RESERVED),
        (True, (300, 50), False, Amount(1, 350, Decimal("0.0008"))),
        (True, (300, 50), True, Amount(1, 350, Decimal("0.0004"))),
        # More than it should take: that is known, and counts.
        (True, (300, 50_000), False, Amount(1, 50_300, Decimal("0.5003"))),
    ],
)
def test_a_failed_call_counts_by_its_usage_or_at_its_most(
    may_be_paid: bool, usage: tuple[int, int] | None, by_batch: bool, expected: Amount
) -> None:
    trouble = ItemError("The endpoint answered without any choice.")
    trouble.may_be_paid, trouble.usage = may_be_paid, usage
    assert presumed(CALL, trouble, "m", PRICES, by_batch=by_batch) == expected
