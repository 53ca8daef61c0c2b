"""No file decodes to more than its limits allow, in any format; each refusal names the number."""

import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from app.dataset_row import Record, Unreadable
from app.errors import InvalidInput, TooLarge
from app.formats.files import opened
from app.formats.formats import FORMATS
from app.formats.limits import SETTINGS, ReadLimits
from app.formats.options import ReadOptions
from tests.unit.formats.making import as_bytes, read, reasons

ROW = {"instruction": "a", "output": "b"}
LINE = json.dumps(ROW).encode() + b"\n"
TEXT_FORMATS = sorted(set(FORMATS) - {"parquet"})


def options(**limits: int) -> ReadOptions:
    return ReadOptions(limits=ReadLimits(**limits))


def refused(name: str, data: bytes, kind: type[InvalidInput], **limits: int) -> str:
    """Read what must be refused as a whole; return the message of the first fault."""
    with pytest.raises(kind) as error:
        read(FORMATS[name], data, options(**limits))
    return error.value.faults[0].message


def refused_file(path: Path, name: str, data: bytes, **limits: int) -> str:
    """Read a file that must be refused for its size, with unreadable rows passed over."""
    path.write_bytes(data)
    how = options(**limits)
    with pytest.raises(TooLarge) as error, opened(path, how.limits) as source:
        for _ in FORMATS[name].read(source, how):
            pass
    return error.value.faults[0].message


def broken(name: str, data: bytes, **limits: int) -> list[tuple[str, str]]:
    """The reason and the detail of each unreadable row."""
    rows = read(FORMATS[name], data, options(**limits))
    return [(row.reason, row.detail) for row in rows if isinstance(row, Unreadable)]


