"""The format of a file, recognised by its content; what is not clear is refused with the reason."""

import codecs
import csv
import re
from collections.abc import Mapping, Sequence, Set
from io import StringIO
from itertools import islice
from typing import BinaryIO

from app.dataset_row import Record, Unreadable
from app.errors import Fault, InvalidInput
from app.formats.chat.turn_lists import LIST_KEYS, TEXTS_KEY, is_list_in_text, turns_key
from app.formats.columns import REQUIRED, Columns
from app.formats.comma_separated import (
    HEAD_BYTES,
    header_of,
    named,
    refuse_lone_returns,
    separator_of,
)
from app.formats.encodings import encoding_hint
from app.formats.files import peeked
from app.formats.foreign.column_hints import columns_hint
from app.formats.foreign.preferences import judged_alone, pair_of_answers, ranked_answers
from app.formats.json.any_layout import read_json
from app.formats.json.layout import layout_of
from app.formats.options import ReadOptions
from app.formats.recognise.kinds import PARQUET, begins_as_json, refuse_other_kinds, text_kind
from app.formats.table_rows import row_reader

_ROWS = 20
"""Rows that are looked at."""
_MOST_NAMED = 30
_LONGEST_NAME = 60
_LONGEST_START = 1_000
_PYTHON = re.compile(rb"\s*\[?\s*\{\s*'")
_OF_A_TREE = frozenset({"message_id", "parent_id"})
_IN_A_TREE = frozenset({"message_id", "replies"})
_CHAT_COLUMNS = frozenset({"system", "history"})


def format_of(source: BinaryIO, options: ReadOptions) -> str:
    """Return the name of the format that reads a file.

    Args:
        source: the file, from its beginning; it may be read on.
        options: those that the file will be read with.

    Raises:
        InvalidInput: no format fits, several do, or the file holds preferences.
    """
    head, source = peeked(source, HEAD_BYTES)
    refuse_other_kinds(head)
    if head.startswith(PARQUET):
        return _of_parquet(source, options)
    if begins_as_json(head):
        return _of_json(head, source, options)
    return _of_csv(head, options)


def _of_json(head: bytes, source: BinaryIO, options: ReadOptions) -> str:
    rows: list[object] = []
    broken: Unreadable | None = None

    def keep(row: object) -> tuple[Record]:
        rows.append(row)
        return (Record("", ""),)

    for _, item in islice(read_json(source, options.limits, keep), _ROWS):
        if isinstance(item, Unreadable):
            broken = broken or item
    shapes = [shape for row in rows if (shape := _shape(row, options))]
    objects = [row for row in rows if isinstance(row, dict)]
    if not shapes and not rows and broken is not None:
        raise _unreadable(broken, head)
    if not shapes:
        raise _unknown({name for row in objects for name in row})
    if shapes[0] != "columns":
        return shapes[0]
    if layout_of(head, whole=len(head) < HEAD_BYTES).kind not in {"lines", "values"}:
        return "alpaca"
    return "jsonl" if any(row.keys() >= _CHAT_COLUMNS for row in objects) else "alpaca_jsonl"


def _shape(row: object, options: ReadOptions) -> str | None:
    """Return the format of a row, or ``columns``; None: it has no shape that is known.

    Raises:
        InvalidInput: several formats would read it, or it is of a file of preferences.
    """
    if isinstance(row, list):
        return _of_turns(row)
    if not isinstance(row, dict):
        return None
    if options.vicuna is not None:
        return "sharegpt"
    if options.columns is not None:
        return "columns"
    _refuse_preferences(row)
    found = _formats_of(row)
    if len(found) > 1:
        raise _ambiguous(row.keys(), found)
    return next(iter(found), None)


def _formats_of(row: Mapping[str, object]) -> list[str]:
    """Name the formats that would read a row."""
    chats = turns_key(row, LIST_KEYS[0])
    is_pair = row.keys() >= {"prompt", "completion"}
    found = ["columns"] if row.keys() >= set(REQUIRED) else []
    found += ["prompt_completion"] if is_pair else []
    if chats in LIST_KEYS and (isinstance(row[chats], list) or is_list_in_text(row[chats])):
        found = [_of_turns(row[chats]), *found]
    elif chats is not None and chats not in LIST_KEYS and not found:
        found = ["sharegpt" if chats == TEXTS_KEY else _of_turns(row[chats])]
    if not found and "instruction" in row and isinstance(row.get("instances"), list):
        found = ["columns"]
    return found


