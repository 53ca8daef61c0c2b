"""What is written is read by those who will read it: pandas, datasets, TRL."""

import json
from pathlib import Path

import pandas as pd
import pytest

from app.dataset_row import Record
from app.formats.formats import FORMATS
from app.formats.options import ParquetOptions
from tests.unit.formats.child import Child
from tests.unit.formats.making import CHATS, GOLDEN, as_bytes

RECORDS = [*GOLDEN, Record("a\rb", "\u2029c\x85d\x0be", "\ufefff")]


def _written(folder: Path, name: str, records: list[Record]) -> Path:
    path = folder / f"data{FORMATS[name].suffix}"
    path.write_bytes(as_bytes(FORMATS[name], records))
    return path


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


@pytest.mark.parametrize(
    ("name", "builder"),
    [("alpaca", "json"), ("alpaca_jsonl", "json"), ("csv", "csv"), ("parquet", "parquet")],
)
def test_datasets_reads_the_three_columns(
    datasets_library: Child, tmp_path: Path, name: str, builder: str
) -> None:
    path = _written(tmp_path, name, RECORDS)
    rows = datasets_library.ask(builder, str(path))["train"]
    texts = [[row["instruction"], row["input"] or "", row["output"] or ""] for row in rows]

    assert texts == [[record.instruction, record.input, record.output] for record in RECORDS]


@pytest.mark.parametrize("name", ["messages", "sharegpt", "jsonl"])
def test_datasets_reads_chats(datasets_library: Child, tmp_path: Path, name: str) -> None:
    # One without earlier turns first: what readers infer from it must fit the others.
    path = _written(tmp_path, name, [*RECORDS, *CHATS])
    rows = datasets_library.ask("json", str(path))["train"]

    assert len(rows) == len(RECORDS) + len(CHATS)
    if name == "jsonl":
        assert rows[-1]["history"] == [["a", "b"], ["c", "d"]]
    else:
        assert [len(next(iter(row.values()))) for row in rows] == [2] * len(RECORDS) + [5, 6]


@pytest.mark.parametrize(
    ("name", "conversational"), [("messages", True), ("prompt_completion", False)]
)
def test_trl_knows_what_is_a_conversation(
    trl: Child, tmp_path: Path, name: str, conversational: bool
) -> None:
    records = [*RECORDS, *CHATS] if conversational else RECORDS
    path = _written(tmp_path, name, records)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    assert [answer[:2] for answer in trl.ask(rows)] == [[conversational, False]] * len(records)


def test_trl_finds_sharegpt_s_shape_and_keeps_its_names_of_the_two_sides(
    trl: Child, tmp_path: Path
) -> None:
    path = _written(tmp_path, "sharegpt", [CHATS[1]])
    ((_, is_one, converted),) = trl.ask(json.loads(path.read_text(encoding="utf-8")))

    assert is_one is True
    (turns,) = converted.values()
    assert [(turn["role"], turn["content"]) for turn in turns][-2:] == [
        ("human", "Two turns."),
        ("gpt", "Yes."),
    ]


def test_pandas_reads_chat_columns_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "chats.parquet"
    path.write_bytes(as_bytes(FORMATS["parquet"], CHATS, ParquetOptions(chat_columns=True)))

    assert list(pd.read_parquet(path)["system"]) == ["Be brief.", ""]
