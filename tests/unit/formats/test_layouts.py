"""The layouts of JSON and CSV that people have, and the kinds of files that are named."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path

import pytest

from app.dataset_row import Record, Unreadable
from app.errors import InvalidInput
from app.formats.files import opened
from app.formats.formats import FORMATS
from tests.unit.formats.making import read, reasons

ROWS = [{"instruction": f"q{n}", "output": "a"} for n in range(3)]
RECORDS = [Record(f"q{n}", "a") for n in range(3)]
CHATS = [[{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": "a"}]
         for n in range(3)]  # fmt: skip
ONE, TWO, THREE = (json.dumps(row) for row in ROWS)
PRETTY = "\n".join(json.dumps(row, indent=2) for row in ROWS)
VIEWER = {
    "features": [{"feature_idx": 0, "name": "instruction"}],
    "rows": [{"row_idx": n, "row": row, "truncated_cells": []} for n, row in enumerate(ROWS)],
    "num_rows_total": 3,
}

READ: list[tuple[str, str]] = [
    ("alpaca", json.dumps(ROWS)),
    ("alpaca", f"{ONE}\n{TWO}\n{THREE}\n"),
    ("alpaca_jsonl", json.dumps(ROWS, indent=2)),
    ("jsonl", f"\ufeff{PRETTY}"),
    ("alpaca", f"{PRETTY}\n\n"),
    ("alpaca", PRETTY.replace("\n", "\r\n")),
    ("alpaca", f"{ONE}{TWO} {THREE}"),
    ("alpaca", json.dumps({"data": ROWS})),
    ("alpaca", json.dumps({"version": "1", "data": ROWS, "size": {"rows": 3}}, indent=1)),
    ("alpaca", json.dumps({"train": ROWS})),
    ("alpaca", json.dumps(VIEWER)),
    ("messages", json.dumps([{"messages": chat} for chat in CHATS])),
    ("messages", json.dumps(CHATS)),
    ("messages", "\n".join(map(json.dumps, CHATS))),
    ("messages", json.dumps({"conversations": [{"id": 1, "messages": c} for c in CHATS]})),
    ("messages", "\n".join(json.dumps({"conversation": c}, indent=1) for c in CHATS)),
    ("sharegpt", json.dumps([{"conversations": [f"q{n}", "a"]} for n in range(3)])),
    ("sharegpt", json.dumps([{"id": "0", "data": [f"q{n}", "a"]} for n in range(3)])),
    ("messages", json.dumps(
        [{"conversation": [{"input": f"q{n}", "output": "a"}]} for n in range(3)])),
    ("prompt_completion", json.dumps([{"prompt": f"q{n}", "completion": "a"} for n in range(3)])),
    ("csv", "instruction;output\nq0;a\nq1;a\nq2;a\n"),
    ("csv", "instruction\toutput\r\nq0\ta\r\nq1\ta\r\nq2\ta\r\n"),
    ("csv", "\ufeffinstruction;output;note\nq0;a;1,5\nq1;a;\nq2;a;x\n"),
    ("csv", "sep=;\ninstruction;output\nq0;a\nq1;a\nq2;a\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), READ, ids=lambda text: text[:40])
def test_rows_are_read_from_the_layouts_that_people_have(
    name: str, text: str, tmp_path: Path
) -> None:
    assert read(FORMATS[name], text.encode()) == RECORDS
    packed = tmp_path / "named.json"
    packed.write_bytes(gzip.compress(text.encode()))
    with opened(packed) as source:
        assert list(FORMATS[name].read(source)) == RECORDS


def test_one_conversation_over_several_lines_is_one_row() -> None:
    for data in (CHATS[0], {"messages": CHATS[0]}):
        for indent in (None, 2):
            text = json.dumps(data, indent=indent)
            assert read(FORMATS["messages"], text.encode()) == [RECORDS[0]]


def test_a_large_list_inside_an_object_is_read_piece_by_piece() -> None:
    rows = [{"instruction": f"{n} " + "x" * 40_000, "output": "a"} for n in range(100)]
    data = json.dumps({"about": {"licence": "mit"}, "data": rows}, indent=1).encode()
    assert len(read(FORMATS["alpaca"], data)) == 100
    pretty = "\n".join(json.dumps(row, indent=1) for row in rows).encode()
    assert len(read(FORMATS["alpaca"], pretty)) == 100


def _zipped(name: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(name, json.dumps(ROWS))
    return sink.getvalue()


TEXT = json.dumps(ROWS).encode()
REFUSED: list[tuple[str, bytes, str]] = [
    ("alpaca", _zipped("a.json"), "ZIP"),
    ("alpaca", _zipped("[Content_Types].xml"), "workbook"),
    ("alpaca", bz2.compress(TEXT), "bzip2"),
    ("alpaca", lzma.compress(TEXT), "xz"),
    ("alpaca", lzma.compress(TEXT, format=lzma.FORMAT_ALONE), "LZMA"),
    ("alpaca", b"\x28\xb5\x2f\xfd\x04\x58", "zstd -d"),
    ("messages", b"7z\xbc\xaf\x27\x1c\x00", "7-Zip"),
    ("csv", b"Rar!\x1a\x07\x00", "RAR"),
    ("csv", b"x" * 257 + b"ustar\x00", "tar"),
    ("parquet", b"ARROW1\x00\x00", "Feather"),
    ("alpaca", b"%PDF-1.7\n", "PDF"),
    ("alpaca", b"\n<!DOCTYPE html><html>", "web page"),
    ("jsonl", b"\x80\x04\x95", "pickle"),
    ("parquet", b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    ("alpaca", TEXT.decode().encode("utf-16"), "UTF-16"),
    ("alpaca", TEXT.decode().encode("utf-16-le"), "UTF-16"),
    ("alpaca", TEXT.decode().encode("utf-16-be"), "UTF-16"),
    ("csv", "instruction,output\n".encode("utf-32"), "UTF-32"),
    ("csv", "instruction,output\n".encode("utf-32-be"), "UTF-32"),
    ("csv", TEXT, "it is JSON"),
    ("alpaca", b"PAR1\x15\x04", "Parquet"),
    ("alpaca", b'{"instruction": {"0": "q"}, "output": {"0": "a"}}', "column by column"),
    ("alpaca", b'{"instruction": ["q", "r"], "output": ["a", "b"]}', "column by column"),
    ("alpaca", b'{"columns": ["instruction"], "index": [0], "data": [["q"]]}', "orient='split'"),
    ("alpaca", b'{"0": {"instruction": "q"}, "1": {"instruction": "r"}}', "under keys"),
    ("alpaca", json.dumps({"train": ROWS, "test": ROWS}).encode(), "another list of rows, 'test'"),
    ("alpaca", f"{ONE},\n{TWO}\n".encode(), "with commas"),
    ("alpaca", json.dumps({"data": ROWS}).encode()[:-1], "not whole"),
    ("alpaca", b'[{"prompt": "q", "response": "a"}]',
     """--columns '{"instruction": "prompt", "output": "response", "input": null}'"""),
    ("alpaca", b'[{"kind": "NLI", "input": "q", "target": "a"}]',
     """--columns '{"instruction": "input", "output": "target", "input": null}'"""),
    ("csv", b"system_prompt;question;response\n",
     """"system": "system_prompt"}'"""),
    ("alpaca", b'[{"prompt": "q", "chosen": "a", "rejected": "b"}]', "pairs of answers"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "words"), REFUSED, ids=lambda one: str(one)[:30])