def _of_turns(turns: object) -> str:
    if not isinstance(turns, list):
        return "sharegpt" if '"from"' in str(turns)[:_LONGEST_START] else "messages"
    is_shared = any(isinstance(turn, dict) and turn.get("from") is not None for turn in turns)
    return "sharegpt" if is_shared else "messages"


def _of_parquet(source: BinaryIO, options: ReadOptions) -> str:
    # Arrow takes 50 MB of memory, for those who ask for it only.
    from app.formats.parquet_pieces import parquet_columns  # noqa: PLC0415

    marks = parquet_columns(source)
    names = set(marks)
    _refuse_preferences({name: True for name, is_mark in marks.items() if is_mark}, names)
    _check_table(sorted(names), options)
    return "parquet"


def _check_table(names: Sequence[str], options: ReadOptions) -> None:
    """Check that a table has the columns of one format.

    Raises:
        InvalidInput: it has those of none, or of several.
    """
    chats = [key for key in LIST_KEYS if key in names]
    if chats and set(names) >= set(REQUIRED) and options.columns is None:
        raise _ambiguous(set(names), [chats[0], "columns"])
    if set(names) >= _OF_A_TREE and options.columns is None and not chats:
        raise _unknown(set(names))
    row_reader(names, options)


def _unreadable(broken: Unreadable, head: bytes) -> InvalidInput:
    what = f"row {broken.row} is {broken.reason}: {broken.detail}"
    if _PYTHON.match(head.removeprefix(codecs.BOM_UTF8)):
        what = f"it is written as Python, not as JSON; write it with json.dumps ({what})"
    return InvalidInput("No row of the file can be read.", [Fault(what)])


def _refuse_other_texts(head: bytes) -> None:
    """Check that a text may be CSV.

    Raises:
        InvalidInput: it is another kind of text, or its header is not UTF-8.
    """
    what = text_kind(head)
    header = head.partition(b"\n")[0]
    try:
        header.decode()
    except UnicodeDecodeError as error:
        if error.end < len(head) - 4:
            what = f"its header is not UTF-8{encoding_hint(head)}"
    if what is not None:
        raise InvalidInput("The file cannot be read as it is.", [Fault(what)])


def _of_csv(head: bytes, options: ReadOptions) -> str:
    columns = Columns(options)
    _refuse_other_texts(head)
    refuse_lone_returns(head)
    separator = separator_of(head, columns.wanted)
    header = named(header_of(head, separator))
    if len(header) < 2 and not set(header) & {*LIST_KEYS, *REQUIRED}:
        raise _unknown(set(header))
    columns_there = set(header)
    text = head.decode("utf-8", "replace")
    first = next(islice(csv.reader(StringIO(text, newline=""), delimiter=separator), 1, 2), [])
    _refuse_preferences(dict(zip(header, first, strict=False)), columns_there)
    _check_table(header, options)
    return "csv"


def _refuse_preferences(row: Mapping[str, object], names: Set[str] = frozenset()) -> None:
    """Check that a row holds no preferences.

    Raises:
        InvalidInput: it does.
    """
    why = pair_of_answers(row.keys() | names) or ranked_answers(row)
    why = why or judged_alone(row, row.keys() | names)
    if why is not None:
        raise InvalidInput("The file holds preferences.", [Fault(why)])


def _ambiguous(names: Set[str], found: list[str]) -> InvalidInput:
    table = "alpaca, alpaca_jsonl, jsonl, csv or parquet"
    shown = " or ".join(table if one == "columns" else one for one in found)
    what = f"several formats would read it: {shown}; give one with --format (format)"
    return InvalidInput(
        "The format of the file is not clear.", [Fault(f"{what}; there are: {_named(names)}")]
    )


def _unknown(names: Set[str]) -> InvalidInput:
    hint = columns_hint(names)
    if names >= _OF_A_TREE or names >= _IN_A_TREE:
        hint = "; each row is one message of a tree: put the messages of a conversation into a row"
    elif "segments" in names:
        hint = (
            "; segments are parts of a filled template: write the question and the answer as rows"
        )
    elif names == {"text"}:
        hint = "; one text is no pair of a question and an answer: split it into two columns"
    what = f"no format fits; there are: {_named(names)}{hint}"
    return InvalidInput("The format of the file is not known.", [Fault(what, field="format")])


def _named(names: Set[str]) -> str:
    some = sorted(names)[:_MOST_NAMED]
    return ", ".join(repr(name[:_LONGEST_NAME]) for name in some) or "no columns"
