from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.options import SplitOptions
from app.curation.splitting import Groups, Split, split
from tests.rouge_reference import Reference

TEXTS = st.lists(st.sampled_from(["red", "blue", "green", "old", "new", "tall"]), max_size=6).map(
    " ".join
)
DISTINCT = [f"Task {number}: {chr(97 + number % 26) * (number + 1)}" for number in range(200)]


def sides(parted: Split) -> list[str]:
    return [parted.side(position) for position in range(len(parted))]


@given(st.lists(TEXTS, max_size=25), st.floats(0.0, 0.9), st.integers(0, 5))
@settings(max_examples=80, deadline=None)
def test_no_near_pair_is_parted(texts: list[str], share: float, seed: int) -> None:
    parted, judge = split(texts, SplitOptions(test_share=share, seed=seed)), Reference()
    for first, one in enumerate(texts):
        for second in range(first):
            if judge.score(one, texts[second]) > 0.7:
                assert parted.side(first) == parted.side(second)


@given(st.lists(TEXTS, max_size=25))
@settings(max_examples=80, deadline=None)
def test_groups_are_what_nearness_joins_and_no_more(texts: list[str]) -> None:
    groups, judge = Groups(), Reference()
    groups.extend(texts)
    expected = list(range(len(texts)))
    for second in range(len(texts)):
        for first in range(second):
            if judge.score(texts[first], texts[second]) > 0.7:
                old, new = sorted((expected[first], expected[second]), reverse=True)
                expected = [new if each == old else each for each in expected]
    assert [groups.leader(position) for position in range(len(texts))] == expected


def test_a_row_between_two_joins_their_groups() -> None:
    # The outer two are not near each other, and the one in the middle comes last.
    outer = ("a b c d e f g h", "c d e f g h i j k l")
    groups = Groups()
    groups.extend(outer)
    assert groups.leader(1) == 1
    groups.add("a b c d e f g h i j")
    assert [groups.leader(position) for position in range(3)] == [0, 0, 0]


def test_the_same_seed_gives_the_same_split_and_another_another() -> None:
    first = sides(split(DISTINCT, SplitOptions(test_share=0.2, seed=3)))
    assert sides(split(DISTINCT, SplitOptions(test_share=0.2, seed=3))) == first
    assert sides(split(DISTINCT, SplitOptions(test_share=0.2, seed=4))) != first


def test_the_share_is_met_to_the_row_where_groups_allow_it() -> None:
    for share in (0.0, 0.01, 0.1, 0.25, 0.5, 0.99):
        parted = split(DISTINCT, SplitOptions(test_share=share))
        assert parted.test_rows == round(share * len(DISTINCT)) == sides(parted).count("test")


def test_a_group_too_large_for_the_share_stays_in_train() -> None:
    parted = split(["the same words here"] * 90 + DISTINCT[:10], SplitOptions(test_share=0.05))
    assert parted.test_rows == 5
    assert sides(parted)[:90] == ["train"] * 90


def test_where_groups_do_not_fit_the_nearest_share_is_taken() -> None:
    texts = ["all of one kind"] * 6 + ["some other thing here"] * 4
    # Wanted are 3 rows: 4 are nearer to that than none.
    assert split(texts, SplitOptions(test_share=0.3)).test_rows == 4
    # Wanted is 1 row: none is nearer than 4.
    assert split(texts, SplitOptions(test_share=0.1)).test_rows == 0


def test_many_equal_rows_take_no_long_time() -> None:
    groups = Groups()
    groups.extend(["the very same instruction every time"] * 50_000)
    assert groups.leader(49_999) == 0


def test_a_later_row_does_not_change_the_groups_of_earlier_ones_that_it_is_far_from() -> None:
    one, other = Groups(), Groups()
    one.extend(DISTINCT)
    other.extend([*DISTINCT, "something else altogether, and new"])
    assert [one.leader(at) for at in range(200)] == [other.leader(at) for at in range(200)]


def test_nothing_is_split_into_nothing() -> None:
    assert len(split([], SplitOptions(test_share=0.5))) == 0
