"""Alpaca's format: a JSON list of objects with exactly instruction, input and output."""

import json
from collections.abc import Iterable, Iterator

from app.record import Record


def alpaca_json(rows: Iterable[Record | None]) -> Iterator[str]:
    """Write rows as they come, in constant memory; UTF-8 stays as it is, not escaped.

    What was yielded is valid JSON only once the iterator is exhausted. For a None among the rows,
    which says that there are no more for now, it yields an empty text.
    """
    separator = "[\n"
    for row in rows:
        if row is None:
            yield ""
            continue
        columns = {"instruction": row.instruction, "input": row.input, "output": row.output}
        yield separator + json.dumps(columns, ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"