def parquet(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd", store_schema=False)
    return sink.getvalue()


def repeated(value: str, rows: int) -> pa.Array:
    """A column that holds a value once and names it in each row."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))


def repeated_chats(value: str, rows: int) -> pa.Array:
    roles = pa.DictionaryArray.from_arrays(
        pa.array([0, 1] * rows, pa.int32()), pa.array(["user", "assistant"])
    )
    turns = pa.StructArray.from_arrays([roles, repeated(value, 2 * rows)], ["role", "content"])
    return pa.ListArray.from_arrays(pa.array(range(0, 2 * rows + 1, 2), pa.int32()), turns)


def test_gzip_unpacks_to_a_number_of_bytes_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "data"
    for content in (b" " * 300_000, LINE * 10_000, b"[" + b"1," * 150_000):
        data = gzip.compress(content)
        for name in TEXT_FORMATS:
            if content.startswith(b"[") == (name in {"alpaca", "sharegpt"}):
                message = refused_file(path, name, data, decoded_bytes=200_000)
                assert message == (
                    "it decodes to more than 200,000 bytes (SEEDBED_IMPORT_MAX_DECODED_MIB)"
                )
                message = refused_file(path, name, data, any_ratio_bytes=9, ratio=20)
                assert message.startswith(f"it has {len(data):,} bytes and decodes to more than")
                assert message.endswith("over 20 times as many (SEEDBED_IMPORT_MAX_RATIO)")
    path.write_bytes(gzip.compress(LINE * 10_000))
    with opened(path) as source:
        assert len(list(FORMATS["jsonl"].read(source))) == 10_000
    assert "more than 99 bytes" in refused_file(path, "jsonl", LINE * 9, decoded_bytes=99)


def test_a_value_that_many_rows_of_parquet_name_is_not_decoded_for_each(tmp_path: Path) -> None:
    rows, value = 10_000, "x" * 1_000_000
    flat = parquet({"instruction": repeated("a", rows), "output": repeated(value, rows)})
    chats = parquet({"messages": repeated_chats(value, rows)})
    # More rows than memory has place for, within the limits: read one after the other.
    few = parquet({"instruction": repeated("a", 300), "output": repeated(value, 300)})
    few_chats = parquet({"messages": repeated_chats(value, 100)})
    peak = 0
    default = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(default)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    for data in (flat, chats):
        assert len(data) < 2_000
        message = refused_file(tmp_path / "data", "parquet", data)
        assert message.startswith(f"it has {len(data):,} bytes and decodes to more than 67,108,864")
    for data, count in ((few, 300), (few_chats, 100)):
        source = FORMATS["parquet"].read(io.BytesIO(data), options(any_ratio_bytes=10**9))
        assert sum(1 for row in source if isinstance(row, Record)) == count
        peak = max(peak, tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    pa.set_memory_pool(default)
    assert peak < 40_000_000
    assert 0 < pool.max_memory() < 100_000_000


def test_what_the_footer_of_parquet_claims_is_checked_before_it_is_read() -> None:
    rows = parquet({"instruction": repeated("a", 5_000), "output": repeated("b", 5_000)})
    assert refused("parquet", rows, TooLarge, rows=4_999) == (
        "it has more than 4,999 rows (SEEDBED_IMPORT_MAX_ROWS)"
    )
    assert len(read(FORMATS["parquet"], rows, options(rows=5_000))) == 5_000
    lists = pa.array([[["", ""]] * 200_000])
    many = parquet({"instruction": ["a"], "output": ["b"], "history": lists})
    assert "decodes to more than 1,000,000" in refused(
        "parquet", many, TooLarge, any_ratio_bytes=1_000_000, ratio=1
    )


def test_a_row_of_parquet_over_the_limit_is_not_decoded() -> None:
    table = {"instruction": ["a", "b"], "output": repeated("x" * 6_000_000, 2), "input": ["", ""]}
    assert (
        broken("parquet", parquet(table), row_bytes=1_000_000)
        == [("too_large", "larger than 1,000,000 bytes (SEEDBED_IMPORT_MAX_ROW_MIB)")] * 2
    )


def test_rows_are_counted_in_every_format() -> None:
    records = [Record(f"a{n}", "b") for n in range(20)]
    for name, format_ in FORMATS.items():
        data = as_bytes(format_, records)
        assert refused(name, data, TooLarge, rows=19) == (
            "it has more than 19 rows (SEEDBED_IMPORT_MAX_ROWS)"
        )
        assert len(read(format_, data, options(rows=20))) == 20


def test_rows_that_cannot_be_read_are_counted() -> None:
    for name, data in (("alpaca", b"[1" + b",1" * 19 + b"]"), ("jsonl", b"1\n" * 20)):
        assert refused(name, data, TooLarge, unreadable_rows=19) == (
            "more than 19 of its rows cannot be read (SEEDBED_IMPORT_MAX_UNREADABLE_ROWS)"
        )
        assert (
            reasons(read(FORMATS[name], data, options(unreadable_rows=20))) == ["not_object"] * 20
        )


def test_empty_lines_are_counted() -> None:
    for name, before in (("jsonl", LINE), ("csv", b"instruction,output\na,b\n")):
        data = before + b"\n" * 1_000_002
        assert refused(name, data, TooLarge) == "it has 1,000,002 empty lines and 1 rows"


def test_columns_are_counted() -> None:
    names = [f"column_{n}" for n in range(98)]
    header = ",".join(["instruction", "output", *names])
    data = f"{header}\n{'x,' * 99}x\n".encode()
    wide = dict.fromkeys(["instruction", "output", *names], "x")
    table = parquet({name: ["x"] for name in wide})
    message = "it has 100 columns; at most 99 are read (SEEDBED_IMPORT_MAX_COLUMNS)"
    for name, file in (("csv", data), ("parquet", table)):
        assert refused(name, file, InvalidInput, columns=99) == message
        assert reasons(read(FORMATS[name], file, options(columns=100))) == [None]
    line = json.dumps(wide).encode()
    assert broken("jsonl", line, columns=99) == [
        ("too_many_columns", "100 columns; at most 99 are read (SEEDBED_IMPORT_MAX_COLUMNS)")
    ]
    assert broken("jsonl", line, columns=100) == []


def test_a_header_of_very_many_columns_is_refused_at_once() -> None:
    header = ",".join(f"c{n}" for n in range(200_000)).encode()
    assert refused("csv", header, InvalidInput, columns=10**6).startswith("there is no column")
    assert refused("csv", header, InvalidInput).startswith("it has 200,000 columns; at most 1,000")


def test_nesting_is_counted_outside_of_texts() -> None:
    for levels, extra in ((10, ""), (9, "[" * 50 + '\\"')):
        nested = '{"a":' * levels + "1" + "}" * levels
        row = json.dumps({**ROW, "b": extra})[:-1] + f', "x": {nested}}}'
        for name, file in (("jsonl", row), ("alpaca", f"[{row}]")):
            found = broken(name, file.encode(), nesting=10)
            assert found == [
                ("too_deep", "nested deeper than 10 levels (SEEDBED_IMPORT_MAX_NESTING)")
            ] * (levels == 10)
            assert broken(name, file.encode(), nesting=11) == []


def test_the_values_of_a_row_are_counted_before_they_take_memory() -> None:
    for value in ("[]", "1"):
        row = b'{"instruction": "a", "output": "b", "x": [' + f"{value},".encode() * 1_000_001
        row += b"1]}"
        assert broken("jsonl", row) == [("too_large", "more than 1,000,000 values")]
        if value != "1":
            assert "1,000,000 values" in refused("alpaca", b"[" + row + b"]", InvalidInput)
    text = json.dumps({**ROW, "output": "[,{" * 1_000_001}).encode()
    assert broken("jsonl", text) == broken("alpaca", b"[" + text + b"]") == []


def test_names_that_files_give_do_not_fill_the_message() -> None:
    row = json.dumps({"x" * 100_000: 1, "y" * 100_000: 2}).encode()
    with pytest.raises(InvalidInput) as error:
        read(FORMATS["jsonl"], row)
    assert len(error.value.faults[0].message) < 400


def test_every_limit_names_its_setting() -> None:
    assert set(SETTINGS) == set(ReadLimits.__dataclass_fields__) - {"any_ratio_bytes"}
