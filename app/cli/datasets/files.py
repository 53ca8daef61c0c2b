"""Files of data sets on this side of the API: whole and checked, or not at all."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.atomic_files import written
from app.cli.service.dataset_client import DatasetClient
from app.errors import InvalidInput, SeedbedError


def recipe_of(file: Path | None, sources: Sequence[str]) -> dict[str, Any]:
    """The recipe in `file`, or an empty one, with these sources behind its own.

    Raises:
        InvalidInput: the file holds no recipe.
    """
    recipe: Any = {}
    if file is not None:
        try:
            recipe = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{file} holds no recipe: {error}.") from None
        if not isinstance(recipe, dict):
            raise InvalidInput(f"{file} holds no recipe: it is no JSON object.")
    named = [
        {"run_id" if source.startswith("run_") else "dataset_id": source} for source in sources
    ]
    return {**recipe, "sources": [*recipe.get("sources", []), *named]}


def fetched(
    client: DatasetClient, dataset_id: str, query: dict[str, str], out: Path
) -> tuple[str, int]:
    """Download a version's file to `out`; its SHA-256 and size.

    Raises:
        SeedbedError: what arrived is not what the service has; `out` is as before.
    """
    with written(out) as file:
        said = client.download(dataset_id, query, file)
        file.flush()
        if said != file.sha256:
            raise SeedbedError("The file did not arrive whole. Give the same command again.")
    return file.sha256, file.size


def arrived(content: bytes, out: Path) -> None:
    """Put a document in its place."""
    with written(out) as file:
        file.write(content)
