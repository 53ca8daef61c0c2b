"""Golden files: what a test expects, stored beside it, and renewed by one command.

After a wanted change, run the tests once with ``SEEDBED_RENEW_GOLDEN=1``, read the difference, and
run them again. A run that renews a file fails for it, so that none passes by renewing.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.curation.options import FilterOptions
from app.curation.table import FILTERS

RENEW = os.environ.get("SEEDBED_RENEW_GOLDEN") == "1"
_FOR_PEOPLE = {"description", "summary", "title"}
_OPTIONAL_FILTERS = {one.name for one in FILTERS if not one.on}


def check_golden(path: Path, found: str | bytes) -> None:
    """Compare what a test found with its golden file, byte for byte."""
    now = found.encode() if isinstance(found, str) else found
    if RENEW and (not path.is_file() or path.read_bytes() != now):
        path.write_bytes(now)
        pytest.fail(f"{path.name} was renewed: read the difference, then run again")
    if isinstance(found, str):
        # As texts, so that a difference is shown by lines.
        assert found == path.read_bytes().decode()
    assert now == path.read_bytes()


def check_golden_json(path: Path, found: Any) -> None:
    """Compare a JSON value, the order of its keys included, with its golden file."""
    check_golden(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def without_texts(schema: Any) -> Any:
    """Return a JSON schema without its texts for people, which may be reworded."""
    match schema:
        case dict():
            return {
                key: without_texts(value)
                for key, value in schema.items()
                if not (key in _FOR_PEOPLE and isinstance(value, str))
            }
        case list():
            return [without_texts(one) for one in schema]
        case _:
            return schema


def without_optional_filters(schema: Any) -> Any:
    """Return a JSON schema without the filters that are off by default.

    A new one changes nothing that is stored, so golden files leave it out. Other keys of the same
    names stay: only an object with all options of filters loses some.
    """
    match schema:
        case dict():
            is_of_filters = schema.keys() >= FilterOptions.model_fields.keys()
            left_out = _OPTIONAL_FILTERS if is_of_filters else set()
            return {
                key: without_optional_filters(value)
                for key, value in schema.items()
                if key not in left_out
            }
        case list():
            return [without_optional_filters(one) for one in schema]
        case _:
            return schema
