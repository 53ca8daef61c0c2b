"""JSON lines: each line alone, however broken its neighbours are."""

import io
import json

import pytest

from app.dataset_row import Record, Unreadable
from app.formats.formats import FORMATS
from app.formats.json.lines import read_lines
from app.formats.limits import ReadLimits
from app.formats.options import ReadOptions
from tests.unit.formats.making import as_bytes, read, reasons

LINES = FORMATS["alpaca_jsonl"]
GOOD = b'{"instruction": "a", "input": "", "output": "b"}'


def test_lines_are_numbered_with_the_empty_ones_and_rows_without() -> None:
    data = b"\n" + GOOD + b"\r\n\r\n  \t\nnope\n" + GOOD
    rows = read(LINES, data)

    assert rows[0] == rows[2] == Record("a", "b")
    assert isinstance(rows[1], Unreadable)
    assert (rows[1].row, rows[1].line, rows[1].text, rows[1].reason) == (2, 5, "nope", "not_json")


def test_a_byte_order_mark_is_no_part_of_the_first_row() -> None:
    assert read(LINES, b"\xef\xbb\xbf" + GOOD + b"\n") == [Record("a", "b")]
    assert reasons(read(LINES, GOOD + b"\n\xef\xbb\xbf" + GOOD)) == [None, "not_json"]


def test_what_other_readers_take_for_a_line_end_stays_in_its_line() -> None:
    odd = Record("a\u2028b", "c\x85d\u2029e\x1cf\x0cg")
    data = as_bytes(LINES, [odd, odd])

    assert read(LINES, data) == [odd, odd]
    assert [json.loads(line)["output"] for line in data.decode().splitlines()] == [odd.output] * 2
    # Where others wrote them as they are, they are read too.
    raw = '{"instruction": "a\u2028b", "output": "c\x85d\u2029e"}'.encode()
    assert read(LINES, raw) == [Record("a\u2028b", "c\x85d\u2029e")]


def test_a_line_that_is_too_long_is_reported_of_and_passed_over() -> None:
    long = b'{"instruction": "' + b"x" * 5_000 + b'", "output": ""}'
    for ending in (b"\n", b"\r\n"):
        rows = read(
            LINES,
            GOOD + ending + long + ending + GOOD,
            ReadOptions(limits=ReadLimits(row_bytes=100)),
        )
        assert reasons(rows) == [None, "too_large", None]
        assert isinstance(rows[1], Unreadable)
        assert rows[1].line == 2
        assert len(rows[1].text) == 103
    assert reasons(read(LINES, long, ReadOptions(limits=ReadLimits(row_bytes=100)))) == [
        "too_large"
    ]


@pytest.mark.parametrize("size", range(95, 110))
def test_a_line_is_as_long_as_it_may_be_and_no_longer(size: int) -> None:
    line = b"1" * size
    numbered = read_lines(
        io.BytesIO(line + b"\r\n" + line), ReadLimits(row_bytes=100), lambda _: ()
    )
    rows = [row for _, row in numbered]

    assert reasons(rows) == ([] if size <= 100 else ["too_large", "too_large"])


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b"[1]", "not_object", "a row is an object"),
        (b"7", "not_object", "a row is an object"),
        (b"null", "not_object", "a row is an object"),
        (b"{", "not_json", "at character 2"),
        (b'{"instruction": "a", "output": NaN}', "not_json", "NaN is not JSON"),
        (b'{"instruction": "a", "output": 7}', "not_text", "output must be text, not a number"),
        (b'{"instruction": "a", "output": true}', "not_text", "not true or false"),
        (b'{"instruction": ["a"], "output": "b"}', "not_text", "instruction must be text, not a"),
        (b'{"instruction": {}, "output": "b"}', "not_text", "not an object"),
        (b'{"instruction": "a", "output": null}', "missing_column", "output is null"),
        (b'{"instruction": "a"}', "missing_column", "output is missing"),
        (b'{"instruction": "a", "output": "\\u0000"}', "nul", "output has a NUL"),
        (b'{"instruction": "\\ud800", "output": "b"}', "lone_surrogate", "instruction has half"),
        (b'{"instruction": "\\ud83c\\udf31", "output": "\\udc80"}', "not_utf8", "output is not"),
        (b'{"instruction": "\xc3", "output": "b"}', "not_utf8", "at byte 18 of the row"),
        (b'{"instruction": "a", "output": "b", "output": "b"}', "duplicate_key", "'output'"),
        (b'{"instruction": "a", "output": "b", "x": {"y": 1, "y": 2}}', "duplicate_key", "'y'"),
        (b'{"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "too_deep", "deeper than 100 levels"),
        (b'{"x": ' + b"9" * 10_000 + b"}", "not_json", "too many digits"),
        (b'{"instruction": "a", "output": "b", "history": "x"}', "not_text", "history must be"),
        (b'{"instruction": "a", "output": "b", "history": [["a"]]}', "not_text", "history[0]"),
        (b'{"instruction": "a", "output": "b", "history": [["a", 1]]}', "not_text", "history[0]"),
        (b'{"instruction": "a", "output": "b", "system": 1}', "not_text", "system must be"),
    ],
    ids=lambda value: str(value[:60]),
)
def test_a_broken_line_keeps_its_reason_and_its_place(
    line: bytes, reason: str, detail: str
) -> None:
    rows = read(LINES, GOOD + b"\n" + line + b"\n" + GOOD + b"\n")

    assert rows[0] == rows[2] == Record("a", "b")
    broken = rows[1]
    assert isinstance(broken, Unreadable)
    assert (broken.reason, broken.row, broken.line) == (reason, 2, 2)
    assert detail in broken.detail
    assert broken.text == line[:800].decode("utf-8", "replace")[:200]
    broken.text.encode()
