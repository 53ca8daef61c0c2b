"""Word lists written as text, for patterns on instructions."""

import re


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def mentions(text: str) -> re.Pattern[str]:
    """Return a pattern that finds any of these words, whatever their case.

    A star stands for any ending, an underscore for a space: ``translat* say_no``.
    """
    terms = (re.escape(term).replace(r"\*", r"\w*").replace("_", " ") for term in text.split())
    return re.compile(rf"\b(?:{'|'.join(terms)})\b", re.IGNORECASE)
