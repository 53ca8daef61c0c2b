"""The filter for cut-off outputs: each threshold on both of its sides."""

import pytest

from app.curation.filter import Dropped
from app.curation.filters.damage.cut_off import apply
from app.dataset_row import Record


def reason(output: str, instruction: str = "Tell me.", given: str = "") -> str:
    """Return the reason a record is dropped for; empty when it stays."""
    found = apply(Record(instruction, output, given))
    return found.reason.removeprefix("cut_off_") if isinstance(found, Dropped) else ""


def ending(words: int, end: str) -> str:
    """Return a sentence of this many words that ends so."""
    return " ".join(["Rivers", *["carve"] * (words - 2), end])


@pytest.mark.parametrize(
    ("words", "end", "found"),
    [
        (7, "the", ""), (8, "the", "sentence"),
        (7, "valleys,", ""), (8, "valleys,", "sentence"),
        (9, "which", ""), (10, "which", "sentence"),
        (9, "of", ""), (10, "of", "sentence"),
        (12, "The", "sentence"), (12, "WHICH", "sentence"), (12, "valleys", ""),
    ],
)  # fmt: skip
def test_a_last_word_that_ends_no_sentence_needs_enough_before_it(
    words: int, end: str, found: str
) -> None:
    assert reason(ending(words, end)) == found


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("The answer to it is equal to", "sentence"),
        ("and so it is equal to", "sentence"),
        ("it is approximately", ""),
        ("Six times seven of is equal to", "sentence"),
        ("The is", ""),
        ("The old is", ""),
        ("The old man is", "sentence"),
        ("The first, old man is", "sentence"),
        ("The word that is", ""),
        ("red, blue, green, and", "sentence"),
        ("red, blue, and", ""),
        ("red, or, green, and", "sentence"),
        ("red, green, or, and", ""),
    ],
)
def test_short_ends_that_are_surely_cut_off(output: str, found: str) -> None:
    assert reason(output) == found


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("These short words are often called the articles: a, the", ""),
        ("There are many short words that people use: of the", "sentence"),
        ("People often misuse the short words 'and' the", "sentence"),
        ("People often misuse the two short words or the", "sentence"),
        ("People often misuse all the short words an and the", ""),
        ("People often misuse all the short words an, and the", ""),
        ("He saw the valley and then he saw 42 the", ""),
        ("He saw the valley and then he saw valley\u2019s the", ""),
        ("He saw the old valley and then the hills, the", "sentence"),
    ],
)
def test_words_that_are_mentioned_end_a_text(output: str, found: str) -> None:
    assert reason(output) == found


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("```\nx = 1", "code"), ("~~~\nx = 1", "code"), ("```\nx = 1\n```", ""),
        ("~~~\nx = 1\n~~~", ""), ("```\na\n```\n```\nb", "code"), ("Use ``` for code", ""),
        ("1. Dogs\n2.", "list"), ("1. Dogs\n2.  ", "list"), ("- Dogs\n-", "list"), ("2.", ""),
        ("Dogs\n2.", ""), ("* a\n\u2022", "list"), ("100) a\n101)", "list"), ("1000. a\n1001.", ""),
    ],
)  # fmt: skip
def test_open_fences_and_bare_markers(output: str, found: str) -> None:
    assert reason(output) == found


def test_a_fence_stays_open_where_the_instruction_speaks_of_fences() -> None:
    assert reason("```\nx = 1", "How does ` work?") == ""


def test_the_detail_is_the_end_of_the_text() -> None:
    for output in (ending(40, "the"), "```\n" + "x" * 90, "1. " + "a" * 90 + "\n2."):
        assert apply(Record("Tell me.", output)) == Dropped(
            f"cut_off_{reason(output)}", output[-60:]
        )


MARKS = ".!?:;\"')]}>*_`|~%$"
MARKS += "\u2026\u2019\u201d\u00bb\u20ac\u00a3\u3002\uff01\uff1f\u300d\u300f\uff09"


@pytest.mark.parametrize("end", list(MARKS))
def test_a_mark_ends_a_text(end: str) -> None:
    assert reason(ending(12, "the") + end) == ""
    assert reason(ending(12, "the") + " #") == ""


@pytest.mark.parametrize(("after", "found"), [(198, ""), (199, ""), (200, "sentence")])
def test_another_script_near_the_end_spares_a_text(after: int, found: str) -> None:
    tail = " carve" * 40 + " the"
    assert reason("\u5927 " + tail[-(after - 1) :].strip().rjust(after - 1, "x")) == found


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("- Find somebody among the people you like to talk to", ""),
        ("Find somebody among the people you like to talk to", "sentence"),
        ("- Find somebody among the people you like to talk which", "sentence"),
        ("Which is it of all of these? b) carve the", ""),
        ("Which is it of all of these? (C. carve the", ""),
        ("Which is it of all of these? a) carve the", "sentence"),
    ],
)
def test_lists_and_options_end_in_many_ways(output: str, found: str) -> None:
    assert reason(output) == found


PROSE = "The river is long. It runs to the sea. "


def long(last: str, characters: int = 900, middle: str = PROSE) -> str:
    """Return long prose on one line that ends with these words."""
    left = characters - len(last)
    begins = "Deep water runs still. ".ljust(left, "x")[: left - len(middle) - 1]
    return f"{begins} {middle}{last}"


@pytest.mark.parametrize(("characters", "found"), [(799, ""), (800, "sentence"), (801, "sentence")])
def test_only_long_prose_must_end_with_a_full_stop(characters: int, found: str) -> None:
    output = long("Then it meets other rivers", characters)
    assert len(output) == characters
    assert reason(output) == found


@pytest.mark.parametrize(
    ("last", "found"),
    [
        ("Then it meets other rivers", "sentence"),
        ("It meets rivers quickly", "sentence"),
        ("It meets rivers", ""),
        ("A river meets others", "sentence"),
        ("A river meets", ""),
        ("Then it meets other Rivers", ""),
        ("Then it meets other river5", ""),
        ("Then it meets all other rivers, yours sincerely", ""),
        ("Best wishes from all of us who live by it here today", ""),
    ],
)
def test_long_prose_is_cut_off_by_how_it_ends(last: str, found: str) -> None:
    assert reason(long(last)) == found


def test_long_prose_has_two_sentences_that_end_within() -> None:
    ends = "Then it meets other rivers down there"
    assert reason(long(ends, middle="The river is long. ")) == "sentence"
    quoting = 'The river is long. It runs "to the sea." '
    assert reason(long("Then it meets rivers", middle=quoting)) == "sentence"
    assert reason(long("It meets rivers", middle=quoting)) == ""
    assert reason("x" * 900 + " The river is long. " + ends) == ""
    assert reason("x" * 900 + " The river is long. It runs. " + ends) == "sentence"
    assert reason("x" * 900 + " The river is long. He met Mr. Smith and all his many sons") == ""
    assert reason("x" * 900 + " The river is long. He met Mo. Smith and all his many sons") != ""


@pytest.mark.parametrize(("filler", "found"), [(1_900, "sentence"), (2_100, "")])
def test_the_end_of_a_long_line_is_read(filler: int, found: str) -> None:
    output = f"It is long. It runs. {'x' * filler} carve carve carve carve. Then it meets rivers"
    assert reason(output) == found


def test_an_excerpt_of_what_was_given_ends_where_it_ends() -> None:
    given = ending(30, "the") + " valley"
    assert reason(ending(30, "the"), given=given) == ""
    assert reason(ending(30, "the"), given=given[-60:]) == ""
    assert reason(ending(30, "the"), given=given[-46:]) == "sentence"
