"""Rows that are no record: the reasons, and how each is kept.

| reason | what is wrong |
|---|---|
| ``not_json`` | no JSON, or JSON with NaN, or nested too deep |
| ``not_utf8`` | its bytes are no UTF-8 |
| ``not_csv`` | quotes where none may be |
| ``not_object`` | a list, a number, a text: no object with columns |
| ``duplicate_key`` | an object has a key twice, so nobody knows which one counts |
| ``missing_column`` | a column that must be there is not, or is null |
| ``surplus_columns`` | more values than the header has names |
| ``not_text`` | a number, a list, an object or null where text should be |
| ``nul`` | a NUL character, which databases and trainers cannot hold |
| ``lone_surrogate`` | half of a surrogate pair, which no UTF-8 can hold |
| ``too_large`` | larger than `ReadOptions.most_bytes` |
| ``unknown_role`` | a turn by somebody who is neither system, user nor assistant |
| ``wrong_order`` | turns that do not go system, user, assistant, user, assistant |
| ``no_answer`` | the last turn is not the assistant's, or there is none |

Vicuna's cleaning has reasons of its own; see `app.formats.vicuna`.
"""

import re
from typing import TypeAlias

from app.record import Record, Unreadable

Numbered: TypeAlias = tuple[int, Record | Unreadable]
"""What a row became, with its 1-based number in the file: one row may become several."""

_LONGEST_EXCERPT = 200
_SURROGATE = re.compile("[\ud800-\udfff]")


class BrokenRow(Exception):
    """This row is no record; the rows around it may well be."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def at(self, row: int, line: int | None, text: bytes | str) -> Unreadable:
        """Keep it with its place and with what it looked like."""
        return Unreadable(self.reason, self.detail, row, line, excerpt(text))


def excerpt(text: bytes | str) -> str:
    """Cut to what a person needs to find it again; can always be stored and shown."""
    if isinstance(text, bytes):
        # A character has four bytes at most.
        text = text[: 4 * _LONGEST_EXCERPT].decode("utf-8", "replace")
    return _SURROGATE.sub("\ufffd", text[:_LONGEST_EXCERPT]).replace("\x00", "\ufffd")


def text_of(value: object, where: str) -> str:
    """Return a value that is text a database can hold.

    Raises:
        BrokenRow: not_text, nul, not_utf8, lone_surrogate.
    """
    if not isinstance(value, str):
        raise BrokenRow("not_text", f"{where} must be text, not {_kind(value)}")
    if "\x00" in value:
        raise BrokenRow("nul", f"{where} has a NUL character in it")
    if not value.isascii() and (found := _SURROGATE.search(value)):
        # Readers of bytes keep those that are no UTF-8 as these, by Python's surrogateescape.
        if "\udc80" <= found.group() <= "\udcff":
            raise BrokenRow("not_utf8", f"{where} is not UTF-8 at character {found.start() + 1}")
        raise BrokenRow("lone_surrogate", f"{where} has half of a surrogate pair in it")
    return value


def refuse_if_too_large(size: int, most: int) -> None:
    """Hold a row to its limit.

    Raises:
        BrokenRow: too_large.
    """
    if size > most:
        raise BrokenRow("too_large", f"larger than {most:,} bytes")


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "true or false", dict: "an object", list: "a list"}
    return names.get(
        type(value), "a number" if isinstance(value, int | float) else "something else"
    )
