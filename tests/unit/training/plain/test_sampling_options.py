"""An answer's text while it grows."""

from app.training.plain.sampling_options import StopTextFilter


def chunks(stop: tuple[str, ...], *texts: str) -> tuple[list[str], bool]:
    stop_filter = StopTextFilter(stop)
    shown = [stop_filter.feed(text) for text in texts]
    return [*shown, stop_filter.finish(texts[-1])], stop_filter.stopped


def test_it_is_shown_as_it_comes() -> None:
    assert chunks((), "a", "ab", "abc") == (["a", "b", "c", ""], False)


def test_a_character_is_shown_once_it_is_whole() -> None:
    assert chunks((), "a", "a\N{REPLACEMENT CHARACTER}", "aé") == (["a", "", "é", ""], False)


def test_a_character_that_stays_broken_is_shown_in_the_end() -> None:
    broken = "a\N{REPLACEMENT CHARACTER}"
    assert chunks((), broken) == (["a", "\N{REPLACEMENT CHARACTER}"], False)


def test_it_ends_before_a_text_to_stop_at_however_that_is_cut_into_pieces() -> None:
    assert chunks(("END",), "xE", "xEN", "xEND", "xENDy") == (["x", "", "", "", ""], True)
    assert chunks(("END",), "xENDy") == (["x", ""], True)


def test_what_only_began_like_a_text_to_stop_at_is_shown() -> None:
    assert chunks(("END",), "xE", "xEN", "xENx") == (["x", "", "ENx", ""], False)
    assert chunks(("END",), "xEN") == (["x", "EN"], False)


def test_of_several_texts_to_stop_at_the_first_that_comes_counts() -> None:
    assert chunks(("d", "b"), "abcd") == (["a", ""], True)
