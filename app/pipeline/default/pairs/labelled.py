"""Fields behind labels, such as ``Input:``, ``**Question:**`` or ``### Output``.

Names that are not sure, such as ``Q:`` and ``A:``, are read only where inputs and outputs alternate
from the first label to the last, and not where the task itself asks for questions and answers.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from app.pipeline.default.pairs.content import (
    unwrapped,
    without_explanation,
    without_heading,
    without_shared_remark,
    without_talk,
)
from app.pipeline.default.pairs.names import ANY, SURE_INPUTS, SURE_OUTPUTS, field_of

# A number, letter or symbol before a label.
_ITEM = (
    r"(?:(?:\(?(?:\d{1,2}|[ivx]{1,4}|[a-h])[.)]|\d\ufe0f?\u20e3[.:]?|\\item\b"
    r"|[\u2190-\u27bf\u2b00-\u2bff\U0001f300-\U0001faff]\ufe0f?)[ \t]*)?"
)
_LABEL = re.compile(
    r"^(?P<heading>[ ]{0,3}#{1,6}[ \t]+)?[ \t>#-]{0,8}(?:[*\u2022][ \t]+)?"
    rf"{_ITEM}(?P<mark>\*{{1,3}}|_{{1,3}}|`)?"
    rf"{_ITEM}(?:Example[ \t]*\d{{1,2}}[ \t]*[-:.\u2013]?[ \t]*)?"
    rf"(?P<name>{ANY})(?:[ \t#(]{{0,3}}(?P<number>\d{{1,2}})\)?)?\.?"
    r"[ \t]{0,3}(?P<closed>(?P=mark))?[ \t]{0,3}"
    # A heading needs no colon, and neither does a label in bold on a line of its own.
    r"(?:[:\uff1a](?P<after>(?P=mark))?|(?(heading)(?=[ \t]*$)|(?<=\*\*)(?=[ \t]*$))"
    r"|(?(number)(?<=\.)(?=[ \t]\S)|(?!)))",
    re.I | re.M,
)
_FENCE = re.compile(r"^[ \t>]{0,8}(?:```|~~~)", re.M)
# "Input: a | Output: b": both in one line.
_IN_ONE_LINE = re.compile(
    rf"^(?P<input>[ \t>*_-]{{0,8}}(?:\d{{1,2}}[.)][ \t])?[*_]{{0,3}}(?:{SURE_INPUTS})[*_]{{0,3}}"
    r"[:\uff1a][^\n]*?)[ \t]{0,3}(?:[|;,/\u2192\u2013\u2014-]|->|=>)?[ \t]{1,3}"
    rf"(?=[*_]{{0,3}}(?:{SURE_OUTPUTS})[*_]{{0,3}}[:\uff1a])",
    re.I | re.M,
)
_OUTPUT_LINE = re.compile(
    rf"^[ \t>#*_\d.)-]{{0,12}}(?:{SURE_OUTPUTS})[ \t\d]{{0,4}}[*_]{{0,3}}[:\uff1a]",
    re.I | re.M,
)
# A line that titles the next pair: "Example 2: A kind review", or the task again.
_TITLED = re.compile(
    r"^[ \t>#*_-]{0,8}(?:(?:example|instance|case|pair|step|sample)[ \t]{0,3}#?\d{1,2}"
    r"[ \t]{0,3}[:.)\u2013-]"
    r"|(?:task|instruction)[ \t]{0,3}\d{0,2}[*_]{0,3}:)[^\n]{0,300}$",
    re.I,
)
_NUMBERED = re.compile(r"^[ \t>#*_]{0,8}\(?\d{1,2}[.)][ \t]+\S[^\n]{0,80}$")
_ASKS_FOR_QUESTIONS = re.compile(
    r"\b(?:write|create|generate|compose|make|draft|list|come up with|design|develop|prepare"
    r"|suggest|think of|formulate|invent|continue|simulate|complete|role-?play)\b.*"
    r"\b(?:faqs?|q ?& ?a|quiz\w*|questions?|riddles?|interview|dialog\w*|conversation|script"
    r"|trivia|flash ?cards?|prompts?|chat|exam|tests?)\b",
    re.I | re.S,
)


class _Label(NamedTuple):
    start: int
    end: int
    name: str
    field: str
    is_sure: bool
    opens_emphasis: bool
    """True where emphasis goes on behind the label: "**Output: Positive**"."""


def first_label(text: str) -> int | None:
    """Return where the first label of a text stands; None without one."""
    found = _LABEL.search(text)
    return found.start() if found else None


def labelled(text: str, *, first: str, about: str, cut_off: bool) -> Sequence[tuple[str, str]]:
    """Return the field and content of each label; of a reply that was cut off not the last one.

    Args:
        text: The answer of the model.
        first: The field that was asked for first.
        about: The task. Where it asks for an explanation, one is part of the output.
        cut_off: True when the reply was truncated.
    """
    if not _OUTPUT_LINE.search(text):
        text = _IN_ONE_LINE.sub(r"\g<input>\n", text)
    labels = _clear(_labels(text), first, about)
    if not labels:
        return ()
    before = text[: labels[0].start].strip()
    # Where the first pair has a title, the others have one too.
    opening = before[before.rfind("\n") + 1 :]
    title = next((each for each in (_TITLED, _NUMBERED) if each.match(opening)), None)
    is_fenced = opening.startswith(("```", "~~~"))
    sections: list[tuple[str, str]] = []
    ends = [*(label.start for label in labels[1:]), len(text)]
    for label, end in zip(labels, ends, strict=True):
        content = text[label.end : end]
        if label.opens_emphasis and content.count("**") % 2:
            content = content.replace("**", "", 1)
        is_last = end == len(text)
        content = without_talk(content) if is_last else _without_title(content, title, is_fenced)
        content = without_explanation(without_heading(content, is_fenced=is_fenced), about)
        sections.append((label.field, content.strip()))
    return unwrapped(without_shared_remark(sections[:-1] if cut_off else sections))


def _labels(text: str) -> list[_Label]:
    """Return the labels of a text, those in a block of code behind the first one left out."""
    found: list[_Label] = []
    fences = [fence.start() for fence in _FENCE.finditer(text)]
    inside: list[tuple[int, int]] = []
    for match in _LABEL.finditer(text):
        if not found:
            opened = sum(fence < match.start() for fence in fences)
            inner = fences[opened:] if opened % 2 == 0 else []
            inside = list(zip(inner[::2], inner[1::2], strict=False))
        known = field_of(match.group("name"))
        if known is None or any(start < match.start() < end for start, end in inside):
            continue
        open_mark = (match.group("mark") or "").startswith("**")
        opens = open_mark and not (match.group("closed") or match.group("after"))
        found.append(
            _Label(match.start(), match.end(), match.group("name").casefold(), *known, opens)
        )
    return found


def _clear(labels: Sequence[_Label], first: str, about: str) -> Sequence[_Label]:
    """Return the labels of fields; empty where they are unclear."""
    sure = [label for label in labels if label.is_sure]
    if any(label.field == "output" for label in sure):
        begins_with_other = labels[0].field == "input" and not labels[0].is_sure
        has_input = any(label.field == "input" for label in sure)
        if has_input or not (begins_with_other or first == "output"):
            return sure
        # "Text: ..." and "Output: ...".
        return _alternating([label for label in labels if label.is_sure or label.field == "input"])
    if sure:
        return [label for label in labels if label.is_sure or label.field == "output"]
    return () if _ASKS_FOR_QUESTIONS.search(about) else _alternating(labels)


def _alternating(labels: Sequence[_Label]) -> Sequence[_Label]:
    """Return labels of which each input has one output; others are unclear.

    Several inputs one after another, such as a context and a question, are one with its labels.
    """
    merged: list[_Label] = []
    for label in labels:
        if merged and merged[-1].field == label.field == "input" and merged[-1].name != label.name:
            before = merged[-1]
            merged[-1] = before._replace(end=before.start)
        else:
            merged.append(label)
    fields = [label.field for label in merged]
    ends_well = fields in (
        ["input", "output"] * (len(fields) // 2),
        ["output", "input"] * (len(fields) // 2),
    )
    names = {(label.field, label.name, label.end == label.start) for label in merged}
    return merged if ends_well and len(names) == 2 else ()


def _without_title(content: str, title: re.Pattern[str] | None, is_fenced: bool) -> str:
    """Remove the title of the next pair from the end of a content."""
    content = without_heading(content, is_fenced=is_fenced)
    body, _, line = content.rpartition("\n")
    is_title = title is not None and title.match(line) is not None
    return body.strip() if body.strip() and is_title else content
