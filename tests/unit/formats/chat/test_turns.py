"""Chats read turn by turn, in OpenAI's shape and in ShareGPT's."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from app.dataset_row import Exchange, Record, Unreadable
from app.formats.files import opened
from app.formats.formats import FORMATS, Format
from tests.unit.formats.making import read

KEYS = {"messages": ("messages", "role", "content"), "sharegpt": ("conversations", "from", "value")}
NAMES = {
    "messages": {"s": "system", "u": "user", "a": "assistant"},
    "sharegpt": {"s": "system", "u": "human", "a": "gpt"},
}
both = pytest.mark.parametrize(
    "format_", [FORMATS["messages"], FORMATS["sharegpt"]], ids=lambda one: one.name
)


def _row(format_: Format, turns: list[tuple[Any, Any]]) -> dict[str, Any]:
    list_key, speaker_key, text_key = KEYS[format_.name]
    names = NAMES[format_.name]
    return {list_key: [{speaker_key: names.get(who, who), text_key: text} for who, text in turns]}


def _read(format_: Format, row: object) -> Record | Unreadable:
    text = json.dumps(row)
    (only,) = read(format_, (f"[{text}]" if format_.suffix == ".json" else text).encode())
    return only


@both
def test_the_last_exchange_is_the_record_and_earlier_ones_its_history(format_: Format) -> None:
    turns = [("s", "S"), ("u", "1"), ("a", "2"), ("u", "3"), ("a", "4"), ("u", "5"), ("a", "6")]

    assert _read(format_, _row(format_, turns)) == Record(
        "5", "6", "", "S", (Exchange("1", "2"), Exchange("3", "4"))
    )
    assert _read(format_, _row(format_, turns[1:3])) == Record("1", "2")


@both
@pytest.mark.parametrize(
    ("turns", "reason", "detail"),
    [
        ([], "no_answer", "not the assistant's"),
        ([("s", "")], "no_answer", "not the assistant's"),
        ([("u", "1")], "no_answer", "not the assistant's"),
        ([("u", "1"), ("a", "2"), ("u", "3")], "no_answer", "not the assistant's"),
        ([("a", "1"), ("u", "2")], "wrong_order", "turn 1 is the assistant's, not the user's"),
        ([("u", "1"), ("u", "2")], "wrong_order", "turn 2 is the user's, not the assistant's"),
        ([("s", ""), ("s", "")], "wrong_order", "turn 2 is the system's"),
        ([("u", ""), ("a", ""), ("s", "")], "wrong_order", "turn 3 is the system's"),
        ([("tool", "1")], "tool_calls", "'tool'"),
        ([("narrator", "1")], "unknown_role", "'narrator'"),
        ([(7, "1")], "unknown_role", "no text"),
        ([("u", 1), ("a", "2")], "not_text", "must be text, not a number"),
        ([("u", "1"), ("a", None)], "not_text", "must be text, not null"),
        ([("u", "1"), ("a", [{"type": "text"}])], "not_text", "[0].text must be text, not null"),
        ([("u", "1"), ("a", "\x00")], "nul", "[1]"),
    ],
    ids=str,
)
def test_turns_that_make_no_record_say_why(
    format_: Format, turns: list[tuple[Any, Any]], reason: str, detail: str
) -> None:
    row = _read(format_, _row(format_, turns))

    assert isinstance(row, Unreadable)
    assert row.reason == reason
    assert detail in row.detail


@both
@pytest.mark.parametrize("turns", [None, "text", 7, {}])
def test_a_row_without_a_list_of_turns_says_so(format_: Format, turns: object) -> None:
    row = _read(format_, {KEYS[format_.name][0]: turns})

    assert isinstance(row, Unreadable)
    assert row.reason == ("missing_column" if turns is None else "not_object")


@both
def test_a_turn_must_be_an_object_with_a_text(format_: Format) -> None:
    list_key, speaker_key, _ = KEYS[format_.name]
    name = NAMES[format_.name]["u"]
    rows = [_read(format_, {list_key: [turn]}) for turn in (7, {}, {speaker_key: name})]

    assert [row.reason for row in rows if isinstance(row, Unreadable)] == [
        "not_object", "unknown_role", "not_text",
    ]  # fmt: skip


def test_other_columns_and_other_names_of_the_two_sides_are_read() -> None:
    row = {
        "id": "x",
        "conversations": [
            {"from": "user", "value": "a", "weight": 0},
            {"from": "chatgpt", "value": "b"},
        ],
    }
    assert _read(FORMATS["sharegpt"], row) == Record("a", "b")
    line = {
        "messages": [
            {"role": "developer", "content": "s"},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b", "name": "n"},
        ]
    }
    assert _read(FORMATS["messages"], line) == Record("a", "b", system="s")


@both
@pytest.mark.parametrize("begins", [b"", b"\xef\xbb\xbf", b" \r\n"])
def test_chats_may_be_a_list_or_lines(format_: Format, begins: bytes, tmp_path: Path) -> None:
    rows = [_row(format_, [("u", str(n)), ("a", "x")]) for n in range(3)]
    records = [Record(str(n), "x") for n in range(3)]
    lines = begins + "\n".join(map(json.dumps, rows)).encode()
    as_list = begins + json.dumps(rows).encode()

    assert read(format_, lines) == read(format_, as_list) == records
    for number, data in enumerate((lines, as_list)):
        packed = tmp_path / f"{number}.gz"
        packed.write_bytes(gzip.compress(data))
        with opened(packed) as source:
            assert list(format_.read(source)) == records
