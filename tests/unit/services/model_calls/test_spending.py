"""The books of a job's calls: a cap holds whatever dies, and nothing answered is counted twice."""

from decimal import Decimal
from pathlib import Path

import pytest

from app.pipeline.budget import NO_CAPS, Amount, Caps
from app.services.model_calls.spending import Spending

CALL = Amount(calls=1, tokens=500, usd=Decimal("0.30"))


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return tmp_path / "spending.jsonl"


def capped(books: Path, usd: str = "1") -> Spending:
    return Spending(books, Caps(usd=Decimal(usd)))


def test_as_many_calls_go_out_as_the_cap_allows_at_their_most(books: Path) -> None:
    spending = capped(books)
    assert spending.affordable([CALL] * 9) == 3
    spending.reserve([CALL, CALL])
    assert spending.affordable([CALL] * 9) == 1
    assert spending.affordable([]) == 0
    # Exactly the cap is not over it.
    assert spending.affordable([Amount(usd=Decimal("0.4"))]) == 1


def test_an_answer_that_took_less_makes_room_for_others(books: Path) -> None:
    spending = capped(books)
    names = spending.reserve([CALL] * 3)
    assert spending.affordable([CALL]) == 0
    spending.settle(dict.fromkeys(names, Decimal("0.01")))
    assert spending.settled == Amount(calls=3, usd=Decimal("0.03"))
    assert spending.open == Amount()
    assert spending.affordable([CALL] * 9) == 3


def test_what_a_death_cut_off_stays_counted_at_its_most(books: Path) -> None:
    first = capped(books)
    (answered, _) = first.reserve([CALL, CALL])
    first.settle({answered: Decimal("0.05")})
    with books.open("ab") as file:
        file.write(b'{"call": "cut o')
    again = capped(books)
    assert again.settled.usd == Decimal("0.05")
    assert again.open == Amount(calls=1, usd=Decimal("0.30"))
    # Its own calls are others than those of the process that died.
    again.settle(dict.fromkeys(again.reserve([CALL]), Decimal(0)))
    assert capped(books).used.usd == Decimal("0.35")


def test_it_says_what_the_next_call_and_all_before_may_take(books: Path) -> None:
    spending = capped(books, "0.5")
    assert spending.refusal(CALL) is None
    spending.reserve([CALL])
    said = spending.refusal(CALL)
    assert said is not None
    assert "over the cap of $0.5:" in said
    assert "it can take $0.30" in said


def test_without_a_cap_all_may_go_out_and_are_counted(books: Path) -> None:
    spending = Spending(books, NO_CAPS)
    assert spending.affordable([CALL] * 1000) == 1000
    assert spending.refusal(CALL) is None
    spending.reserve([CALL])
    assert spending.used.usd == Decimal("0.30")


def test_a_bill_beyond_the_most_of_its_call_raises_what_the_next_ones_reserve(books: Path) -> None:
    first = capped(books, "10")
    (one, two) = first.reserve([CALL, CALL])
    first.settle({one: Decimal("0.30")})
    assert first.largest_beyond_usd == 0
    first.settle({two: Decimal("0.80")})
    # Also in another process.
    for spending in (first, capped(books, "10")):
        assert spending.largest_beyond_usd == Decimal("0.80")
        # Of the cap 8.90 are left, and a call may take its 0.30 and 1.00.
        assert spending.affordable([CALL] * 9) == 6
    (three,) = first.reserve([CALL])
    assert first.open == Amount(calls=1, usd=Decimal("1.30"))
    first.settle({three: Decimal("1.20")})
    assert first.largest_beyond_usd == Decimal("0.80"), "it was expected"
    assert "it can take $1.30" in (capped(books, "3.5").refusal(CALL) or "")
