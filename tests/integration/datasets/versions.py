"""Versions of data sets for tests: imported rows, and versions made from a recipe."""

import json
from pathlib import Path
from typing import Any

from app.services.context import ServiceContext
from app.services.datasets import control, importing, lists
from app.services.datasets import make as dataset_making
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


def import_rows(
    context: ServiceContext,
    tmp_path: Path,
    rows: list[dict[str, str]],
    name: str = "ours",
    **how: Any,
) -> Dataset:
    file = tmp_path / "upload"
    file.write_text(json.dumps(rows))
    upload = Upload(name, Import(format="alpaca", **how), file)
    dataset, _ = importing.import_dataset(context, upload)
    return finished(context, dataset)


def make_version(context: ServiceContext, name: str = "mixed", **recipe: Any) -> Dataset:
    request = DatasetRequest(name, VersionRecipe.model_validate(recipe))
    dataset, _ = control.create_dataset(context, request)
    return finished(context, dataset)


def finished(context: ServiceContext, dataset: Dataset) -> Dataset:
    assert not dataset_making.make_dataset(context, dataset.id, lambda: False)
    return lists.get_dataset(context, dataset.id)
