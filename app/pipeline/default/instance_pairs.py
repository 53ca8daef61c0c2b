"""Pairs of input and output in a chat reply: JSON, tags, or labels such as ``Input:``.

The form that comes first is read: an output may hold the others. Models leave tags open, number
their examples, put them in bold and wrap all of it in a fence. What has no clear end is left out.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.pipeline.replies.lenient_json import json_values

_LISTS = ("instances", "examples", "data", "items", "results", "pairs")
_OUTPUTS = ("output", "answer", "response", "label", "class_label", "expected_output")
_INPUTS = ("input", "text", "question", "context")


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of a reply: objects with the fields `input` and `output`, or other values."""

    items: Sequence[object] = ()
    is_whole: bool = True
    """False: more was begun."""


def read_pairs(text: str, *, first: str, cut_off: bool, about: str = "") -> Pairs:
    """Read the pairs of a reply.

    Args:
        text: The answer of the model, without thoughts.
        first: The field a new pair begins with, unless the reply begins with an input: only an
            input can be missing, so such a reply is in no doubt.
        cut_off: True when the reply was truncated; what is open at its end is then not read.
        about: The task. Where it asks for an explanation, one is part of the output.
    """
    tag = _TAG.search(text)
    label = _LABEL.search(text)
    in_json = _in_json(text, min([m.start() for m in (tag, label) if m] or [len(text)]))
    if in_json is not None:
        return in_json
    if tag is not None and (label is None or tag.start() <= label.start()):
        sections = _tagged(text, first=first, cut_off=cut_off)
    else:
        sections = _labelled(text, about=about, cut_off=cut_off)
    pairs = _paired(sections, first)
    if cut_off and pairs and _is_open(pairs[-1], first):
        del pairs[-1]
    return Pairs(pairs if any("output" in pair for pair in pairs) else ())


def _is_open(pair: Mapping[str, str], first: str) -> bool:
    """Return True when the field that a pair ends with is missing."""
    return "output" not in pair or (first == "output" and "input" not in pair)


def _paired(sections: Iterator[tuple[str, str]], first: str) -> list[dict[str, str]]:
    pairs: list[dict[str, str]] = []
    for name, content in sections:
        if not pairs and name == "input":
            first = name
        if not pairs or name == first or name in pairs[-1]:
            pairs.append({})
        pairs[-1][name] = content.strip()
    # An empty input without an output is nothing.
    return [pair for pair in pairs if any(pair.values()) or "output" in pair]


# JSON


def _in_json(text: str, before: int) -> Pairs | None:
    """Return the pairs in JSON that begins before `before`; None without any."""
    items: list[object] = []
    is_json, is_whole = False, True
    for found in json_values(text):
        if not is_json and found.start >= before:
            return None
        listed = _listed(found.value)
        if listed is not None:
            is_json, is_whole = True, is_whole and found.is_whole
            items += [_fields(item) for item in listed]
        elif _has_output(found.value):
            is_json, is_whole = True, is_whole and found.is_whole
            items += [_fields(found.value)] if found.is_whole else []
    return Pairs(items, is_whole) if is_json else None


def _listed(value: object) -> Sequence[object] | None:
    if isinstance(value, list):
        return value if any(map(_has_output, value)) else None
    if not isinstance(value, Mapping):
        return None
    keyed = {str(key).casefold(): held for key, held in value.items()}
    for name in _LISTS:
        held = keyed.get(name)
        if isinstance(held, list):
            return held
        if isinstance(held, Mapping):
            return [held] if _has_output(held) else _listed(held)
    if keyed and all(map(_has_output, keyed.values())):
        return list(keyed.values())
    lists = [held for held in value.values() if isinstance(held, list)]
    return _listed(lists[0]) if len(lists) == 1 and not _has_output(value) else None


def _has_output(value: object) -> bool:
    return isinstance(value, Mapping) and _named(value, _OUTPUTS) is not None


def _named(item: Mapping[str, object], names: Sequence[str]) -> str | None:
    """Return the first of the names that the item has, as the item writes it."""
    keys = {str(key).casefold().replace(" ", "_"): key for key in item}
    return next((keys[name] for name in names if name in keys), None)


def _fields(item: object) -> object:
    if not isinstance(item, Mapping):
        return item
    output, given = _named(item, _OUTPUTS), _named(item, _INPUTS)
    fields = {"output": item[output]} if output is not None else {}
    return fields | ({"input": item[given]} if given is not None else {})


# Tags


_TAG = re.compile(
    r"<(?P<closing>/)?\s?(?P<name>input|output)(?:[ _]?\d{1,2})?\s?(?P<ended>>)", re.I | re.A
)
_BROKEN_END = re.compile(r"(?:\s*</[a-z]{0,6}|\s*```)\s*\Z", re.I)


