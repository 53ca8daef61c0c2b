"""The recipe of a data set, from a file and the command line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.errors import InvalidInput


def recipe_of(file: Path | None, sources: Sequence[str]) -> dict[str, Any]:
    """Return the recipe in `file` (None: an empty one), with more sources at its end.

    Args:
        file: a JSON file.
        sources: ids of runs and data sets.

    Raises:
        InvalidInput: the file is not a recipe, or there are no sources.
    """
    recipe: Any = {}
    if file is not None:
        try:
            recipe = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{file} is not a recipe: {error}.") from None
        if not isinstance(recipe, dict):
            raise InvalidInput(f"{file} is not a recipe: it must be a JSON object.")
    added = [
        {"run_id" if source.startswith("run_") else "dataset_id": source} for source in sources
    ]
    wanted = {**recipe, "sources": [*recipe.get("sources", []), *added]}
    if not wanted["sources"]:
        raise InvalidInput(
            "There are no sources: name runs or data sets on the command line, or in the field"
            " `sources` of --recipe."
        )
    return wanted
