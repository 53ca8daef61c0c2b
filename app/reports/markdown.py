"""Foreign texts in Markdown, escaped so that they cannot add markup."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from app.reports.wording import one_line, shown

_MOST = 200
_NAME = re.compile(r"[A-Za-z0-9_./@:+\-]{1,120}")
_ESCAPED = re.compile(r"([\\`*_{}\[\]#!~^])")
# Entities never begin markup, and no reader splits a table's row at one.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;", "@": "&#64;"}
_LINKS = re.compile(r"(?<=:)//|(?<=www)\.", re.IGNORECASE)


def inline(text: str) -> str:
    """Return a text of any origin on one line of at most 200 columns, with all markup escaped."""
    line = _ESCAPED.sub(r"\\\1", one_line(text, _MOST))
    for character, entity in _ENTITIES.items():
        line = line.replace(character, entity)
    # Markdown readers turn bare addresses into links.
    return _LINKS.sub(lambda found: "".join(f"&#{ord(c)};" for c in found[0]), line)


def name(text: str) -> str:
    """Return an identifier as code, and anything else as escaped text."""
    return f"`{text}`" if _NAME.fullmatch(text) else inline(text)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table from cells that are already Markdown."""
    lines = [_row(headers), _row(["---"] * len(headers)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def fenced(text: str, language: str = "") -> str:
    """Write a code block with a fence longer than any in the text."""
    body = shown(text).replace("\r", "\n").rstrip("\n")
    ticks = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def picture(alternative: str, path: str) -> str:
    """Show an image file stored next to the card, never one of another host."""
    return f"![{inline(alternative)}]({quote(shown(path).lstrip('/'), safe='/')})"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell or " " for cell in cells) + " |"
