"""What is written is read by those who will read it: pandas, datasets, TRL."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from app.formats.formats import FORMATS
from app.formats.options import WriteOptions
from app.record import Record
from tests.unit.formats.making import CHATS, GOLDEN, as_bytes

RECORDS = [*GOLDEN, Record("a\rb", "\u2029c\x85d\x0be", "\ufefff")]


def _written(folder: Path, name: str, records: list[Record]) -> Path:
    path = folder / f"data{FORMATS[name].suffix}"
    path.write_bytes(as_bytes(FORMATS[name], records))
    return path


def _program(code: str, *arguments: str, cache: Path) -> Any:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["alpaca", "alpaca_jsonl", "csv", "parquet"])
def test_pandas_reads_the_three_columns(tmp_path: Path, name: str) -> None:
    path = _written(tmp_path, name, RECORDS)
    frame = {
        "alpaca": lambda: pd.read_json(path),
        "alpaca_jsonl": lambda: pd.read_json(path, lines=True),
        # An empty text would be read as a missing one.
        "csv": lambda: pd.read_csv(path, keep_default_na=False),
        "parquet": lambda: pd.read_parquet(path),
    }[name]()

    assert list(frame.columns) == ["instruction", "input", "output"]
    assert [Record(*row) for row in frame[["instruction", "output", "input"]].values] == RECORDS


_LOAD = """
import json, sys, datasets
datasets.disable_progress_bars()
data = datasets.load_dataset(sys.argv[1], data_files=sys.argv[2], split="train")
print(json.dumps(data.to_list()))
"""


@pytest.mark.parametrize(
    ("name", "builder"),
    [("alpaca", "json"), ("alpaca_jsonl", "json"), ("csv", "csv"), ("parquet", "parquet")],
)
def test_datasets_reads_the_three_columns(tmp_path: Path, name: str, builder: str) -> None:
    path = _written(tmp_path, name, RECORDS)
    rows = _program(_LOAD, builder, str(path), cache=tmp_path / "cache")
    texts = [[row["instruction"], row["input"] or "", row["output"] or ""] for row in rows]

    assert texts == [[record.instruction, record.input, record.output] for record in RECORDS]


@pytest.mark.parametrize("name", ["messages", "sharegpt", "jsonl"])
def test_datasets_reads_chats(tmp_path: Path, name: str) -> None:
    # One without earlier turns first: what readers infer from it must fit the others.
    path = _written(tmp_path, name, [*RECORDS, *CHATS])
    rows = _program(_LOAD, "json", str(path), cache=tmp_path / "cache")

    assert len(rows) == len(RECORDS) + len(CHATS)
    if name == "jsonl":
        assert rows[-1]["history"] == [["a", "b"], ["c", "d"]]
    else:
        assert [len(next(iter(row.values()))) for row in rows] == [2] * len(RECORDS) + [5, 6]


_TRL = """
import json, sys
from trl import data_utils
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
print(json.dumps([
    [data_utils.is_conversational(row), data_utils.is_conversational_from_value(row)]
    for row in rows
]))
"""


@pytest.mark.parametrize(
    ("name", "conversational"), [("messages", True), ("prompt_completion", False)]
)
def test_trl_knows_what_is_a_conversation(tmp_path: Path, name: str, conversational: bool) -> None:
    records = [*RECORDS, *CHATS] if conversational else RECORDS
    path = _written(tmp_path, name, records)
    answers = _program(_TRL, str(path), cache=tmp_path / "cache")

    assert answers == [[conversational, False]] * len(records)


def test_trl_finds_sharegpt_s_shape_and_keeps_its_names_of_the_two_sides(tmp_path: Path) -> None:
    program = """
import json, sys
from trl import data_utils
rows = json.load(open(sys.argv[1], encoding="utf-8"))
print(json.dumps([
    [data_utils.is_conversational_from_value(row), data_utils.maybe_convert_to_chatml(row)]
    for row in rows
]))
"""
    path = _written(tmp_path, "sharegpt", [CHATS[1]])
    ((is_one, converted),) = _program(program, str(path), cache=tmp_path / "cache")

    assert is_one is True
    (turns,) = converted.values()
    assert [(turn["role"], turn["content"]) for turn in turns][-2:] == [
        ("human", "Two turns."), ("gpt", "Yes."),
    ]  # fmt: skip


def test_pandas_reads_chat_columns_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "chats.parquet"
    path.write_bytes(as_bytes(FORMATS["parquet"], CHATS, WriteOptions(chat_columns=True)))

    assert list(pd.read_parquet(path)["system"]) == ["Be brief.", ""]
