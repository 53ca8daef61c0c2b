"""Clean text is what every database and file takes."""

import pytest

from app.pipeline.replies.clean_text import cleaned


@pytest.mark.parametrize(
    ("text", "clean"),
    [("a\x00b", "ab"), ("\ud800a", "?a"), ("a\udfff", "a?"), ("é 🚀\n", "é 🚀\n"), ("", "")],
)
def test_clean_text_has_neither_nul_nor_halves_of_surrogate_pairs(text: str, clean: str) -> None:
    assert cleaned(text) == clean
