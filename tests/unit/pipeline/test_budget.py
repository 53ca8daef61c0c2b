"""Amounts and caps: what adds up, and what is over."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.budget import NO_CAPS, NOTHING, Amount, Caps

AMOUNTS = st.builds(
    Amount, st.integers(0, 10**6), st.integers(0, 10**12), st.decimals(0, 10**6, places=12)
)
CAPS = st.builds(
    Caps,
    st.none() | st.integers(0, 10**6),
    st.none() | st.integers(0, 10**12),
    st.none() | st.decimals(0, 10**6, places=12),
)


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_amounts_add_up_in_any_order_and_what_is_added_can_be_taken_away(
    one: Amount, two: Amount, three: Amount
) -> None:
    assert one + two + three == three + (one + two) == sum([two, three, one], NOTHING)
    assert one + two - two == one
    assert one - one == NOTHING


@given(CAPS, AMOUNTS, AMOUNTS)
def test_what_is_over_a_cap_stays_over_it_with_more(caps: Caps, one: Amount, more: Amount) -> None:
    assert caps.allow(one) == (caps.broken_by(one) is None)
    if not caps.allow(one):
        assert not caps.allow(one + more)


@given(AMOUNTS)
def test_an_amount_fits_its_own_size_and_no_cap_at_all(amount: Amount) -> None:
    assert Caps(amount.calls, amount.tokens, amount.usd).allow(amount)
    assert NO_CAPS.allow(amount)


@pytest.mark.parametrize(
    ("caps", "amount", "words"),
    [
        (Caps(calls=10), Amount(calls=11), "10 calls"),
        (Caps(tokens=120_000), Amount(tokens=120_001), "120,000 tokens"),
        (Caps(usd=Decimal("0.5")), Amount(usd=Decimal("0.500000000001")), "$0.5"),
        # Money first: it is what the other two stand for.
        (Caps(1, 1, Decimal(1)), Amount(2, 2, Decimal(2)), "$1"),
    ],
)
def test_the_cap_that_is_broken_is_named_for_a_person(
    caps: Caps, amount: Amount, words: str
) -> None:
    assert caps.broken_by(amount) == words
