"""Small pieces become large ones, and nothing is held back when no more is there for now."""

from hypothesis import given
from hypothesis import strategies as st

from app.formats.pieces import joined
from tests.unit.formats.making import unhurried


@unhurried
@given(st.lists(st.sampled_from(["", "a", "b" * 40_000, "c" * 70_000]), max_size=12))
def test_no_text_is_lost_and_no_sign_of_waiting_either(texts: list[str]) -> None:
    pieces = list(joined(texts))

    assert "".join(pieces) == "".join(texts)
    assert pieces.count("") == texts.count("")


def test_what_is_held_comes_before_the_wait() -> None:
    assert list(joined(["a", "b", "", "c"])) == ["ab", "", "c"]


def test_pieces_are_handed_on_while_more_come() -> None:
    pieces = joined("x" * 1_000 for _ in iter(int, 1))
    assert 64_000 < len(next(pieces)) < 70_000
