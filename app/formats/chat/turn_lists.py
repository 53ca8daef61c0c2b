"""Where the turns of a row are: in which column, as a list or as the JSON text of one."""

from collections.abc import Mapping

from app.formats.broken_rows import BrokenRow
from app.formats.json.values import parsed
from app.formats.limits import ReadLimits

LIST_KEYS = ("messages", "conversations", "conversation")
"""Columns that hold the turns of a chat."""
OTHER_LIST_KEYS = ("contents", "dialog", "dialogue", "chat", "items", "turns")
"""Columns that hold turns in some collections and other things in many."""
TEXTS_KEY = "data"
"""UltraChat's column of plain texts, the user's and the assistant's in turn."""
_SPEAKERS = frozenset(("role", "from", "speaker", "author"))


def turns_key(row: Mapping[str, object], first: str) -> str | None:
    """Return the column that holds the turns of a row; None: there is none.

    Args:
        row: its columns.
        first: the column to take where several hold turns.
    """
    for key in (first, *LIST_KEYS):
        if row.get(key) is not None:
            return key
    for key in OTHER_LIST_KEYS:
        if _are_turns(row.get(key)):
            return key
    texts = row.get(TEXTS_KEY)
    are_texts = isinstance(texts, list) and texts and isinstance(texts[0], str)
    return TEXTS_KEY if are_texts else None


def _are_turns(value: object) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and not _SPEAKERS.isdisjoint(first)


def turns_list(value: object, where: str, limits: ReadLimits) -> list[object]:
    """Return a list of turns, also from a text that is the JSON of one.

    Raises:
        BrokenRow: not_object; for a text that is no JSON its reason.
    """
    if is_list_in_text(value):
        value = parsed(str(value).encode("utf-8", "surrogatepass"), limits)
    if not isinstance(value, list):
        raise BrokenRow("not_object", f"{where} must be a list of turns")
    return value


def is_list_in_text(value: object) -> bool:
    """Return True when a cell is a text that begins as a JSON list."""
    return isinstance(value, str) and value.lstrip().startswith("[")
