"""Text and JSON values that both databases can store, for everything that a caller sends."""

import math
import re
from collections.abc import Iterator, Set
from typing import Annotated

from pydantic import AfterValidator

from app.errors import Fault, field_path

_NUL = "has a NUL byte in it"
_SURROGATE = "has half of a surrogate pair in it"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LARGEST = 2**63 - 1
_MOST_FAULTS = 100
_Path = tuple[int | str, ...]


def check_storable(text: str) -> str:
    """Return the text.

    Raises:
        ValueError: PostgreSQL can't store a NUL, and no database half of a surrogate pair.
    """
    if reason := _reason(text):
        raise ValueError(reason)
    return text


def check_name(name: str) -> str:
    """Return a name that may stand in an address.

    Raises:
        ValueError: Clients leave out ``.`` and ``..`` of an address before they send it.
    """
    if name in {".", ".."}:
        raise ValueError("can't be a name: clients remove it from addresses")
    return name


StorableText = Annotated[str, AfterValidator(check_storable)]
"""Any text that a database can store."""


def unstorable_values(value: object, skipped: Set[str] = frozenset()) -> list[Fault]:
    """Return a fault for each part of a parsed JSON value that a database can't store.

    These are texts as above, numbers that are not finite, and integers of more than 64 bits.

    Args:
        value: The whole value.
        skipped: Keys of the outermost object that are checked elsewhere.
    """
    if isinstance(value, dict):
        value = {name: part for name, part in value.items() if name not in skipped}
    found = _unstorable(value, ())
    return [fault for fault, _ in zip(found, range(_MOST_FAULTS), strict=False)]


def _unstorable(value: object, path: _Path) -> Iterator[Fault]:
    match value:
        case str():
            reason = _reason(value)
        case float():
            reason = None if math.isfinite(value) else "must be a finite number"
        case int():
            reason = None if -_LARGEST <= value <= _LARGEST else "is too large a number"
        case dict():
            yield from _unstorable_in(value, path)
            return
        case list():
            for index, part in enumerate(value):
                yield from _unstorable(part, (*path, index))
            return
        case _:
            return
    if reason:
        yield Fault(reason, field=field_path(path))


def _unstorable_in(value: dict[str, object], path: _Path) -> Iterator[Fault]:
    for name, part in value.items():
        if reason := _reason(name):
            shown = _UNSTORABLE.sub("\ufffd", name)
            yield Fault(f"the name {reason}", field=field_path((*path, shown)))
        else:
            yield from _unstorable(part, (*path, name))


def _reason(text: str) -> str | None:
    found = _UNSTORABLE.search(text)
    if found is None:
        return None
    return _NUL if found[0] == "\x00" else _SURROGATE
