"""The layout of a JSON file, recognised by its beginning, whatever the file is called.

Rows are read from a list, from lines, from objects that run over several lines, and from one list
inside an object. Other layouts are refused with the words that say how to write them as rows.
"""

import codecs
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from app.errors import Fault, InvalidInput
from app.formats.json.members import SPACE, members_of

HEAD_BYTES = 64 * 1024
"""As much of a file is looked at."""
_SPEAKERS = ("role", "from", "speaker", "author")
_SAID = ("content", "value", "text", "parts", "message", "tool_calls")
_OF_A_TREE = ("message_id", "parent_id", "message_tree_id")
_COLUMNS = frozenset(
    {
        *("instruction", "output", "prompt", "response", "question", "answer", "completion"),
        *("query", "target", "chosen", "rejected"),
    }
)
_TURNS = ("messages", "conversations", "conversation")
_NO_ROWS = frozenset(
    {
        *("features", "schema", "fields", "columns", "metadata", "licenses", "splits"),
        *("system", "systemInstruction", "system_instruction", "tools", "functions", "segments"),
    }
)
"""Members that describe the rows, or are lists within a row."""
_DEEPEST = 4
"""Objects around the list of rows that are looked into."""
_AS_ROWS = "write one object per row, such as df.to_json(FILE, orient='records', lines=True)"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of a file are."""

    kind: Literal["list", "lines", "values", "wrapped"]
    """``values``: one after the other, over any number of lines; ``wrapped``: in a list inside an
    object."""
    start: int = 0
    """Of a wrapped list: the place of its opening bracket."""
    depth: int = 1
    """Of a wrapped list: objects around it."""


def layout_of(head: bytes, *, whole: bool) -> Layout:
    """Recognise the layout of a file.

    Args:
        head: its first `HEAD_BYTES`.
        whole: True when that is all of it.

    Raises:
        InvalidInput: it is JSON, but not in rows.
    """
    data = head.removeprefix(codecs.BOM_UTF8).lstrip(SPACE)
    skipped = len(head) - len(data)
    if data.startswith(b"["):
        first = _first_value(data[1:].lstrip(SPACE))
        return Layout("values" if is_turn(first) else "list")
    if data.startswith(b"{"):
        return _of_object(data, skipped, whole=whole)
    return Layout("lines")


def is_turn(value: object) -> bool:
    """Return True for a message of a chat, which is no row by itself."""
    return (
        isinstance(value, dict)
        and any(isinstance(value.get(name), str) for name in _SPEAKERS)
        and any(name in value for name in _SAID)
        and not any(name in value for name in _OF_A_TREE)
    )


def _of_object(data: bytes, skipped: int, *, whole: bool) -> Layout:
    line, newline, rest = data.partition(b"\n")
    one = _parsed(line) if newline or whole else None
    if one is not None and rest.strip(SPACE):
        return Layout("lines")
    if one is None:
        one, after = _first_object(data)
        if after:
            return _of_several(after)
        if newline and one is None and not _is_open(line, rest):
            return Layout("lines")
    is_row = False
    if isinstance(one, dict) and whole:
        _refuse_columns(one)
        is_row = _is_row(one)
    found = None if is_row else _wrapped_list(data)
    if found is not None:
        start, depth = found
        return Layout("wrapped", skipped + start, depth)
    return Layout("values" if newline else "lines")


def _of_several(after: str) -> Layout:
    """Return the layout of a file by what follows its first object."""
    if after.startswith(","):
        raise _refused("objects follow each other with commas; a list needs [ and ] around it")
    return Layout("values" if after.startswith("{") else "lines")


def _is_open(line: bytes, rest: bytes) -> bool:
    """Return True when a value goes on behind its first line, as pretty printers write it."""
    follows = rest.lstrip(SPACE)[:1]
    if follows in (b"}", b"]", b","):
        return True
    last = line.rstrip(SPACE)[-1:]
    return last == b"[" or (last in (b"{", b",") and follows == b'"')


def _is_row(value: Mapping[str, object]) -> bool:
    if any(isinstance(value.get(name), str) for name in _COLUMNS):
        return True
    if any(isinstance(one, list) and one and is_turn(one[0]) for one in value.values()):
        return True
    return not other_lists(value, _DEEPEST)


def _are_rows(name: str, first: object) -> bool:
    """Return True when a list of this name, that begins with this element, is a list of rows."""
    if name in _NO_ROWS or not isinstance(first, dict | list) or is_turn(first):
        return False
    # A list of turns has such a name, too, even if a turn of it is broken.
    return name not in _TURNS or any(key in first for key in (*_TURNS, "instruction"))


def _wrapped_list(data: bytes, depth: int = 1) -> tuple[int, int] | None:
    """Return the place of the first list of rows inside an object, and the objects around it.

    Returns:
        None when there is no such list.
    """
    for name, place in members_of(data):
        mark = data[place : place + 1]
        if name in _COLUMNS and mark == b'"':
            return None
        if mark == b"{" and depth < _DEEPEST and name not in _NO_ROWS:
            found = _wrapped_list(data[place:], depth + 1)
            if found is not None:
                return place + found[0], found[1]
        inside = data[place + 1 : place + 1 + HEAD_BYTES].lstrip(SPACE)
        if mark != b"[" or inside[:1] not in (b"{", b"["):
            continue
        first = _first_value(inside)
        if is_turn(first):
            return None
        # An element that is not there as a whole has many columns, or long ones.
        if _are_rows(name, {} if first is None else first):
            return place, depth
    return None


def _refuse_columns(found: Mapping[str, object]) -> None:
    """Check that an object is not a table written column by column, as pandas does.

    Raises:
        InvalidInput: it is.
    """
    values = list(found.values())
    if "columns" in found and "data" in found and "schema" not in found:
        raise _refused(f"it is a table as pandas' orient='split' writes it; {_AS_ROWS}")
    first = next(iter(values), None)
    by_row = isinstance(first, dict) and any(
        isinstance(first.get(name), str | list) for name in (*_COLUMNS, *_TURNS)
    )
    if (by_row or len(values) > 1) and all(isinstance(value, dict) for value in values):
        if any(other_lists(value) for value in values if isinstance(value, dict)):
            return
        what = "objects under keys" if by_row else "a table written column by column"
        raise _refused(f"it is {what}; {_AS_ROWS}")
    if len(values) > 1 and all(isinstance(value, list) for value in values):
        cells = [cell for value in values if isinstance(value, list) for cell in value[:1]]
        if not all(isinstance(cell, dict) for cell in cells):
            raise _refused(f"it is a table written column by column; {_AS_ROWS}")


def several_lists(names: Iterable[str]) -> InvalidInput:
    """Return the error for an object with several lists of rows."""
    return _refused(
        f"the object has another list of rows, {', '.join(map(repr, names))}; write each list to a"
        " file of its own"
    )


def other_lists(found: Mapping[str, object], depth: int = 1) -> list[str]:
    """Name the members that are lists of rows, also of objects around them up to a depth."""
    names = []
    for name, member in found.items():
        if isinstance(member, list) and member and _are_rows(name, member[0]):
            names.append(name)
        elif isinstance(member, dict) and depth > 1 and name not in _NO_ROWS:
            names += other_lists(member, depth - 1)
    return names


def _refused(what: str) -> InvalidInput:
    return InvalidInput("The file's JSON is not in rows.", [Fault(what)])


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _first_object(data: bytes) -> tuple[object, str]:
    """Return the object that the data begin with, and the rest; None when it is not complete."""
    text = data.decode("utf-8", "replace")
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return None, ""
    return value, text[end:].lstrip()


def _first_value(data: bytes) -> object:
    return _first_object(data)[0]
