"""Fields of JSON whose shape nobody guarantees."""

from collections.abc import Mapping
from typing import TypeAlias

JsonObject: TypeAlias = Mapping[str, object]


def fields(value: object) -> JsonObject:
    """Return a JSON object as it is, and an empty one for every other value."""
    return value if isinstance(value, dict) else {}


def first_text(found: JsonObject, names: tuple[str, ...]) -> str:
    """Return the first of these fields that is a text with more than blanks; empty: none is."""
    for name in names:
        value = found.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""
