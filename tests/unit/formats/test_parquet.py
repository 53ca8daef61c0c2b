"""Parquet: read by pyarrow itself, and read from what others wrote."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from app.dataset_row import Exchange, Record, Unreadable
from app.errors import InvalidInput
from app.formats.files import opened
from app.formats.foreign.passed_over import PassedOver
from app.formats.formats import FORMATS
from app.formats.limits import ReadLimits
from app.formats.options import ParquetOptions, ReadOptions
from tests.unit.formats.making import CHATS, GOLDEN, as_bytes, read, reasons

PARQUET = FORMATS["parquet"]


def _file(columns: dict[str, Any], schema: pa.Schema | None = None) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), sink)
    return sink.getvalue()


def test_pyarrow_reads_three_text_columns() -> None:
    table = pq.read_table(io.BytesIO(as_bytes(PARQUET, GOLDEN)))

    assert table.column_names == ["instruction", "input", "output"]
    assert set(table.schema.types) == {pa.string()}
    assert table.to_pylist() == [
        {"instruction": r.instruction, "input": r.input, "output": r.output} for r in GOLDEN
    ]


def test_pyarrow_reads_the_columns_of_chats() -> None:
    table = pq.read_table(io.BytesIO(as_bytes(PARQUET, CHATS, ParquetOptions(chat_columns=True))))

    assert table["system"].to_pylist() == ["Be brief.", ""]
    assert table["history"].to_pylist() == [[["One?", "Blue."]], [["a", "b"], ["c", "d"]]]


def test_row_groups_are_written_as_they_come() -> None:
    def rows() -> Iterator[Record]:
        for number in range(25_000):
            assert number < 24_000 or len(sink.getvalue()) > 1_000
            yield Record(f"i{number}", "o")

    sink = io.BytesIO()
    PARQUET.write(rows(), sink)
    metadata = pq.ParquetFile(sink).metadata

    assert [metadata.row_group(n).num_rows for n in range(3)] == [10_000, 10_000, 5_000]


def test_large_rows_make_small_groups() -> None:
    sink = io.BytesIO()
    PARQUET.write((Record("i", "x" * 5_000_000) for _ in range(8)), sink)

    assert pq.ParquetFile(sink).metadata.num_row_groups == 2


@pytest.mark.parametrize("type_", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_other_kinds_of_text_are_text(type_: pa.DataType) -> None:
    texts = pa.array(["a", "b"], pa.string()).cast(type_)

    assert read(PARQUET, _file({"instruction": texts, "output": texts, "input": [None, "i"]})) == [
        Record("a", "a"),
        Record("b", "b", "i"),
    ]


def test_columns_may_bear_any_name_and_others_are_not_read() -> None:
    data = _file({"n": [1], "q": ["a"], "a": ["b"], "h": [[["u", "v"]]]})
    mapping = {"instruction": "q", "output": "a", "history": "h"}

    assert read(PARQUET, data, ReadOptions(columns=mapping)) == [
        Record("a", "b", history=(Exchange("u", "v"),))
    ]


@pytest.mark.parametrize(
    ("column", "speaker", "text", "names"),
    [("messages", "role", "content", ("user", "assistant")),
     ("conversations", "from", "value", ("human", "gpt"))],
)  # fmt: skip
def test_chats_are_known_by_their_column(
    column: str, speaker: str, text: str, names: tuple[str, str]
) -> None:
    chats = [
        [{speaker: names[0], text: "a"}, {speaker: names[1], text: "b"}] * 2,
        [{speaker: names[0], text: "a"}],
        None,
    ]
    rows = read(PARQUET, _file({"id": [1, 2, 3], column: chats}))

    assert rows[0] == Record("a", "b", history=(Exchange("a", "b"),))
    assert reasons(rows) == [None, "no_answer", "missing_column"]


def test_a_column_that_is_not_there_is_named_before_the_first_row() -> None:
    with pytest.raises(InvalidInput) as refused:
        read(PARQUET, _file({"q": ["a"], "output": ["b"]}))
    assert "no column 'instruction'; there are: 'output', 'q'" in str(refused.value.faults[0])


def test_broken_rows_are_reported_of_and_break_no_other() -> None:
    not_utf8 = pa.array([b"a", b"\xff\xfe", b"a", b"a", b"a"], pa.binary())
    instruction = pa.Array.from_buffers(pa.string(), 5, not_utf8.buffers())
    rows = read(PARQUET, _file({"instruction": instruction, "output": ["b", "b", None, "\0", "b"]}))

    assert reasons(rows) == [None, "not_utf8", "missing_column", "nul", None]
    assert isinstance(rows[1], Unreadable)
    assert (rows[1].row, rows[1].line) == (2, None)


def test_numbers_are_no_text() -> None:
    rows = read(PARQUET, _file({"instruction": [1, 2], "output": ["a", "b"]}))
    assert reasons(rows) == ["not_text", "not_text"]


def test_a_row_over_the_limit_is_reported_of() -> None:
    data = as_bytes(PARQUET, [Record("a", "b"), Record("a", "b" * 1_000)])
    assert reasons(read(PARQUET, data, ReadOptions(limits=ReadLimits(row_bytes=500)))) == [
        None,
        "too_large",
    ]


def _whole() -> bytes:
    return as_bytes(PARQUET, [Record("a", "b" * 100)] * 100)


@pytest.mark.parametrize(
    "data",
    [b"", b"PAR1", b"no such thing", _whole()[:-20], _whole()[20:], b"PAR1" + b"\0" * 50 + b"PAR1"],
    ids=["empty", "magic", "text", "cut off", "beginning lost", "zeros"],
)
def test_a_file_that_is_no_whole_parquet_file_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(PARQUET, data)
    assert refused.value.faults[0].message


def test_damage_inside_is_a_clear_problem() -> None:
    data = bytearray(_whole())
    data[10:60] = b"\xff" * 50
    with pytest.raises(InvalidInput):
        read(PARQUET, bytes(data))


def test_parquet_inside_gzip_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet.gz"
    path.write_bytes(gzip.compress(_whole()))
    with opened(path) as source, pytest.raises(InvalidInput) as refused:
        list(PARQUET.read(source))
    assert "unpack it first" in str(refused.value.faults[0])


def test_a_column_that_is_there_twice_is_refused() -> None:
    columns = [pa.array(["q"]), pa.array(["a"]), pa.array(["b"])]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, ["instruction", "output", "output"]), sink)
    with pytest.raises(InvalidInput, match="not clear"):
        read(FORMATS["parquet"], sink.getvalue())


def test_passed_over_columns_may_have_dots_in_their_names() -> None:
    columns = {"instruction": ["q"], "output": ["a"], "a.b": ["x"], "c": [{"d": 1}]}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    counted = PassedOver()
    read(FORMATS["parquet"], sink.getvalue(), ReadOptions(passed_over=counted))
    assert counted.rows == {"a.b": 1, "c": 1}


def test_a_number_that_is_none_is_no_text_even_on_request() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"instruction": ["q"], "output": [float("nan")]}), sink)
    rows = read(FORMATS["parquet"], sink.getvalue(), ReadOptions(as_text=True))
    assert reasons(rows) == ["not_text"]
