"""Unreadable rows: the reasons, and how each one is reported.

| reason | what is wrong |
|---|---|
| ``not_json`` | not JSON, or JSON with NaN |
| ``not_utf8`` | its bytes are not UTF-8 |
| ``not_csv`` | quotes in the wrong place |
| ``not_object`` | a list, a number or a text instead of an object with columns |
| ``duplicate_key`` | an object has a key twice, so its value is ambiguous |
| ``missing_column`` | a required column is missing or null |
| ``surplus_columns`` | more values than the header has names |
| ``not_text`` | a number, a list, an object or null where text should be |
| ``not_boolean`` | ``is_classification`` is neither true nor false |
| ``nul`` | a NUL character, which databases and trainers can't store |
| ``truncated`` | the Hub's viewer has cut off a text |
| ``lone_surrogate`` | half of a surrogate pair, which UTF-8 can't encode |
| ``too_large`` | larger than `ReadLimits.row_bytes`, or with more than a million values |
| ``too_deep`` | nested deeper than `ReadLimits.nesting` |
| ``too_many_columns`` | more columns than `ReadLimits.columns` |
| ``unknown_role`` | a turn whose role is not system, user or assistant |
| ``ambiguous_turn`` | a turn with two names of its speaker, or two texts |
| ``two_systems`` | a system message beside the turns, and another one among them |
| ``tool_calls`` | a call of a tool, or what the tool returned |
| ``tools`` | a list of tools that the model may call |
| ``media`` | an image, a sound or a video beside the text |
| ``reasoning`` | reasoning beside the answer |
| ``not_to_learn`` | a mark, such as a weight of 0, that says not to learn the answer |
| ``wrong_order`` | turns not in the order system, user, assistant, user, assistant |
| ``no_answer`` | the last turn is not the assistant's, or there is none |

Vicuna's cleaning has reasons of its own; see `app.formats.chat.vicuna`.
"""

import json
import math
import re
from typing import TypeAlias

from app.dataset_row import Record, Unreadable
from app.formats.encodings import encoding_hint
from app.formats.limits import ReadLimits, with_setting

Numbered: TypeAlias = tuple[int, Record | Unreadable]
"""A record or an unreadable row, with its 1-based row number; a row may give several records."""

_LONGEST_EXCERPT = 200
_SURROGATE = re.compile("[\ud800-\udfff]")


class BrokenRow(Exception):
    """This row is not a valid record; others may be."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def at(self, row: int, line: int | None, text: bytes | str) -> Unreadable:
        """Return it as an unreadable row with its place and an excerpt."""
        return Unreadable(self.reason, self.detail, row, line, excerpt(text))


def excerpt(text: bytes | str) -> str:
    """Return the first 200 characters, in a form that can always be stored and shown."""
    if isinstance(text, bytes):
        # A character has four bytes at most.
        text = text[: 4 * _LONGEST_EXCERPT].decode("utf-8", "replace")
    return _SURROGATE.sub("\ufffd", text[:_LONGEST_EXCERPT]).replace("\x00", "\ufffd")


def text_of(value: object, where: str, *, as_text: bool = False) -> str:
    """Return a value if it is text that a database can store.

    Args:
        value: of a cell.
        where: its place, for the message.
        as_text: read numbers, true and false as text, too.

    Raises:
        BrokenRow: not_text, nul, not_utf8, lone_surrogate.
    """
    if isinstance(value, int | float):
        is_number = not isinstance(value, float) or math.isfinite(value)
        if as_text and is_number:
            return json.dumps(value)
        if not is_number:
            raise BrokenRow("not_text", f"{where} is not a number, as an empty cell may be")
        what = f"{where} must be text, not {_kind(value)}"
        raise BrokenRow("not_text", f"{what}; --as-text (as_text) reads it")
    if not isinstance(value, str):
        raise BrokenRow("not_text", f"{where} must be text, not {_kind(value)}")
    if "\x00" in value:
        raise BrokenRow("nul", f"{where} has a NUL character in it")
    if not value.isascii() and (found := _SURROGATE.search(value)):
        # Invalid UTF-8 bytes were decoded to these, by Python's surrogateescape.
        if "\udc80" <= found.group() <= "\udcff":
            hint = encoding_hint(value.encode("utf-8", "surrogateescape"))
            what = f"{where} is not UTF-8 at character {found.start() + 1}{hint}"
            raise BrokenRow("not_utf8", what)
        raise BrokenRow("lone_surrogate", f"{where} has half of a surrogate pair in it")
    return value


def refuse_if_too_large(size: int, limits: ReadLimits) -> None:
    """Check the size of a row.

    Raises:
        BrokenRow: too_large.
    """
    if size > limits.row_bytes:
        raise too_large(limits)


def too_large(limits: ReadLimits) -> BrokenRow:
    """Return what is wrong with a row over the limit of size."""
    what = f"larger than {limits.row_bytes:,} bytes"
    return BrokenRow("too_large", with_setting(what, "row_bytes"))


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "true or false", dict: "an object", list: "a list"}
    return names.get(
        type(value), "a number" if isinstance(value, int | float) else "something else"
    )
