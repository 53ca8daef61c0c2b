"""The provenance file of a data set: one line with the origin of each row.

Formats have no field for it, and trainers fail on unknown columns. So it is a separate file next to
the data, in the same order.
"""

import json
from collections.abc import Iterable
from typing import BinaryIO

from app.dataset_row import DatasetRow
from app.formats.json.lines import write_lines

PROVENANCE_SUFFIX = ".provenance.jsonl"


def write_provenance(rows: Iterable[DatasetRow], sink: BinaryIO) -> None:
    """Write position, split, origin, changes and is_classification of each row, one per line."""
    write_lines(map(_line, rows), sink)


def _line(row: DatasetRow) -> str:
    return json.dumps(
        {
            "position": row.position,
            "split": row.split,
            "origin": dict(row.origin),
            "changes": list(row.changes),
            "is_classification": row.is_classification,
        },
        ensure_ascii=False,
    )
