"""CSV as people's files have it: quotes, line ends, other columns, broken rows."""

import csv
import io

import pytest

from app.dataset_row import Record, Unreadable
from app.errors import InvalidInput
from app.formats.formats import FORMATS
from app.formats.limits import ReadLimits
from app.formats.options import ReadOptions
from tests.unit.formats.making import GOLDEN, as_bytes, read, reasons

CSV = FORMATS["csv"]


def test_the_standard_reader_reads_what_is_written() -> None:
    text = io.StringIO(as_bytes(CSV, GOLDEN).decode(), newline="")

    assert list(csv.DictReader(text)) == [
        {"instruction": r.instruction, "input": r.input, "output": r.output} for r in GOLDEN
    ]


def test_columns_may_stand_in_any_order_and_bear_any_name() -> None:
    data = b'\xef\xbb\xbfid;x,answer,question\r\n1,b,a\r\n\r\n2,"d\r\n""e""",c\r\n'
    options = ReadOptions(columns={"instruction": "question", "output": "answer"})

    assert read(CSV, data, options) == [Record("a", "b"), Record("c", 'd\r\n"e"')]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (b"a,b,c,d", "surplus_columns", "4 values under 3 columns"),
        (b"a", "missing_column", "output is missing"),
        (b'a,"b"x,c', "not_csv", "expected after"),
        (b"a,\x00,c", "nul", "input has a NUL"),
        (b"a,b\xff,c", "not_utf8", "input is not UTF-8 at character 2"),
    ],
)
def test_a_broken_row_breaks_no_other(row: bytes, reason: str, detail: str) -> None:
    data = b'instruction,input,output\na,"x\ny",c\n\n' + row + b"\na,b,c\n"
    rows = read(CSV, data)

    assert rows[0] == Record("a", "c", "x\ny")
    assert rows[2] == Record("a", "c", "b")
    broken = rows[1]
    assert isinstance(broken, Unreadable)
    assert (broken.reason, broken.row, broken.line) == (reason, 2, 5)
    assert detail in broken.detail
    assert broken.text.strip() == row.decode("utf-8", "replace").replace("\x00", "\ufffd")


def test_a_field_may_be_longer_than_the_standard_reader_s_limit() -> None:
    long = Record("a", "b" * 300_000)

    assert read(CSV, as_bytes(CSV, [long])) == [long]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "it is empty"),
        (b"instruction,output,output\n", "'output' is there twice"),
        (b"question,answer\na,b\n", "no column 'instruction'; there are: 'answer', 'question'"),
        (b'"instruction', "unexpected end of data"),
    ],
)
def test_a_header_that_cannot_be_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(CSV, data)
    assert what in refused.value.faults[0].message


def test_a_quote_that_is_never_closed_does_not_fill_the_memory() -> None:
    data = b'instruction,output\na,b\na,"' + b"x\n" * 10_000
    rows = CSV.read(io.BytesIO(data), ReadOptions(limits=ReadLimits(row_bytes=1_000)))

    assert next(rows) == Record("a", "b")
    with pytest.raises(InvalidInput) as refused:
        next(rows)
    message = refused.value.faults[0].message
    assert message.startswith("row 2 is larger than 1,000 bytes: an open quote?")


def test_a_quote_that_the_end_of_the_file_leaves_open_is_a_broken_row() -> None:
    assert reasons(read(CSV, b'instruction,output\na,b\na,"b\n')) == [None, "not_csv"]


def test_a_sink_stays_open_for_its_owner() -> None:
    sink = io.BytesIO()
    CSV.write(GOLDEN, sink)
    assert not sink.closed


def test_the_limit_counts_the_bytes_of_one_row() -> None:
    options = ReadOptions(limits=ReadLimits(row_bytes=len("instruction,output\n")))
    rows = "".join(f"{'a' * 16},{place}\n" for place in range(9))
    assert len(read(CSV, f"instruction,output\n{rows}".encode(), options)) == 9
    for longer in ("a" * 17, '"a\na"' + "a" * 12):
        with pytest.raises(InvalidInput) as refused:
            read(CSV, f"instruction,output\n{'a' * 16},1\n{longer},1\n".encode(), options)
        message = refused.value.faults[0].message
        assert message.startswith("row 2 is larger than 19 bytes: an open quote?")
