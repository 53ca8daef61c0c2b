"""The members of a JSON object of which only the beginning may be there."""

import re
from collections.abc import Iterator

SPACE = b" \t\r\n"
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_KEY = re.compile(rb"[ \t\r\n]*+(" + _STRING + rb")[ \t\r\n]*+:[ \t\r\n]*+", re.DOTALL)
# Possessive, so that a string cut off at the end of what was read is looked at once, not tried in
# every way it might have ended.
UP_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+", re.DOTALL)
UP_TO_COMMA = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb")*+", re.DOTALL)


def members_of(data: bytes) -> Iterator[tuple[str, int]]:
    """Yield the keys of an object, each with the place where its value begins.

    It ends where the object ends, where it is broken, or where the data end.

    Args:
        data: begins with the object's opening brace.
    """
    at = 1
    while found := _KEY.match(data, at):
        yield found[1][1:-1].decode("utf-8", "replace"), found.end()
        end = _end_of_value(data, found.end())
        if end is None or data[end : end + 1] != b",":
            return
        at = end + 1


def _end_of_value(data: bytes, at: int) -> int | None:
    """Return the place of the comma or bracket behind a value; None: it is not there."""
    depth = 0
    while True:
        found = (UP_TO_BRACKET if depth else UP_TO_COMMA).match(data, at)
        at = found.end() if found else at
        mark = data[at : at + 1]
        if mark in (b"", b'"'):
            return None
        if depth == 0 and mark in b",]}":
            return at
        depth += 1 if mark in b"[{" else -1
        at += 1
