"""The values that a judge's reply states in the form that was asked for: JSON objects, or tags."""

import re
from collections.abc import Callable
from typing import TypeVar

from app.pipeline.replies.json_fields import field
from app.pipeline.replies.lenient_json import json_values

_REASON = "reason"
Value = TypeVar("Value")


def stated_values(
    text: str, name: str, read: Callable[[str | None], Value | None]
) -> list[tuple[Value, str]]:
    """Return the values with their reasons, from complete JSON objects and from closed tags.

    Models put fences and remarks around them. Values in tags count only if all tags agree.

    Args:
        text: The reply, without thoughts.
        name: The field or tag that has the value.
        read: Reads a value; None for anything else.
    """
    objects = [found.value for found in json_values(text) if found.is_whole]
    stated = [(read(field(each, name)), field(each, _REASON) or "") for each in objects]
    in_tags = _tagged(text, name)
    values = {read(each) for each in in_tags[name]}
    if len(values) == 1:
        stated.append((values.pop(), "\n".join(in_tags[_REASON])))
    return [(value, reason) for value, reason in stated if value is not None]


def _tagged(text: str, name: str) -> dict[str, list[str]]:
    """Return the contents of the tags, in one pass: a tag that is opened again begins anew."""
    contents: dict[str, list[str]] = {_REASON: [], name: []}
    opened: re.Match[str] | None = None
    for tag in re.finditer(rf"</?({_REASON}|{re.escape(name)})>", text, re.I | re.A):
        of = tag.group(1).lower()
        if not tag.group().startswith("</"):
            opened = tag
        elif opened is not None and opened.group(1).lower() == of:
            contents[of].append(text[opened.end() : tag.start()].strip())
            opened = None
    return contents
