"""A folder for the hub: loaded by datasets, described for trainers, whole or not there."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from app.dataset_row import DatasetRow, Record
from app.errors import Conflict, InvalidInput
from app.formats.hub.folder import FolderContent, write_hub_folder
from app.formats.hub.trainers import FORMAT_NAMES
from app.formats.options import ParquetOptions
from tests.unit.formats.child import Child
from tests.unit.formats.making import CHATS, GOLDEN

Loaded: TypeAlias = Callable[[Path], dict[str, list[dict[str, Any]]]]
CARD = "---\nlicense: apache-2.0\n---\n\n# Colours\n"
CONTENT = FolderContent(
    name="colours",
    card=CARD,
    splits={"train": GOLDEN[:3], "test": GOLDEN[3:]},
    provenance=[DatasetRow(n, record) for n, record in enumerate(GOLDEN)],
    facts={"version": 3, "licences": ["apache-2.0"]},
)
CHAT_TABLE = replace(
    CONTENT, splits={"train": CHATS}, options=ParquetOptions(chat_columns=True), provenance=None
)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def loaded(datasets_library: Child) -> Loaded:
    """Load a folder as its users do."""
    return lambda folder: datasets_library.ask(str(folder))


def _task(record: Record) -> dict[str, str]:
    return {"instruction": record.instruction, "input": record.input, "output": record.output}


@pytest.mark.parametrize("format_name", ["parquet", "alpaca_jsonl"])
def test_datasets_loads_both_splits(loaded: Loaded, tmp_path: Path, format_name: str) -> None:
    folder = tmp_path / "colours"
    write_hub_folder(folder, replace(CONTENT, format_name=format_name))

    assert loaded(folder) == {
        "train": [_task(record) for record in GOLDEN[:3]],
        "test": [_task(record) for record in GOLDEN[3:]],
    }


def test_datasets_loads_messages_and_prompts(loaded: Loaded, tmp_path: Path) -> None:
    chats = replace(CONTENT, splits={"train": [*GOLDEN, CHATS[0]]}, format_name="messages")
    write_hub_folder(tmp_path / "m", chats)
    (rows,) = loaded(tmp_path / "m").values()
    assert rows[1]["messages"][0] == {"role": "user", "content": GOLDEN[1].request}
    assert [turn["role"] for turn in rows[4]["messages"]] == ["system", *["user", "assistant"] * 2]

    write_hub_folder(tmp_path / "p", replace(CONTENT, format_name="prompt_completion"))
    assert loaded(tmp_path / "p")["train"] == [
        {"prompt": record.request, "completion": record.output} for record in GOLDEN[:3]
    ]


@pytest.mark.parametrize("format_name", ["parquet", "jsonl"])
def test_datasets_loads_a_table_of_chats(loaded: Loaded, tmp_path: Path, format_name: str) -> None:
    folder = tmp_path / "chats"
    content = replace(CHAT_TABLE, format_name=format_name, splits={"train": [*GOLDEN, *CHATS]})
    write_hub_folder(folder, content)
    (rows,) = loaded(folder).values()

    assert [row["system"] for row in rows] == [record.system for record in [*GOLDEN, *CHATS]]
    assert rows[0]["history"] == []
    assert rows[5]["history"] == [["a", "b"], ["c", "d"]]


def test_the_manifest_tells_rows_bytes_and_hashes_of_every_file(tmp_path: Path) -> None:
    folder = tmp_path / "colours"
    manifest = write_hub_folder(folder, CONTENT)
    files = _files(folder)

    assert json.loads(files.pop("manifest.json")) == manifest
    assert manifest["rows"] == {"train": 3, "test": 1}
    assert (manifest["version"], manifest["name"]) == (3, "colours")
    assert {file["path"]: (file["bytes"], file["sha256"]) for file in manifest["files"]} == {
        path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items()
    }
    assert {file["path"]: file["rows"] for file in manifest["files"]} == {
        "data/train-00000-of-00001.parquet": 3,
        "data/test-00000-of-00001.parquet": 1,
        "provenance.jsonl": 4,
        "README.md": None,
        "dataset_info.json": None,
        "axolotl.yaml": None,
    }
    assert files["README.md"].decode() == CARD
    assert len(files["provenance.jsonl"].splitlines()) == 4


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    write_hub_folder(tmp_path / "one", CONTENT)
    write_hub_folder(tmp_path / "two", CONTENT)

    assert _files(tmp_path / "one") == _files(tmp_path / "two")


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
def test_trainers_are_reported_of_columns_that_are_there(
    loaded: Loaded, tmp_path: Path, format_name: str
) -> None:
    folder = tmp_path / "colours"
    write_hub_folder(folder, replace(CONTENT, format_name=format_name))
    entries = json.loads((folder / "dataset_info.json").read_text())
    stanza = yaml.safe_load((folder / "axolotl.yaml").read_text())
    (row, *_) = loaded(folder)["train"]

    assert list(entries) == ["colours", "colours_test"]
    for entry in entries.values():
        assert (folder / entry["file_name"]).is_file()
        assert set(entry["columns"].values()) <= set(row)
        assert entry["formatting"] == ("sharegpt" if format_name == "messages" else "alpaca")
    if format_name == "jsonl":
        assert stanza is None
        return
    assert list(stanza) == ["datasets", "test_datasets"]
    for (one,), entry in zip(stanza.values(), entries.values(), strict=True):
        assert one["path"] == entry["file_name"]
        assert one["ds_type"] == ("parquet" if format_name == "parquet" else "json")


def test_llama_factory_is_reported_the_names_of_the_two_sides(tmp_path: Path) -> None:
    write_hub_folder(tmp_path / "x", replace(CONTENT, format_name="messages"))

    assert json.loads((tmp_path / "x" / "dataset_info.json").read_text())["colours"] == {
        "file_name": "data/train-00000-of-00001.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user",
                 "assistant_tag": "assistant", "system_tag": "system"},
    }  # fmt: skip


def test_axolotl_gets_no_stanza_that_would_train_on_the_last_turns_alone(tmp_path: Path) -> None:
    write_hub_folder(tmp_path / "x", CHAT_TABLE)

    assert yaml.safe_load((tmp_path / "x" / "axolotl.yaml").read_text()) is None
    entry = json.loads((tmp_path / "x" / "dataset_info.json").read_text())["colours"]
    assert entry["columns"]["history"] == "history"


def test_a_split_without_rows_has_no_file(tmp_path: Path) -> None:
    manifest = write_hub_folder(
        tmp_path / "x", replace(CONTENT, splits={"train": GOLDEN, "test": []})
    )
    assert manifest["rows"] == {"train": 4}
    assert list(json.loads((tmp_path / "x" / "dataset_info.json").read_text())) == ["colours"]


def _breaks_in_the_middle() -> Iterator[Record]:
    yield GOLDEN[0]
    raise RuntimeError("the database went away")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (replace(CONTENT, splits={"train": _breaks_in_the_middle()}), RuntimeError),
        (replace(CONTENT, splits={"train": GOLDEN, "test": CHATS}), InvalidInput),
        (replace(CONTENT, splits={"train": []}), InvalidInput),
        (replace(CONTENT, splits={}), InvalidInput),
        (replace(CONTENT, name="../colours"), InvalidInput),
        (replace(CONTENT, format_name="csv"), InvalidInput),
    ],
    ids=["breaks", "chats", "no rows", "no splits", "name", "format"],
)
def test_nothing_is_left_of_a_folder_that_cannot_be_written(
    tmp_path: Path, content: FolderContent, wrong: type[Exception]
) -> None:
    with pytest.raises(wrong):
        write_hub_folder(tmp_path / "x", content)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("late", [False, True], ids=["before", "meanwhile"])
def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path, late: bool) -> None:
    target = tmp_path / "x"

    def rows() -> Iterator[Record]:
        if late:
            write_hub_folder(target, CONTENT)
        yield GOLDEN[0]

    if not late:
        write_hub_folder(target, CONTENT)
    with pytest.raises(Conflict, match="something called x already"):
        write_hub_folder(target, replace(CONTENT, splits={"train": rows()}))
    assert json.loads((target / "manifest.json").read_text())["rows"] == {"train": 3, "test": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_in_each_format_has_these_files_in_the_manifest(tmp_path: Path) -> None:
    suffixes = {"parquet": "parquet"}
    for name in FORMAT_NAMES:
        suffix = suffixes.get(name, "jsonl")
        content = replace(CONTENT, format_name=name, provenance=None, texts={"plots/a.svg": "é"})
        manifest = write_hub_folder(tmp_path / name, content)
        assert list(manifest) == ["version", "licences", "name", "format", "rows", "files"]
        assert manifest["format"] == name
        assert [file["path"] for file in manifest["files"]] == [
            f"data/train-00000-of-00001.{suffix}", f"data/test-00000-of-00001.{suffix}",
            "README.md", "dataset_info.json", "axolotl.yaml", "plots/a.svg",
        ]  # fmt: skip
        assert set(manifest["files"][0]) == {"path", "bytes", "sha256", "rows"}
        assert (tmp_path / name / "plots" / "a.svg").read_bytes() == "é".encode()
        assert (tmp_path / name / "manifest.json").read_text("utf-8") == (
            json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        )
        axolotl = (tmp_path / name / "axolotl.yaml").read_text("utf-8")
        assert ("has no reader" in axolotl) == (name == "jsonl")


@pytest.mark.parametrize(
    ("name", "is_fit"),
    [
        ("a", True), ("A9._-", True), ("a" * 100, True), ("a" * 101, False),
        ("数据集", True), ("", False),
        ("-a", False), (".a", False), ("_a", False), ("a b", False), ("a/b", False),
    ],
)  # fmt: skip
def test_a_name_is_fit_for_trainers(tmp_path: Path, name: str, is_fit: bool) -> None:
    content = replace(CONTENT, name=name, format_name="alpaca_jsonl", provenance=None)
    if is_fit:
        write_hub_folder(tmp_path / "x", content)
        return
    with pytest.raises(InvalidInput) as caught:
        write_hub_folder(tmp_path / "x", replace(content, format_name="csv"))
    assert [fault.field for fault in caught.value.faults] == ["name", "format"]
