"""Entries for trainers, word by word: LLaMA-Factory and Axolotl read these names."""

from typing import Any

import pytest
import yaml

from app.dataset_row import SplitName
from app.formats.hub.trainers import FORMAT_NAMES, axolotl, axolotl_source, llama_factory

FILES: dict[SplitName, str] = {"train": "data/a", "test": "data/b"}
TASK = {"prompt": "instruction", "query": "input", "response": "output"}
ENTRIES: dict[str, dict[str, Any]] = {
    "messages": {
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    },
    "prompt_completion": {
        "formatting": "alpaca",
        "columns": {"prompt": "prompt", "response": "completion"},
    },
    "alpaca_jsonl": {"formatting": "alpaca", "columns": TASK},
    "parquet": {"formatting": "alpaca", "columns": TASK},
}
SOURCES: dict[str, dict[str, Any]] = {
    "messages": {
        "ds_type": "json",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
    },
    "prompt_completion": {
        "ds_type": "json",
        "type": {
            "field_instruction": "prompt",
            "field_output": "completion",
            "format": "{instruction}",
            "no_input_format": "{instruction}",
        },
    },
    "alpaca_jsonl": {"ds_type": "json", "type": "alpaca"},
    "parquet": {"ds_type": "parquet", "type": "alpaca"},
}


def test_every_format_of_a_folder_has_an_entry() -> None:
    assert (*ENTRIES, "jsonl") == FORMAT_NAMES
    assert list(SOURCES) == list(ENTRIES)


@pytest.mark.parametrize("name", ENTRIES)
def test_llama_factory_reads_each_split_by_its_entry(name: str) -> None:
    assert llama_factory("colours", name, FILES, chat_columns=False) == {
        "colours": {"file_name": "data/a", **ENTRIES[name]},
        "colours_test": {"file_name": "data/b", **ENTRIES[name]},
    }


def test_llama_factory_reads_earlier_turns_from_columns() -> None:
    columns = {**TASK, "system": "system", "history": "history"}
    for name in ("jsonl", "parquet"):
        entry = llama_factory("colours", name, FILES, chat_columns=True)["colours"]
        assert entry == {"file_name": "data/a", "formatting": "alpaca", "columns": columns}


@pytest.mark.parametrize("name", SOURCES)
def test_axolotl_reads_each_split_by_its_source(name: str) -> None:
    def source(path: str) -> dict[str, Any]:
        return {"path": path, "split": "train", **SOURCES[name]}

    assert axolotl_source(name, "data/a") == source("data/a")
    assert yaml.safe_load(axolotl(name, FILES, chat_columns=False)) == {
        "datasets": [source("data/a")],
        "test_datasets": [source("data/b")],
    }


def test_axolotl_has_no_source_for_columns_of_earlier_turns() -> None:
    text = axolotl("parquet", FILES, chat_columns=True)
    assert yaml.safe_load(text) is None
    assert "Write the data set as messages for it." in text