def _tagged(text: str, *, first: str, cut_off: bool) -> Iterator[tuple[str, str]]:
    """Yield the name and content of each tag that is closed, or ended by what follows it."""
    tags = list(_TAG.finditer(text))
    closings = _places(tags, text, closing=True)
    reopenings = _places(tags, text, closing=False)
    position, at = 0, 0
    for at, tag in enumerate(tags):
        if tag.start() < position or tag.group("closing"):
            continue
        name = tag.group("name").lower()
        closing = _after(closings[name], tag.end())
        reopening = _after(reopenings[name], tag.end())
        if closing is not None and (reopening is None or closing[0] < reopening[0]):
            yield name, text[tag.end() : closing[0]]
            position = closing[1]
            continue
        following = next(
            (each for each in tags[at + 1 : at + 2] if not each.group("closing")), None
        )
        if following is not None:
            content = text[tag.end() : following.start()]
            if following.group("name").lower() != name and (content.strip() or name == "input"):
                yield name, content
        elif at == len(tags) - 1 and not cut_off and (name == "output" or first == "output"):
            content = _BROKEN_END.sub("", text[tag.end() :]).strip()
            if content:
                yield name, _without_talk(content)


def _places(
    tags: Sequence[re.Match[str]], text: str, *, closing: bool
) -> dict[str, list[tuple[int, int]]]:
    """Return where the tags of each name stand; of opening ones those that begin a line."""
    places: dict[str, list[tuple[int, int]]] = {"input": [], "output": []}
    for tag in tags:
        before = text[max(tag.start() - 20, 0) : tag.start()]
        begins_line = before.rstrip(" \t>").endswith("\n")
        if bool(tag.group("closing")) == closing and (closing or begins_line):
            places[tag.group("name").lower()].append(tag.span())
    return places


def _after(places: Sequence[tuple[int, int]], position: int) -> tuple[int, int] | None:
    at = bisect_right(places, (position, -1))
    return places[at] if at < len(places) else None


# Labels


_FOREIGN_INPUTS = (
    r"eingabe|entr\u00e9e|entrada|ingresso|invoer|wej\u015bcie|girdi|\u0432\u0445\u043e\u0434|\u0432\u0432\u043e\u0434"
    r"|\u8f93\u5165|\u5165\u529b|\uc785\ub825|\u0627\u0644\u0645\u062f\u062e\u0644|\u0627\u0644\u0645\u062f\u062e\u0644\u0627\u062a|\u0907\u0928\u092a\u0941\u091f"
)
_FOREIGN_OUTPUTS = (
    r"ausgabe|sortie|salida|sa\u00edda|uscita|uitvoer|wyj\u015bcie|\u00e7\u0131kt\u0131"
    r"|\u0432\u044b\u0445\u043e\u0434|\u0432\u044b\u0432\u043e\u0434|\u8f93\u51fa|\u51fa\u529b|\ucd9c\ub825"
    r"|\u0627\u0644\u0645\u062e\u0631\u062c|\u0627\u0644\u0645\u062e\u0631\u062c\u0627\u062a|\u0906\u0909\u091f\u092a\u0941\u091f"
)
_LABEL = re.compile(
    r"^(?P<heading>[ ]{0,3}#{1,6}[ \t]+)?"
    r"[ \t>#*_-]{0,8}(?:\(?\d{1,2}[.)][ \t]*)?(?:Example[ \t]*\d{1,2}[ \t]*[-:.\u2013]?[ \t]*)?"
    rf"(?P<name>input|{_FOREIGN_INPUTS}|(?:expected |class )?(?:output|answer|response|label)"
    rf"|{_FOREIGN_OUTPUTS})(?:[ \t]{{0,3}}\d{{1,2}})?"
    r"[ \t]{0,3}(?:\*\*|__)?[ \t]{0,3}"
    # A heading needs no colon, and neither does a label in bold on a line of its own.
    r"(?:[:\uff1a](?:\*\*|__)?|(?(heading)(?=[ \t]*$)|(?<=\*\*)(?=[ \t]*$)))",
    re.I | re.M,
)
_HEADING = re.compile(
    r"^[ \t>#*_-]{0,8}(?:example|instance|case|pair)[ \t]{0,3}#?\d{0,2}[ \t]{0,3}[:.)\u2013-]?"
    r"[ \t]{0,3}[*_]{0,2}[ \t]*$"
    r"|^[ \t]*(?:[-*_=]{3,}|#{1,6}|\(?\d{1,2}[.)]|```\w{0,10})[ \t]*$",
    re.I | re.M,
)


