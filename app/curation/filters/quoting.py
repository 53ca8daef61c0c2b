"""Quotes and code in a text: what stands in them is spoken of, not said."""

import re

_SAME = ('"', "`")
_PAIRS = (("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u00ab", "\u00bb"), ("\u300c", "\u300d"))
# An apostrophe within a word opens nothing.
_SINGLE_OPEN = re.compile(r"(?<![\w'])'[^']*\Z")
_SINGLE_CLOSE = re.compile(r"'(?!\w)")
_NEAR = 400
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)


def is_quoted(text: str, found: re.Match[str]) -> bool:
    """Return True when a match stands in quotes on its line, or in a fenced block of code."""
    line_start = text.rfind("\n", 0, found.start()) + 1
    before = text[max(line_start, found.start() - _NEAR) : found.start()]
    after = text[found.end() : found.end() + _NEAR].partition("\n")[0]
    if any(before.count(mark) % 2 and mark in after for mark in _SAME):
        return True
    if any(before.rfind(o) > before.rfind(c) and c in after for o, c in _PAIRS):
        return True
    if _SINGLE_OPEN.search(before) and _SINGLE_CLOSE.search(after):
        return True
    fences = len(_FENCE.findall(text, 0, found.start()))
    return fences % 2 == 1 and _FENCE.search(text, found.end()) is not None
