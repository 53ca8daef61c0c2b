"""Seedbed's own JSON lines, with every field of a record.

Each line has all six columns, even empty ones: readers that infer types from the first rows would
otherwise fail at the first chat.
"""

import json
from collections.abc import Iterable
from typing import BinaryIO

from app.dataset_row import Record
from app.formats.json.lines import write_lines
from app.formats.json.values import quoted
from app.formats.options import WriteOptions


def write_jsonl(records: Iterable[Record], sink: BinaryIO, _: WriteOptions) -> None:
    """Write every field; a class that is not known is null."""
    write_lines(map(_object, records), sink)


def _object(record: Record) -> str:
    history = [[exchange.user, exchange.assistant] for exchange in record.history]
    return (
        f'{{"instruction": {quoted(record.instruction)}, "input": {quoted(record.input)},'
        f' "output": {quoted(record.output)}, "system": {quoted(record.system)},'
        f' "history": {json.dumps(history, ensure_ascii=False)},'
        f' "is_classification": {json.dumps(record.is_classification)}}}'
    )
