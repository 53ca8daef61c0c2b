"""Tasks without any marker: one a line, and as many as were asked for."""

import re
from collections.abc import Sequence

from app.pipeline.default.lists.frames import are_framed
from app.pipeline.default.lists.markers import Line
from app.pipeline.default.lists.tidy import tidy, titles_of, untitled

_COLONS = (":", "\uff1a")
_FEWEST_LABELS = 2
_FEWEST_SIGNS = 3
# No quotation marks and brackets, which belong to a text.
_SIGN = re.compile(
    r"(?P<sign>[^\w\s\"'\u2018\u201c\u201e\u00ab\u300c\u300e(\[{<`\u00bf\u00a1]{1,3})(?:\s+\S|\w)"
)
_LABEL = re.compile(
    r"[*_]{0,3}(?P<label>(?:new )?task|instruction|aufgabe|anweisung|tarea"
    r"|instrucci\u00f3n|t\u00e2che|\u6307\u4ee4|\u4efb\u52a1|\u30bf\u30b9\u30af)[*_]{0,3}\s?[:\uff1a]",
    re.I,
)
# No task begins like this, and a refusal does.
_NO_TASK = re.compile(
    r"(?:i\b|i['\u2019]|sorry|unfortunately|as an ai|sure\b|certainly|of course|here (?:are|is)\b"
    r"|ich kann|es tut|leider|je (?:ne|suis)|d\u00e9sol\u00e9|lo siento|no puedo|desculpe"
    r"|mi dispiace|к сожал|я не|抱歉|对不起|我无法|申し訳)",
    re.I,
)


def unmarked_tasks(lines: Sequence[Line], count: int) -> Sequence[str | None] | None:
    """Return the tasks of a reply without markers, None for an unclear one.

    None instead of them where it has not one a line.

    Args:
        lines: The lines that are not empty.
        count: Number of tasks asked for.
    """
    fences = [n for n, line in enumerate(lines) if line.is_fence]
    if len(fences) == 2:
        lines = lines[fences[0] + 1 : fences[1]]
    plain = [line for line in lines if not line.is_fence]
    labelled = _labelled(plain)
    if labelled is not None:
        return labelled
    for candidates in _bodies(plain, count):
        if len(candidates) == count and not any(_NO_TASK.match(c.text) for c in candidates):
            shown = [line.text if line.is_heading else line.plain for line in candidates]
            if are_framed(shown):
                # A list, of what is not clear.
                return None
            plain_texts = _without_shared_sign(shown)
            titles = titles_of(plain_texts)
            return [untitled(each, titles) for each in plain_texts]
    return None


def _without_shared_sign(texts: Sequence[str]) -> Sequence[str]:
    """Return lines without a sign that all of them begin with, such as ``#.``."""
    found = [_SIGN.match(text) for text in texts]
    signs = {each.group("sign") for each in found if each}
    if len(texts) < _FEWEST_SIGNS or not all(found) or len(signs) != 1:
        return texts
    sign = signs.pop()
    is_parted = all(text[len(sign) :][:1].isspace() for text in texts)
    is_emphasis = not is_parted and any(sign in text[len(sign) :] for text in texts)
    return texts if is_emphasis else [text[len(sign) :].lstrip() for text in texts]


def _labelled(lines: Sequence[Line]) -> list[str] | None:
    """Return the tasks of lines that all begin with the same label, such as ``Task:``."""
    lines = lines[1:] if lines and _LABEL.match(lines[0].text) is None else lines
    found = [_LABEL.match(line.text) for line in lines]
    labels = {each.group("label").casefold() for each in found if each}
    if len(found) < _FEWEST_LABELS or not all(found) or len(labels) != 1:
        return None
    return [tidy(line.text) for line in lines]


def _bodies(lines: Sequence[Line], count: int) -> list[Sequence[Line]]:
    """Return the lines without an opening remark, without a closing one, and without both."""
    if not count <= len(lines) <= count + 2:
        return []
    first, last = lines[0], lines[-1]
    has_opening = first.text.endswith(_COLONS) or _NO_TASK.match(first.text) is not None
    # A closing remark stands apart from lines that stand together.
    body = lines[1:-1] if has_opening else lines[:-1]
    has_closing = last.after_blank and not any(line.after_blank for line in body[1:])
    without = [lines]
    if has_opening:
        without = [lines[1:]]
    return [*without, without[0][:-1]] if has_closing else without
