"""Pairs of input and output in a chat reply: JSON, tags, or labels such as ``Input:``.

The form that comes first is read: an output may hold the others. Models leave tags open, number
their examples, put them in bold and wrap all of it in a fence. What has no clear end is left out.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.pipeline.default.lists.item_text import is_talk
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


def read_pairs(text: str, *, first: str, cut_off: bool) -> Pairs:
    """Read the pairs of a reply.

    Args:
        text: The answer of the model, without thoughts.
        first: The field a new pair begins with, unless the reply begins with an input: only an
            input can be missing, so such a reply is in no doubt.
        cut_off: True when the reply was truncated; a tag that is open at its end is then not read.
    """
    tag = _TAG.search(text)
    label = _LABEL.search(text)
    in_json = _in_json(text, min([m.start() for m in (tag, label) if m] or [len(text)]))
    if in_json is not None:
        return in_json
    if tag is not None and (label is None or tag.start() <= label.start()):
        sections = _tagged(text, first=first, cut_off=cut_off)
    else:
        sections = _labelled(text)
    pairs = _paired(sections, first)
    if cut_off and pairs and "output" not in pairs[-1]:
        del pairs[-1]
    return Pairs(pairs if any("output" in pair for pair in pairs) else ())


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


_LABEL = re.compile(
    r"^(?P<heading>[ ]{0,3}#{1,6}[ \t]+)?"
    r"[ \t>#*_-]{0,8}(?:\(?\d{1,2}[.)][ \t]*)?(?:Example[ \t]*\d{1,2}[ \t]*[-:.\u2013]?[ \t]*)?"
    r"(?P<name>input|(?:expected |class )?(?:output|answer|response|label))(?:[ \t]{0,3}\d{1,2})?"
    r"[ \t]{0,3}(?:\*\*|__)?[ \t]{0,3}"
    # A heading needs no colon.
    r"(?:[:\uff1a](?:\*\*|__)?|(?(heading)(?=[ \t]*$)|(?!)))",
    re.I | re.M,
)
_HEADING = re.compile(
    r"^[ \t>#*_-]{0,8}(?:example|instance|case|pair)[ \t]{0,3}#?\d{0,2}[ \t]{0,3}[:.)\u2013-]?"
    r"[ \t]{0,3}[*_]{0,2}[ \t]*$"
    r"|^[ \t]*(?:[-*_=]{3,}|#{1,6}|\(?\d{1,2}[.)]|```\w{0,10})[ \t]*$",
    re.I | re.M,
)


def _labelled(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and content of each label."""
    labels = [(m, _name(m.group("name"))) for m in _LABEL.finditer(text)]
    if any(name == "output" for _, name in labels):
        labels = [(m, name) for m, name in labels if name != "other"]
    elif not any(name == "input" for _, name in labels):
        return
    for n, (label, name) in enumerate(labels):
        end = labels[n + 1][0].start() if n + 1 < len(labels) else len(text)
        content = _without_heading(text[label.end() : end])
        is_last = n + 1 == len(labels)
        yield (
            "input" if name == "input" else "output",
            (_without_talk(content) if is_last else content),
        )


def _name(label: str) -> str:
    label = label.casefold()
    if label.endswith("output"):
        return "output"
    return "input" if label == "input" else "other"


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
    """Remove a closing remark: a last paragraph that speaks to the reader."""
    body, _, last = content.strip().rpartition("\n\n")
    return body.strip() if body and "\n" not in last and is_talk(last) else content
