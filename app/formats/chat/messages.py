"""OpenAI's chat messages: lines of ``{"messages": [{"role": ..., "content": ...}]}``."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from app.dataset_row import Record
from app.formats.broken_rows import Numbered
from app.formats.chat.turns import ChatReader, turns_of_record
from app.formats.json.lines import write_lines
from app.formats.json.list_file import read_either
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
    """Read one chat per line, or a JSON list of chats."""
    chats = ChatReader(options, first="messages")
    return read_either(source, options.limits, lambda row: (chats.record(row),))
