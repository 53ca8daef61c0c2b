"""Columns of any name become fields of a record; what is missing as a whole is said."""

import io
import json

import pytest

from app.dataset_row import Exchange, Record, Unreadable
from app.errors import InvalidInput
from app.formats.formats import FORMATS
from app.formats.options import ReadOptions
from tests.unit.formats.making import read, reasons

ROWS = (
    b'{"prompt": "p1", "response": "r1", "input": "not this", "n": 1}\n'
    b'{"prompt": "p2", "response": "r2", "context": "c2"}\n'
)


def test_a_mapping_says_which_column_is_which() -> None:
    mapping = {"instruction": "prompt", "output": "response", "input": None}

    assert read(FORMATS["jsonl"], ROWS, ReadOptions(columns=mapping)) == [
        Record("p1", "r1"),
        Record("p2", "r2"),
    ]


def test_a_column_that_only_some_rows_have_is_empty_in_the_others() -> None:
    mapping = {"instruction": "prompt", "output": "response", "input": "context"}

    assert read(FORMATS["jsonl"], ROWS, ReadOptions(columns=mapping)) == [
        Record("p1", "r1"),
        Record("p2", "r2", "c2"),
    ]


@pytest.mark.parametrize(
    ("mapping", "field", "column"),
    [
        ({"instruction": "prompt", "output": "answer"}, "output", "answer"),
        ({"instruction": "question", "output": "response"}, "instruction", "question"),
        ({"instruction": "prompt", "output": "response", "input": "ctx"}, "input", "ctx"),
        ({"instruction": "prompt", "output": "response", "history": "h"}, "history", "h"),
    ],
)
def test_a_column_that_no_row_has_is_named_with_those_there_are(
    mapping: dict[str, str | None], field: str, column: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(FORMATS["jsonl"], ROWS, ReadOptions(columns=mapping))

    (fault,) = refused.value.faults
    assert fault.field == field
    assert f"no column {column!r}" in fault.message
    assert "'context', 'input', 'n', 'prompt', 'response'" in fault.message


def test_without_a_mapping_the_columns_are_alpaca_s() -> None:
    with pytest.raises(InvalidInput) as refused:
        read(FORMATS["alpaca_jsonl"], ROWS)
    assert [fault.field for fault in refused.value.faults] == ["instruction", "output"]


def test_rows_without_a_required_column_are_reported_of_before() -> None:
    rows = FORMATS["jsonl"].read(io.BytesIO(ROWS), ReadOptions(columns={"instruction": "prompt"}))
    first = next(rows)
    assert isinstance(first, Unreadable)
    assert (first.reason, first.detail) == ("missing_column", "output is missing")


@pytest.mark.parametrize(
    ("mapping", "field"),
    [({"prompt": "p"}, "prompt"), ({"output": None}, "output"), ({"instruction": None}, None)],
)
def test_a_mapping_of_no_field_or_of_none_that_must_be_is_refused(
    mapping: dict[str, str | None], field: str | None
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(FORMATS["jsonl"], ROWS, ReadOptions(columns=mapping))
    assert refused.value.faults[0].field == (field or "instruction")


def test_alpaca_may_have_more_columns_no_input_and_a_chat() -> None:
    data = (
        b'[{"instruction": "a", "output": "b", "text": "all", "n": [1]},'
        b'{"instruction": "a", "output": "b", "input": null, "system": "s",'
        b' "history": [["u", "v"], ["w", "x"]]},'
        b'{"instruction": "a", "output": "b", "history": null, "system": null}]'
    )

    assert read(FORMATS["alpaca"], data) == [
        Record("a", "b"),
        Record("a", "b", "", "s", (Exchange("u", "v"), Exchange("w", "x"))),
        Record("a", "b"),
    ]


def test_a_file_of_nothing_but_broken_rows_names_no_column() -> None:
    assert reasons(read(FORMATS["jsonl"], b"1\n2\n")) == ["not_object", "not_object"]


def test_a_column_that_comes_late_among_many_others_is_met() -> None:
    rows = [{"instruction": "a", "output": "b", f"other_{n}": "x"} for n in range(200)]
    rows[-1]["context"] = "c"
    data = "\n".join(map(json.dumps, rows)).encode()
    read_back = read(FORMATS["jsonl"], data, ReadOptions(columns={"input": "context"}))

    assert read_back == [Record("a", "b")] * 199 + [Record("a", "b", "c")]


def _lacking(*rows: dict[str, str]) -> str:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    with pytest.raises(InvalidInput) as refused:
        read(FORMATS["jsonl"], data, ReadOptions(columns={"instruction": "q", "output": "answer"}))
    return refused.value.faults[0].message


def test_fifty_columns_are_named_and_then_no_more_are_collected() -> None:
    row = {f"c{place:02}": "" for place in range(50)}
    named = ", ".join(repr(name) for name in row)
    assert _lacking({**row, "q": "a"}) == f"there is no column 'answer'; there are: {named}"
    assert "'a'" not in _lacking(row, {"a": "", "q": "b"})
    assert "'a'" in _lacking(dict(list(row.items())[:49]), {"a": "", "q": "b"})


MARKS = {
    True: ["true", '"true"', '"True"', '" YES "', "1", "1.0", '"1"'],
    False: ["false", '"FALSE"', '"no"', "0", "0.0", '"0"'],
    None: ["null", '""', '" "'],
}


def marked(value: str) -> bytes:
    return b'{"instruction": "a", "output": "b", "is_classification": %s}' % value.encode()


def test_marks_of_classification_rows_are_read_in_every_spelling() -> None:
    spellings = [(mark, value) for mark, values in MARKS.items() for value in values]
    rows = read(FORMATS["jsonl"], b"\n".join(marked(value) for _, value in spellings))

    assert rows == [Record("a", "b", is_classification=mark) for mark, _ in spellings]


def test_a_mark_that_is_neither_true_nor_false_is_reported() -> None:
    rows = read(FORMATS["jsonl"], b"\n".join(map(marked, ['"maybe"', "2", "[]", "{}", "-1"])))

    assert reasons(rows) == ["not_boolean"] * 5
    assert isinstance(rows[0], Unreadable)
    assert "null" in rows[0].detail


def test_a_mapping_names_the_column_of_marks_or_none() -> None:
    rows = b'{"instruction": "a", "output": "b", "labelled": 1, "is_classification": "sort of"}'
    named = ReadOptions(columns={"is_classification": "labelled"})
    assert read(FORMATS["jsonl"], rows, named) == [Record("a", "b", is_classification=True)]
    none = ReadOptions(columns={"is_classification": None})
    assert read(FORMATS["jsonl"], rows, none) == [Record("a", "b")]
