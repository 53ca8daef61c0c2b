"""Fields of JSON values as text."""

import json
import re
from collections.abc import Mapping

from app.pipeline.replies.clean_text import cleaned

# Models forget to escape the backslash of \frac, \times, \begin and \right.
_LATEX = re.compile(
    r"\x08(?=[a-z])|\x0c(?=[a-z])|\r(?=(?:ight|ho|angle)(?![a-z]))"
    r"|\t(?=(?:ext(?:bf|it)?|imes|heta|frac|herefore|o|au|an)(?![a-z]))(?=\w+[\s{}\\$^_(,.=])"
)
_SIGNS = {"\x08": "\\b", "\x0c": "\\f", "\r": "\\r", "\t": "\\t"}


def _as_command(found: re.Match[str]) -> str:
    return _SIGNS[found.group()]


def text_of(value: object) -> str | None:
    """Return a JSON value as text: numbers and structures as JSON, null as missing.

    Cleaned again, because escapes in JSON bring NUL and halves of surrogate pairs back.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return _LATEX.sub(_as_command, cleaned(value)).strip()
    try:
        return cleaned(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        # Nested so deep that it could just be read: writing it takes a little more.
        return None


def field(item: object, name: str) -> str | None:
    """Return one field of a JSON object as text; None when it is missing."""
    return text_of(item.get(name)) if isinstance(item, Mapping) else None
