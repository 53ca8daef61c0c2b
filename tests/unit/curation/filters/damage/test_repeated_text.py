"""The loop filter's thresholds, each on both of its sides."""

import pytest

from app.curation.filter import Dropped
from app.curation.filters.damage.repeated_text import make
from app.curation.options import FilterOptions
from app.dataset_row import Record


def loop_in(output: str, instruction: str = "Tell me.", repeats: int = 4) -> str | None:
    """Return the loop that a record is dropped for; None when it stays."""
    found = make(FilterOptions(most_repeats=repeats)).apply(Record(instruction, output))
    return found.detail if isinstance(found, Dropped) else None


def numbered(count: int) -> str:
    return " ".join(f"w{place}" for place in range(count))


@pytest.mark.parametrize(
    ("output", "loop"),
    [
        ("yes " * 11, None),
        ("yes " * 12, "yes"),
        ("yes " * 11 + "no", None),
        ("a b " * 6, "b a"),
        ("a b c " * 3 + "d e f", None),
        ("a b c " * 4, "c a b"),
        ("a b c " * 3 + "a b d", None),
        ("11 22 " * 6, None),
        ("11 2b " * 6, "2b 11"),
        (numbered(50) + " " + numbered(50), None),
    ],
)
def test_a_loop_has_enough_words_and_repeats(output: str, loop: str | None) -> None:
    found = loop_in(output)
    assert (found and sorted(found.split())) == (loop and sorted(loop.split()))


@pytest.mark.parametrize(("period", "is_loop"), [(49, True), (50, True), (51, False)])
def test_a_loop_of_more_than_fifty_words_is_not_looked_for(period: int, is_loop: bool) -> None:
    assert (loop_in(f"{numbered(period)} " * 5) is not None) is is_loop


def test_a_loop_ends_where_its_last_repeat_is_complete() -> None:
    assert loop_in("so it is and it is and it is and it is and on") == "it is and"
    assert loop_in("x y z x y z x y z x y z") == "x y z"


@pytest.mark.parametrize(("repeats", "is_loop"), [(3, True), (4, True), (5, False)])
def test_the_option_says_how_many_repeats_make_a_loop(repeats: int, is_loop: bool) -> None:
    assert (loop_in("we must act now " * 4, repeats=repeats) is not None) is is_loop


@pytest.mark.parametrize(("times", "is_loop"), [(11, False), (12, True)])
def test_a_song_may_repeat_three_times_as_often(times: int, is_loop: bool) -> None:
    assert (loop_in("rain on me " * times, "Write a song.") is not None) is is_loop


def test_what_was_asked_for_and_code_stay() -> None:
    assert loop_in("yes " * 20, "Repeat yes.") is None
    assert loop_in("yes " * 20 + "\n```") is None


@pytest.mark.parametrize(
    ("fresh", "same", "is_loop"),
    [(20, 12, True), (55, 12, True), (56, 12, False), (66, 14, True), (67, 14, False)],
)
def test_a_text_whose_word_pairs_mostly_differ_has_no_loop(
    fresh: int, same: int, is_loop: bool
) -> None:
    assert (loop_in(f"{numbered(fresh)} {'yes ' * same}") is not None) is is_loop


@pytest.mark.parametrize(("fresh", "is_loop"), [(3_988, True), (3_989, False)])
def test_the_last_five_thousand_words_are_searched(fresh: int, is_loop: bool) -> None:
    output = f"{'yes ' * 12}{numbered(fresh)} {numbered(1_000)}"
    assert (loop_in(output) is not None) is is_loop


@pytest.mark.parametrize(
    ("output", "is_loop"),
    [
        ("大海很宽大海很宽大海很宽", False),
        ("大海很宽大海很宽大海很宽大海很宽", True),
        ("海" * 11, False),
        ("海" * 12, True),
        ("é e é e é e", False),
    ],
)
def test_characters_count_as_words_in_scripts_without_spaces(output: str, is_loop: bool) -> None:
    assert (loop_in(output) is not None) is is_loop


def lines(same: int, others: int) -> str:
    """Return a line many times, between others whose words repeat, but not in a loop."""
    kept = [f"again again {place} a{place} again again" for place in range(others)]
    between = [f"{'on ' * (place % 3 + 2)}{place}" for place in range(same)]
    return "\n".join([*kept, *(f"the same line\n{text}" for text in between)])


@pytest.mark.parametrize(
    ("same", "others", "is_loop"),
    [(4, 0, False), (5, 0, True), (5, 2, True), (5, 3, False), (6, 3, True), (6, 4, False)],
)
def test_a_line_is_a_loop_by_its_count_and_its_share(same: int, others: int, is_loop: bool) -> None:
    found = loop_in(lines(same, others))
    assert found == ("the same line" if is_loop else None)


def test_a_line_of_one_word_is_no_loop() -> None:
    assert loop_in(lines(6, 0).replace("the same line", "same")) is None


def test_a_line_of_two_words_is_a_loop() -> None:
    assert loop_in(lines(6, 0).replace("the same line", "same line")) == "same line"
