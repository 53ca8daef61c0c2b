"""Reading chat replies: JSON where it was asked for and obeyed, marked text otherwise.

Models wrap JSON in fences, put a sentence before it, or are cut off inside it. All of that is read
as far as it is whole; what cannot be read is rejected by the caller, never raised.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

# Not strict: small models write line breaks into strings as they are.
_DECODER = json.JSONDecoder(strict=False)
_WHITE_SPACE_AND_COMMA = re.compile(r"[\s,]*")


def json_items(text: str, key: str) -> list[Any] | None:
    """Read the list under `key` item by item, up to where the reply breaks off.

    Returns None when there is no such list; the items are `Any` because a model may put anything
    into it.
    """
    opening = re.search(rf'"{re.escape(key)}"\s*:\s*\[', text)
    return list(_items_from(text, opening.end())) if opening else None


def _items_from(text: str, position: int) -> Iterator[Any]:
    while True:
        separator = _WHITE_SPACE_AND_COMMA.match(text, position)
        position = separator.end() if separator else position
        try:
            item, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        yield item


_OPENING = re.compile(r"<(input|output)>", re.I | re.A)
_CLOSING = {name: re.compile(f"</{name}>", re.I | re.A) for name in ("input", "output")}


def tagged_pairs(text: str, *, first: str) -> list[dict[str, str]]:
    """Read pairs of ``<input>`` and ``<output>``; `first` is the tag a new pair begins with.

    A reply that begins with an input has its inputs first, whatever was asked for: only an input
    can be missing, so such a reply is in no doubt.
    """
    pairs: list[dict[str, str]] = []
    for name, content in _tagged(text):
        if not pairs and name == "input":
            first = name
        if not pairs or name == first or name in pairs[-1]:
            pairs.append({})
        pairs[-1][name] = content.strip()
    return pairs


def _tagged(text: str) -> Iterator[tuple[str, str]]:
    """Name and content of each tag that is closed.

    One pattern with a lazy group would read to the end once for each tag that is never closed,
    which takes hours in a megabyte of them.
    """
    unclosed: set[str] = set()
    position = 0
    while opening := _OPENING.search(text, position):
        name, position = opening.group(1).lower(), opening.end()
        closing = None if name in unclosed else _CLOSING[name].search(text, position)
        if closing is None:
            unclosed.add(name)
            continue
        yield name, text[position : closing.start()]
        position = closing.end()
