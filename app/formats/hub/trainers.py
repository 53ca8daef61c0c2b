"""Configurations with which trainers read a data set: LLaMA-Factory and Axolotl."""

from collections.abc import Mapping
from typing import Any

from app.dataset_row import SplitName
from app.formats.yaml_text import yaml_text

_TASK_COLUMNS = {"prompt": "instruction", "query": "input", "response": "output"}
_CHAT_COLUMNS = {"system": "system", "history": "history"}
_LLAMA_FACTORY: Mapping[str, Mapping[str, Any]] = {
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
    "alpaca_jsonl": {"formatting": "alpaca", "columns": _TASK_COLUMNS},
    "parquet": {"formatting": "alpaca", "columns": _TASK_COLUMNS},
}
_CHAT_TABLE = {"formatting": "alpaca", "columns": _TASK_COLUMNS | _CHAT_COLUMNS}

_AXOLOTL: Mapping[str, Mapping[str, Any]] = {
    "messages": {
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
    },
    # Without these two formats it would add Alpaca's template to the prompt.
    "prompt_completion": {
        "type": {
            "field_instruction": "prompt",
            "field_output": "completion",
            "format": "{instruction}",
            "no_input_format": "{instruction}",
        }
    },
    "alpaca_jsonl": {"type": "alpaca"},
    "parquet": {"type": "alpaca"},
}
_NO_READER = """\
# Axolotl has no reader for rows with a system text and earlier turns in columns of their own, and
# would train on the last turns alone. Write the data set as messages for it.
"""
FORMAT_NAMES = (*_LLAMA_FACTORY, "jsonl")
"""The formats that the trainers and ``datasets`` can read from a folder."""


def llama_factory(
    name: str, format_name: str, files: Mapping[SplitName, str], *, chat_columns: bool
) -> dict[str, Any]:
    """Return the content of ``dataset_info.json``: one entry per split, in LLaMA-Factory's schema.

    The entry of the test split has the name of the data set with ``_test`` appended.
    """
    shape = _CHAT_TABLE if chat_columns else _LLAMA_FACTORY[format_name]
    return {
        name if split == "train" else f"{name}_{split}": {"file_name": file_name, **shape}
        for split, file_name in files.items()
    }


def axolotl(format_name: str, files: Mapping[SplitName, str], *, chat_columns: bool) -> str:
    """Return the YAML for Axolotl's configuration, with paths relative to the folder."""
    if chat_columns:
        return _NO_READER
    stanza = {
        "datasets" if split == "train" else "test_datasets": [axolotl_source(format_name, path)]
        for split, path in files.items()
    }
    return f"# Paths are as this folder has them.\n{yaml_text(stanza)}"


def axolotl_source(format_name: str, path: str) -> Mapping[str, Any]:
    """Return the entry of one file for Axolotl's list of data sets."""
    return {
        "path": path,
        "ds_type": "parquet" if format_name == "parquet" else "json",
        # For Axolotl a single file is one split named train.
        "split": "train",
        **_AXOLOTL[format_name],
    }
