"""Tasks in tables and in tags."""

import re
from collections.abc import Callable, Sequence
from itertools import takewhile

from app.pipeline.default.lists.tidy import titles_of, unmarked, untitled
from app.pipeline.screening import count_words

_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[ \t]*[:-][-: |\t]*\|[-: |\t]*-[-: |\t]*")
_MOST_HEAD = 40
"""Lines in which the rule below a table's head is looked for."""
_RULE_CELL = re.compile(r":?-{2,}:?")
_TASK_COLUMN = re.compile(
    r"\W*(?:(?:new |the )?(?:task|instruction|prompt|question|request)s?(?: text| description)?"
    r"|aufgabe|anweisung|tarea|instrucci\u00f3n|t\u00e2che|\u4efb\u52a1|\u6307\u4ee4)\W*",
    re.I,
)
_NUMBER = re.compile(r"\W*(?:\d{1,4}|#|no|nr|id|number|task \d{1,4})\W*", re.I)
_NAMES = (
    r"(?P<name>task|instruction|prompt|question|item|exercise|new_(?:task|instruction)|li)"
    r"(?:[_ -]?\d{1,3})?"
)
_OPENING = re.compile(rf"<{_NAMES}(?:\s[^<>\n]{{0,80}})?>", re.I)
_AT_START = re.compile(
    rf"^[ \t>]{{0,20}}(?:\W?\d{{1,3}}[.)]|[-*\u2022])?[ \t]{{0,4}}"
    rf"(?:<(?:tasks|instructions|new_tasks|list|ol|ul)>\s?)?<{_NAMES}(?:\s[^<>\n]{{0,80}})?>",
    re.I | re.M,
)
_INNER = re.compile(
    r"<(?P<name>instruction|task|prompt|text|question)>(?P<text>[^<]*)</(?P=name)>", re.I
)
# Behind a tag that is never closed: an empty line, the end of a fence, or another tag.
_UNCLOSED_END = re.compile(r"\n[ \t]*\r?\n|\n[ \t]*(?:```|~~~)|\n?[ \t]*</[a-z_]{1,20}>", re.I)

_NUMBERED_LINE = re.compile(r"^[ \t]{0,3}\d{1,3}[.)][ \t]", re.M)


def rows_of_table(lines: Sequence[str]) -> list[str | None] | None:
    """Return the tasks of a table, None for a row without a clear one; None without a table.

    Args:
        lines: The lines that are not empty. Cells are parted by `|` or by tabs.
    """
    for parted in (_by_bars, _by_tabs, _by_inner_bars):
        if parted is _by_inner_bars and not any(map(_RULE.fullmatch, lines[:_MOST_HEAD])):
            continue
        rows = [cells for line in lines if (cells := parted(line))]
        if rows and _has_item(lines, parted):
            return None
        if len(rows) >= 2 and len({len(row) for row in rows}) <= 2:
            return _tasks(rows)
    return None


def _has_item(lines: Sequence[str], parted: Callable[[str], list[str] | None]) -> bool:
    """Return True when an item of a list precedes the first row: the table is its material."""
    before = list(takewhile(lambda line: not parted(line), lines))
    return any(_NUMBERED_LINE.match(line) for line in before)


def _by_bars(line: str) -> list[str] | None:
    line = line.strip()
    cells = [cell.strip().replace("\\|", "|") for cell in _BAR.split(line)]
    if not line.startswith("|") or len(cells) < 3:
        return None
    return cells[1:] if cells[-1] else cells[1:-1]


def _by_inner_bars(line: str) -> list[str] | None:
    cells = [cell.strip() for cell in _BAR.split(line.strip())]
    return cells if len(cells) > 1 and all(cells) else None


def _by_tabs(line: str) -> list[str] | None:
    cells = [cell.strip() for cell in line.strip().split("\t")]
    return cells if len(cells) > 1 and all(cells) else None


def _tasks(rows: Sequence[Sequence[str]]) -> list[str | None] | None:
    rules = [n for n, row in enumerate(rows) if all(map(_RULE_CELL.fullmatch, filter(None, row)))]
    named = [n for n, cell in enumerate(rows[0]) if _TASK_COLUMN.fullmatch(cell)]
    has_head = bool(named) or 1 in rules
    body = [row for n, row in enumerate(rows) if n not in rules and (n or not has_head)]
    if not body:
        return None
    column = named[0] if named else _longest_column(body)
    if column is None:
        return None
    texts = [row[column] if column < len(row) else "" for row in body]
    titles = titles_of(texts)
    return [untitled(text, titles) if text else None for text in texts]


def _longest_column(rows: Sequence[Sequence[str]]) -> int | None:
    """Return the column of tasks: the only one of several words; None where two have them."""
    width = min(map(len, rows))
    wordy = [
        n
        for n in range(width)
        if not all(_NUMBER.fullmatch(row[n]) for row in rows)
        and sum(count_words(row[n]) >= 3 for row in rows) * 2 > len(rows)
    ]
    return wordy[0] if len(wordy) == 1 else None


def tagged_tasks(text: str) -> list[str | None] | None:
    """Return the tasks in tags such as ``<task>``, None for an unclear one; None without tags.

    A tag that is never closed ends where the next one begins.
    """
    first = _AT_START.search(text)
    if first is None:
        return None
    if _NUMBERED_LINE.search(text[: first.start()]):
        # Material of a task, such as HTML.
        return None
    openings = list(_OPENING.finditer(text, first.start()))
    names = [opening.group("name").lower() for opening in openings]
    name = names[0]
    if name == "task" and len(openings) > 1 and names[1] in {"instruction", "prompt"}:
        name = names[1]
    ours = [opening for opening, each in zip(openings, names, strict=True) if each == name]
    closing = re.compile(rf"<[/\\]{name}(?:[_ -]?\d{{1,3}})?\s?>", re.I)
    found: list[str | None] = []
    for n, opening in enumerate(ours):
        limit = ours[n + 1].start() if n + 1 < len(ours) else len(text)
        end = closing.search(text, opening.end(), limit)
        content = text[opening.end() : end.start() if end else limit].strip()
        if end is None and _NUMBERED_LINE.search(content):
            # The tag stands in an item: a list of another kind goes on behind it.
            return None
        if end is None:
            content = _UNCLOSED_END.split(content, maxsplit=1)[0]
            if not content:
                # An opening tag in place of a closing one.
                continue
        inner = _INNER.search(content)
        content = inner.group("text") if inner else content
        found.append(None if content.startswith("<") or not content else content)
    titles = titles_of([content or "" for content in found])
    return [untitled(unmarked(content), titles) if content else None for content in found]
