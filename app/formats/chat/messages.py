"""OpenAI's chat messages: lines of ``{"messages": [{"role": ..., "content": ...}]}``."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from app.dataset_row import Record
from app.formats.broken_rows import Numbered
from app.formats.chat.turns import ChatReader, turns_of_record
from app.formats.json.any_layout import read_json
from app.formats.json.lines import write_lines
from app.formats.json.values import quoted
from app.formats.options import ReadOptions, WriteOptions


def write_messages(records: Iterable[Record], sink: BinaryIO, _: WriteOptions) -> None:
    """Write one chat per line."""
    write_lines(map(_object, records), sink)


def _object(record: Record) -> str:
    turns = (
        f'{{"role": "{turn.speaker}", "content": {quoted(turn.text)}}}'
        for turn in turns_of_record(record)
    )
    return f'{{"messages": [{", ".join(turns)}]}}'


def read_messages(source: BinaryIO, options: ReadOptions) -> Iterator[Numbered]:
    """Read chats from JSON in any layout.

    Raises:
        InvalidInput: it is JSON but not in rows; while reading, when the file is not whole.
    """
    chats = ChatReader(options)
    return read_json(source, options.limits, lambda row: (chats.record(row),))
