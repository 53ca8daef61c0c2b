"""Versions of data sets for tests: imported from rows, or made by a recipe."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.services.context import ServiceContext
from app.services.datasets import control, importing, lists, make
from app.services.datasets.control import DatasetRequest
from app.services.datasets.importing import Upload
from app.services.datasets.recipe import Import, VersionRecipe
from app.store.tables.datasets import Dataset

ROWS = [
    {"instruction": "Name a colour of the rainbow.", "input": "", "output": "Green."},
    {"instruction": "Add the two numbers.", "input": "3 and 4", "output": "7"},
    {"instruction": "Translate the word into French.", "input": "bread", "output": "pain"},
    {"instruction": "Say what a lighthouse is for.", "input": "<noinput>", "output": "It warns."},
    {"instruction": "Give me a proverb about patience.", "input": "", "output": ""},
    {"instruction": "Name a colour of the rainbow.", "input": "", "output": "Green."},
    {"instruction": "Name one colour of the rainbow.", "input": "", "output": "Red."},
]


def upload(
    context: ServiceContext, rows: Sequence[Mapping[str, str]], name: str = "ours", **options: Any
) -> Upload:
    file = context.files_dir.with_name("upload.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows), encoding="utf-8")
    return Upload(name, Import(**{"format": "alpaca", **options}), file)


def imported(
    context: ServiceContext,
    rows: Sequence[Mapping[str, str]] = ROWS,
    name: str = "ours",
    **options: Any,
) -> Dataset:
    """A version that is ready, out of a file with these rows."""
    dataset, _ = importing.import_dataset(context, upload(context, rows, name, **options))
    return finished(context, dataset)


def requested(context: ServiceContext, name: str = "mixed", **recipe: Any) -> Dataset:
    """A version that waits for a worker."""
    request = DatasetRequest(name, VersionRecipe.model_validate(recipe))
    return control.create_dataset(context, request)[0]


def mixed(context: ServiceContext, name: str = "mixed", **recipe: Any) -> Dataset:
    """A version that a worker has made."""
    return finished(context, requested(context, name, **recipe))


def finished(context: ServiceContext, dataset: Dataset) -> Dataset:
    assert not make.make_dataset(context, dataset.id, lambda: False)
    return lists.get_dataset(context, dataset.id)


def texts(context: ServiceContext, dataset: Dataset) -> list[tuple[str, str, str]]:
    rows, _ = lists.list_rows(context, dataset.id, None, 1000)
    return [(row.record.instruction, row.record.input, row.record.output) for row in rows]
