"""Fields in tags, such as ``<input>`` or ``[Input]``; models leave them open."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from app.pipeline.default.pairs.content import without_talk
from app.pipeline.default.pairs.names import SURE, field_of

_ID = r"(?:\s(?:id|n|no|nr|num|number|index|example)\s?=\s?[\"']?\d{1,3}[\"']?)?"
_ANGLE = re.compile(
    rf"<(?P<closing>[/\\])?\s?(?P<name>input|output)(?:[ _]?\d{{1,2}})?{_ID}\s?>", re.I | re.A
)
_QUESTION = re.compile(
    rf"<(?P<closing>[/\\])?\s?(?P<name>question|answer)(?:[ _]?\d{{1,2}})?{_ID}\s?>", re.I | re.A
)
_SQUARE = re.compile(
    rf"[\[\u3010](?P<closing>/)?\s?(?P<name>{SURE})(?:[ _]?\d{{1,2}})?\s?[\]\u3011]"
    r"[ \t]?[:\uff1a]?",
    re.I,
)
_BROKEN_END = re.compile(r"(?:\s*</[a-z]{0,6}|\s*```)\s*\Z", re.I)
_MOST_INNER = 40
"""Tags that a content may have itself, such as those of HTML."""
_CDATA = re.compile(r"\s*<!\[CDATA\[(?P<inner>.*)\]\]>\s*", re.S)


def tags_in(text: str) -> Sequence[re.Match[str]]:
    """Return the tags of the first form that a text has; empty without any.

    Square brackets stand in many texts, so the first of them must begin a line.
    """
    for form in (_ANGLE, _QUESTION, _SQUARE):
        tags = list(form.finditer(text))
        if form is _SQUARE and tags and not _begins_line(text, tags[0]):
            continue
        if any(_field(tag) == "output" for tag in tags):
            return tags
    return ()


def tagged(
    text: str, tags: Sequence[re.Match[str]], *, first: str, cut_off: bool
) -> Iterator[tuple[str, str]]:
    """Yield the field and content of each tag that is closed, or ended by what follows it."""
    closings = _places(tags, text, closing=True)
    reopenings = _places(tags, text, closing=False)
    position = 0
    for at, tag in enumerate(tags):
        if tag.start() < position or tag.group("closing"):
            continue
        name = _field(tag)
        closing = _after(closings[name], tag.end())
        reopening = _after(reopenings[name], tag.end())
        if closing is not None and (reopening is None or closing[0] < reopening[0]):
            closing = _balanced(tags[at + 1 :], name, reopening) or closing
            yield name, _plain(text[tag.end() : closing[0]])
            position = closing[1]
            continue
        following = next(
            (each for each in tags[at + 1 : at + 2] if not each.group("closing")), None
        )
        if following is not None:
            content = text[tag.end() : following.start()]
            if _field(following) != name and (content.strip() or name == "input"):
                yield name, content
        elif at == len(tags) - 1 and not cut_off and (name == "output" or first == "output"):
            content = _BROKEN_END.sub("", text[tag.end() :]).strip()
            if content:
                yield name, without_talk(content)


def _balanced(
    tags: Sequence[re.Match[str]], name: str, reopening: tuple[int, int] | None
) -> tuple[int, int] | None:
    """Return the tag that closes a field whose content has such tags itself; None without one."""
    depth = 1
    for tag in tags[:_MOST_INNER]:
        if reopening is not None and tag.start() >= reopening[0]:
            return None
        if _field(tag) == name:
            depth += -1 if tag.group("closing") else 1
            if not depth:
                return tag.span()
    return None


def _field(tag: re.Match[str]) -> str:
    found = field_of(tag.group("name"))
    return found[0] if found else ""


def _plain(content: str) -> str:
    wrapped = _CDATA.fullmatch(content)
    return wrapped.group("inner") if wrapped else content


def _places(
    tags: Sequence[re.Match[str]], text: str, *, closing: bool
) -> dict[str, list[tuple[int, int]]]:
    """Return where the tags of each field stand; of opening ones those that begin a line."""
    places: dict[str, list[tuple[int, int]]] = {"input": [], "output": []}
    for tag in tags:
        if bool(tag.group("closing")) == closing and (closing or _begins_line(text, tag)):
            places[_field(tag)].append(tag.span())
    return places


def _begins_line(text: str, tag: re.Match[str]) -> bool:
    before = text[max(tag.start() - 20, 0) : tag.start()].rstrip(" \t>")
    return before.endswith("\n") or (not before and tag.start() <= 20)


def _after(places: Sequence[tuple[int, int]], position: int) -> tuple[int, int] | None:
    at = bisect_right(places, (position, -1))
    return places[at] if at < len(places) else None
