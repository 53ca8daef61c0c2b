"""Versions of data sets as the commands print them, and their queries."""

import json
from typing import Any

from rich.table import Table
from rich.text import Text

from app.cli.output import Output, clean
from app.schemas.datasets import DatasetView


def query_of(given: dict[str, Any]) -> dict[str, str]:
    """Return options as a query, without those that were left out."""
    # `Any`: text, numbers and flags.
    return {name: str(value) for name, value in given.items() if value is not None}


def show_version(dataset: DatasetView, output: Output) -> None:
    """Print a version, as JSON or as a table."""
    output.result(dataset.model_dump(mode="json"))
    output.show(table([dataset]))


def table(found: list[DatasetView]) -> Table:
    """Return a table of versions."""
    made = Table("id", "name", "version", "state", "rows", "dropped", box=None)
    made.columns[0].no_wrap = True  # A cut id is useless.
    for one in found:
        counts = (f"{one.row_count:,}", f"{one.dropped_count:,}")
        made.add_row(one.id, clean(one.name), str(one.version), one.state, *counts)
    return made


def marked_lines(manifest: dict[str, Any]) -> list[Text]:
    """Return the number of classification rows of a manifest; nothing when there are none."""
    marked = manifest.get("classification_rows", 0)
    return [Text(f"  classification rows: {marked:,}")] if marked else []


def dropped_lines(manifest: dict[str, Any]) -> list[Text]:
    """Return the dropped rows of a manifest by rule and reason."""
    dropped = manifest.get("dropped", {})
    return [
        Text(clean(f"  dropped by {rule}: {json.dumps(reasons)}"))
        for rule, reasons in sorted(dropped.items())
    ]
