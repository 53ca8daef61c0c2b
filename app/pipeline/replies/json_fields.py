"""Fields of JSON values as text."""

import json
from collections.abc import Mapping

from app.pipeline.replies.clean_text import cleaned


def text_of(value: object) -> str | None:
    """Return a JSON value as text: numbers and structures as JSON, null as missing.

    Cleaned again, because escapes in JSON bring NUL and halves of surrogate pairs back.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return cleaned(value).strip()
    try:
        return cleaned(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        # Nested so deep that it could just be read: writing it takes a little more.
        return None


def field(item: object, name: str) -> str | None:
    """Return one field of a JSON object as text; None when it is missing."""
    return text_of(item.get(name)) if isinstance(item, Mapping) else None
