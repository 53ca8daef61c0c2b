"""A hundred hostile uploads of 1 KB to 1 MB, made anew: bombs by each format and compression."""

import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyarrow import parquet as pq

COUNT = 100
_ROW = b'{"instruction": "a", "input": "", "output": "b"}'
_CHAT = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
_LINES = ("alpaca_jsonl", "jsonl", "messages", "prompt_completion")


@dataclass(frozen=True, slots=True)
class HostileUpload:
    """A request that must be answered without harm to anyone else."""

    name: str
    content: bytes = field(repr=False)
    path: str = "/v1/datasets/import"
    params: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/octet-stream"


def hostile_uploads() -> list[HostileUpload]:
    """Make them; each is different from the others, so none is taken for a repetition."""
    made = [*_compressed(), *_parquet(), *_plain(), *_seed_sets()]
    sizes = [len(one.content) for one in made]
    assert len(made) == COUNT, len(made)
    assert max(sizes) <= 1_400_000, max(sizes)
    return made


def _upload(name: str, format_: str, content: bytes, **options: str) -> HostileUpload:
    dataset = "".join(c if c.isalnum() else "-" for c in name)
    params = {"name": dataset, "format": format_, **options}
    return HostileUpload(f"{name} as {format_}", content, params=params)


def _bomb(piece: bytes, megabytes: int, first: bytes = b"") -> bytes:
    """Compress a piece repeated to a number of megabytes, without holding them."""
    block = piece * max(1, 1_000_000 // len(piece))
    # A gzip file may have any number of members.
    return gzip.compress(first) + gzip.compress(block, 6) * megabytes


def _compressed() -> Iterator[HostileUpload]:
    """Bombs in gzip: 54."""
    for format_ in (*_LINES, "csv", "alpaca", "sharegpt"):
        first = b"[" if format_ in {"alpaca", "sharegpt"} else b""
        first = b"instruction,output\na,b\n" if format_ == "csv" else first
        yield _upload("3 MB of newlines", format_, _bomb(b"\n", 3, first))
        yield _upload("300 MB of newlines", format_, _bomb(b"\n", 300, first))
        yield _upload("300 MB of spaces", format_, _bomb(b" ", 300, first))
        yield _upload("300 MB in quotes", format_, _bomb(b"x", 300, first + b'"'))
        yield _upload("300 MB of brackets", format_, _bomb(b"[", 300, first))
        yield _upload("20 MB of commas", format_, _bomb(b",", 20, first), skip_unreadable="true")
        twice = gzip.compress(_bomb(b"\n", 100, first))
        yield _upload("gzip in gzip", format_, twice)
    yield _upload("5 MB of rows", "jsonl", _bomb(_ROW + b"\n", 5))
    yield _upload("5 MB of chats", "messages", _bomb(_CHAT + b"\n", 5))
    yield _upload("a list without end", "alpaca", _bomb(_ROW + b",", 300, b"["))
    row = b'{"instruction": "a", "output": "' + "\U0001f331".encode() + b"x" * 15_000_000 + b'"}\n'
    yield _upload("rows of 15 MB", "jsonl", _bomb(row, 4))
    values = b'{"instruction": "a", "output": "b", "x": [' + b"{}," * 5_000_000 + b"1]}\n"
    yield _upload("rows of 5,000,000 objects", "jsonl", _bomb(values, 1), skip_unreadable="true")


def _repeated(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([value]))


def _parquet_file(columns: dict[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    options.setdefault("compression", "zstd")
    pq.write_table(pa.table(columns), sink, store_schema=False, **options)
    return sink.getvalue()


def _parquet() -> Iterator[HostileUpload]:
    """Parquet of every compression: 20."""
    for rows in (10_000, 100_000, 1_000_000):
        value = _repeated("x" * 1_000_000, rows)
        file = _parquet_file({"instruction": _repeated("a", rows), "output": value})
        yield _upload(f"1 MB in {rows} rows", "parquet", file)
    sizes = {"none": 10_000, "snappy": 3_000_000}
    for compression in ("snappy", "gzip", "brotli", "lz4", "zstd", "none"):
        text = pa.array(["x" * sizes.get(compression, 10_000_000)] * 6)
        columns = {"instruction": ["a"] * 6, "output": text}
        file = _parquet_file(columns, compression=compression, use_dictionary=False)
        yield _upload(f"large pages in {compression}", "parquet", file)
        file = _parquet_file({"instruction": _repeated("a", 20_000), "output": _repeated("y" * 50_000, 20_000)}, compression=compression)  # fmt: skip  # noqa: E501
        yield _upload(f"dictionary in {compression}", "parquet", file)
    turns = pa.StructArray.from_arrays(
        [_repeated("user", 20_000), _repeated("x" * 1_000_000, 20_000)], ["role", "content"]
    )
    chats = pa.ListArray.from_arrays(pa.array(range(0, 20_001, 2), pa.int32()), turns)
    yield _upload("chats of one text", "parquet", _parquet_file({"messages": chats}))
    wide = _parquet_file({f"c{n}": ["x"] for n in range(1_500)})
    yield _upload("1,500 columns", "parquet", wide)
    lists = pa.array([[["", ""]] * 2_000_000])
    history = _parquet_file({"instruction": ["a"], "output": ["b"], "history": lists})
    yield _upload("a row of 4,000,000 texts", "parquet", history)
    good = _parquet_file({"instruction": ["a"] * 10, "output": ["b"] * 10})
    yield _upload("a footer of nonsense", "parquet", good[:-40] + b"\xff" * 32 + good[-8:])
    yield _upload("a footer longer than the file", "parquet", good[:-8] + b"\xff\xff\xff\x7fPAR1")


def _plain() -> Iterator[HostileUpload]:
    """Files that are not compressed: 19."""
    for format_ in _LINES:
        yield _upload("a million newlines", format_, b"\n" * 1_000_000)
        deep = b'{"x": ' + b"[" * 400_000 + b"]" * 400_000 + b"}\n"
        yield _upload("400,000 levels", format_, deep)
    yield _upload("400,000 levels", "alpaca", b"[" + b"[" * 400_000 + b"]" * 400_000 + b"]")
    yield _upload("300,000 empty rows", "alpaca", b"[" + b"{}," * 300_000 + b"{}]", skip_unreadable="true")  # noqa: E501  # fmt: skip
    yield _upload("a million commas", "alpaca", b"[" + b"," * 900_000 + b"]", skip_unreadable="true")  # noqa: E501  # fmt: skip
    header = ",".join(f"c{n}" for n in range(40_000)).encode()
    yield _upload("40,000 columns", "csv", header + b"\n")
    yield _upload("one column 40,000 times", "csv", b"c," * 40_000 + b"c\n")
    yield _upload("a row of 900,000 cells", "csv", b"instruction,output\n" + b"," * 900_000)
    yield _upload("an open quote", "csv", b'instruction,output\na,"' + b"\n" * 900_000)
    keys = ", ".join(f'"k{n}": 1' for n in range(60_000)).encode()
    yield _upload("60,000 keys", "jsonl", b"{" + keys + b"}\n")
    yield _upload("a number of 900,000 digits", "jsonl", b'{"x": ' + b"9" * 900_000 + b"}\n")
    yield _upload("a fraction of 900,000 digits", "jsonl", b'{"x": 0.' + b"9" * 900_000 + b"}\n")
    html = '{"conversations": [{"from": "human", "value": "' + "<b>" * 20_000 + '</b>"}, '
    html += '{"from": "gpt", "value": "a"}]}'
    yield _upload("20,000 tags", "sharegpt", html.encode(), vicuna="true")


def _seed_sets() -> Iterator[HostileUpload]:
    """Bodies of other routes: 7."""
    bodies = {
        "a million newlines": b"\n" * 1_000_000,
        "330,000 numbers in lines": b"0\n" * 330_000,
        "400,000 levels": b"[" * 400_000 + b"]" * 400_000,
        "330,000 objects": b"[" + b"{}," * 330_000 + b"{}]",
        "40,000 columns": b"instruction,output," + b"c," * 300_000 + b"\n",
    }
    for name, body in bodies.items():
        yield HostileUpload(f"seeds: {name}", body, "/v1/seed-sets", {}, "application/jsonl")
    tasks = json.dumps({"seed_tasks": [0] * 300_000}).encode()
    yield HostileUpload("a run with 300,000 tasks", tasks, "/v1/runs", {}, "application/json")
    fields = json.dumps({f"k{n}": 1 for n in range(60_000)}).encode()
    yield HostileUpload("a run with 60,000 fields", fields, "/v1/runs", {}, "application/json")
