"""The sidecar of a data set: for each row, a line that says where it came from.

Formats have no place for it, and trainers stop at columns that they do not know; so it stands
beside the data, in the same order.
"""

import json
from collections.abc import Iterable
from typing import BinaryIO

from app.formats.json.lines import write_lines
from app.record import DatasetRow

PROVENANCE_SUFFIX = ".provenance.jsonl"


def write_provenance(rows: Iterable[DatasetRow], sink: BinaryIO) -> None:
    """Write position, split, origin, changes and is_classification of each row, a line each."""
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