def test_what_is_not_read_is_named(name: str, data: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(FORMATS[name], data)
    assert words in refused.value.faults[0].message


def test_rows_over_several_lines_keep_their_line() -> None:
    pretty = json.dumps({"instruction": "q", "output": None}, indent=2)
    rows = read(FORMATS["alpaca"], f"{PRETTY}\n\n{pretty}".encode())
    assert rows[:3] == RECORDS
    assert isinstance(rows[3], Unreadable)
    assert (rows[3].row, rows[3].line) == (4, 14)


def test_a_broken_line_breaks_no_other_line() -> None:
    for broken in ('{"instruction": "q', '{"instruction": "q", "output": ', "{", '{"a": 1} x'):
        rows = read(FORMATS["alpaca"], f"{broken}\n{ONE}\n{TWO}\n".encode())
        assert reasons(rows)[1:] == [None, None], broken


def test_what_the_viewer_of_the_hub_has_cut_off_is_refused() -> None:
    rows = [{"row_idx": 0, "row": ROWS[0], "truncated_cells": ["output"]}]
    assert reasons(read(FORMATS["alpaca"], json.dumps({"rows": rows}).encode())) == ["truncated"]


@pytest.mark.parametrize(("name", "taken"), [("messages", "q0"), ("sharegpt", "q1")])
def test_of_two_lists_of_turns_the_one_of_the_format_is_read(name: str, taken: str) -> None:
    row = {"conversations": CHATS[1], "messages": CHATS[0]}
    for columns in (row, dict(reversed(row.items()))):
        assert read(FORMATS[name], json.dumps([columns]).encode()) == [Record(taken, "a")]


def test_a_ranking_of_answers_is_named_in_its_row() -> None:
    (row,) = read(FORMATS["alpaca"], b'[{"instruction": "q", "output": ["a", "b"]}]')
    assert isinstance(row, Unreadable)
    assert row.reason == "not_text"
    assert "ranked answers" in row.detail
