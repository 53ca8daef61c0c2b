"""An answer's text while it grows."""

from app.training.plain.sampling import Unfolding


def pieces(stop: tuple[str, ...], *texts: str) -> tuple[list[str], bool]:
    unfolding = Unfolding(stop)
    shown = [unfolding.grown(text) for text in texts]
    return [*shown, unfolding.ended(texts[-1])], unfolding.stopped


def test_it_is_shown_as_it_comes() -> None:
    assert pieces((), "a", "ab", "abc") == (["a", "b", "c", ""], False)


def test_a_character_is_shown_once_it_is_whole() -> None:
    assert pieces((), "a", "a\N{REPLACEMENT CHARACTER}", "aé") == (["a", "", "é", ""], False)


def test_a_character_that_stays_broken_is_shown_in_the_end() -> None:
    broken = "a\N{REPLACEMENT CHARACTER}"
    assert pieces((), broken) == (["a", "\N{REPLACEMENT CHARACTER}"], False)


def test_it_ends_before_a_text_to_stop_at_however_that_is_cut_into_pieces() -> None:
    assert pieces(("END",), "xE", "xEN", "xEND", "xENDy") == (["x", "", "", "", ""], True)
    assert pieces(("END",), "xENDy") == (["x", ""], True)


def test_what_only_began_like_a_text_to_stop_at_is_shown() -> None:
    assert pieces(("END",), "xE", "xEN", "xENx") == (["x", "", "ENx", ""], False)
    assert pieces(("END",), "xEN") == (["x", "EN"], False)


def test_of_several_texts_to_stop_at_the_first_that_comes_counts() -> None:
    assert pieces(("d", "b"), "abcd") == (["a", ""], True)