# A line that titles the next pair: "Example 2: A kind review", or the task again.
_TITLED = re.compile(
    r"^[ \t>#*_-]{0,8}(?:(?:example|instance|case|pair)[ \t]{0,3}#?\d{1,2}[ \t]{0,3}[:.)\u2013-]"
    r"|(?:task|instruction)[ \t]{0,3}\d{0,2}[*_]{0,3}:)[^\n]{0,300}$",
    re.I,
)
_NUMBERED = re.compile(r"^[ \t>#*_]{0,8}\(?\d{1,2}[.)][ \t]+\S[^\n]{0,80}$")
_EXPLANATION = re.compile(
    r"\n[*_#>( \t-]{0,10}(?:explanation|rationale|reasoning|justification)[*_ \t]{0,3}"
    r"(?:[:\uff1a]|(?=\n))",
    re.I,
)
_ASKS_WHY = re.compile(r"expla|rational|reason|justif|\bwhy\b", re.I)
_ASIDE = re.compile(r"(?:\((?:\*|_)?|\*{1,2}|_)note\b[^\n]*(?:\)|\*|_)", re.I)
_CLOSING = re.compile(
    r"\blet me know if you(?:['\u2019]d| would)? (?:like|want|need)\b|\bfeel free to (?:ask|let)\b"
    r"|\bhope (?:this|these|that|it) (?:\w+ )?(?:helps?|meets?|works?|are|is)\b"
    r"|\bwould you like (?:me to|more|another|additional|further)\b"
    r"|^[*_]{0,3}(?:these|this|the above|both|all)\b(?: \w+){0,3} (?:examples?|instances?|pairs?)\b"
    r"|\u5e0c\u671b\u8fd9\u4e9b|\u5982\u679c(?:\u4f60|\u60a8)\u9700\u8981"
    r"|\bich hoffe, (?:diese|das)\b"
    r"|\bespero que (?:esto|estos|estas|isso|estes)\b|\bj'esp\u00e8re que (?:ces|cela)\b",
    re.I,
)


def _labelled(text: str, *, about: str, cut_off: bool) -> Iterator[tuple[str, str]]:
    """Yield the name and content of each label; of a reply that was cut off not the last one."""
    labels = [(m, _name(m.group("name"))) for m in _LABEL.finditer(text)]
    if any(name == "output" for _, name in labels):
        labels = [(m, name) for m, name in labels if name != "other"]
    elif not any(name == "input" for _, name in labels):
        return
    if not labels:
        return
    starts = [label.start() for label, _ in labels]
    before = text[: starts[0]].strip()
    # Where the first pair has a title, the others have one too.
    opening = before[before.rfind("\n") + 1 :]
    title = next((each for each in (_TITLED, _NUMBERED) if each.match(opening)), None)
    sections: list[tuple[str, str]] = []
    for (label, name), end in zip(labels, [*starts[1:], len(text)], strict=True):
        content = text[label.end() : end]
        if label.group().count("**") % 2 and content.count("**") % 2:
            # The emphasis goes on behind the label: "**Output: Positive**".
            content = content.replace("**", "", 1)
        is_last = end == len(text)
        content = _without_talk(content) if is_last else _without_title(content, title)
        content = _without_heading(content)
        if not _ASKS_WHY.search(about):
            content = _EXPLANATION.split(content, maxsplit=1)[0]
        sections.append(("input" if name == "input" else "output", content.strip()))
    yield from _unwrapped(sections[:-1] if cut_off else sections)


def _name(label: str) -> str:
    label = label.casefold()
    if label.endswith("output") or re.fullmatch(_FOREIGN_OUTPUTS, label):
        return "output"
    return "input" if label == "input" or re.fullmatch(_FOREIGN_INPUTS, label) else "other"


def _without_title(content: str, title: re.Pattern[str] | None) -> str:
    """Remove the title of the next pair from the end of a content."""
    content = _without_heading(content)
    body, _, line = content.rpartition("\n")
    is_title = title is not None and title.match(line) is not None
    return body.strip() if body.strip() and is_title else content


def _unwrapped(sections: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Remove quotation marks, or fences without a language, that are around every content."""
    for pattern in (_QUOTED, _FENCED):
        found = [(name, pattern.fullmatch(content)) for name, content in sections if content]
        inner = [(name, match.group("inner").strip()) for name, match in found if match]
        if len(inner) == len(sections) > 1:
            return inner
    return sections


_QUOTED = re.compile(r"[\"\u201c](?P<inner>[^\"\u201c\u201d\n]+)[\"\u201d]")
_FENCED = re.compile(r"```(?:text|txt)?[ \t]*\n(?P<inner>(?:(?!```).)*)\n[ \t]*```", re.S)


def _without_heading(content: str) -> str:
    """Remove headings and rules at the end, which belong to the next pair."""
    content = content.strip()
    while content:
        line = content[content.rfind("\n") + 1 :]
        if "\n" not in content or not _HEADING.match(line):
            break
        if line.strip().startswith("```") and content.count("```") % 2 == 0:
            break
        content = content[: len(content) - len(line)].rstrip()
    return content


def _without_talk(content: str) -> str:
    """Remove closing remarks: last paragraphs about the examples rather than in one."""
    content = content.strip()
    for _ in range(3):
        body, _, last = content.rpartition("\n\n")
        last = last.strip()
        is_talk = _CLOSING.search(last) or _ASIDE.fullmatch(last)
        if not body.strip() or "\n" in last or not is_talk:
            break
        content = _without_heading(body)
    return content
