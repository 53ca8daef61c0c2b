"""ShareGPT's conversations: a list of ``{"conversations": [{"from": ..., "value": ...}]}``."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from app.dataset_row import Record
from app.formats.broken_rows import Numbered
from app.formats.chat.roles import Speaker
from app.formats.chat.turns import ChatReader, turns_of_record
from app.formats.chat.vicuna import Cleaner
from app.formats.json.any_layout import read_json
from app.formats.json.list_file import write_list
from app.formats.json.values import quoted
from app.formats.options import ReadOptions, WriteOptions

_NAMES: dict[Speaker, str] = {"system": "system", "user": "human", "assistant": "gpt"}


def write_sharegpt(records: Iterable[Record], sink: BinaryIO, _: WriteOptions) -> None:
    """Write a JSON list of conversations."""
    write_list(map(_object, records), sink)


def _object(record: Record) -> str:
    turns = (
        f'{{"from": "{_NAMES[turn.speaker]}", "value": {quoted(turn.text)}}}'
        for turn in turns_of_record(record)
    )
    return f'{{"conversations": [{", ".join(turns)}]}}'


def read_sharegpt(source: BinaryIO, options: ReadOptions) -> Iterator[Numbered]:
    """Read conversations from JSON in any layout, unchanged or cleaned as by Vicuna.

    Raises:
        InvalidInput: it is JSON but not in rows; while reading, when the file is not whole.
    """
    chats = ChatReader(options, first="conversations")
    if options.vicuna is None:
        return read_json(source, options.limits, lambda row: (chats.record(row),))
    cleaner = Cleaner(options.vicuna)
    return read_json(source, options.limits, lambda row: cleaner.records(chats.turns(row)))
