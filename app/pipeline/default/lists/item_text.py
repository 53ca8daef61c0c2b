"""The task in an item of a list, without what chat models put around it.

| around a task | what becomes of it |
|---|---|
| `**Title**:` before it, a title above it | left out |
| `Instruction:` before it | left out |
| `- Category: ...`, `(easy)`, `*a note*` below it | left out |
| quotation marks, emphasis, control tokens | left out |
| what it announces: constraints, facts, or options to choose from | they stay |
| a paragraph after an empty line | left out behind the last item; elsewhere the item is unclear |

What is not clearly a task is not read.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from app.pipeline.default.lists.blocks import Block
from app.pipeline.default.lists.markers import Line
from app.pipeline.default.lists.remarks import (
    Kind,
    is_constraint,
    is_remark,
    is_talk,
    kind_of,
    label_of,
    without_inline_remark,
)
from app.pipeline.default.lists.tidy import (
    NO_TITLES,
    TASK_LABELS,
    Titles,
    begins_with_label,
    tidy,
    unlabelled,
    untitled,
)
from app.pipeline.screening import count_words

_ALL_BOLD = re.compile(
    r"(?P<mark>\*\*\*|\*\*|__)(?P<text>[^*\n]+?)(?P=mark)\s?[:\uff1a.]?|(?P<title>\S[^\n]*)(?P<end>)(?<=\*\*)"
)
_CHOICE = re.compile(
    r"\b(?:choose|pick|select|classif\w+|categori[sz]e|which|decide|label|identify|determine|following"
    r"|these|those|below|options?|order|rank|sort|arrange|match|group|w\u00e4hl\w*|welche[rs]?|folgende\w*"
    r"|choisi\w+|quel(?:le)?s?|suivante?s?|eli[gj]\w+|cu\u00e1l\w*|siguientes?|escolh\w+|qual|seguintes?"
    r"|scegli\w*|quale|seguenti|kies|volgende|wybierz|nast\u0119puj\w+|se\u00e7\w*|a\u015fa\u011f\u0131\w*)\b"
    r"|\u0432\u044b\u0431\u0435\u0440|\u043a\u0430\u043a\u043e\u0439|\u0441\u043b\u0435\u0434\u0443\u044e\u0449"
    r"|\u9009\u62e9|\u4ee5\u4e0b|\u4e0b\u5217|\u54ea|\u9078|\u6b21\u306e|\u3069\u308c|\ub2e4\uc74c",
    re.I,
)
_SENTENCE_END = tuple(".!?\u3002\uff01\uff1f\u2026\u0964\u061f")
_AFTER_END = "\"'*_)\u201d\u2019\u00bb\u300d`"
_COLONS = (":", "\uff1a")
_BOLD = re.compile(r"(?P<bullet>\S{1,3}\s+)?(?P<mark>\*\*|\*|__)(?P<text>[^*\n]+)(?P=mark)")
_WRAPPED_LINE = 50
"""Characters from which a line may be cut by a line break rather than be a title."""
_MOST_GROUP_WORDS = 6
_FEWEST_CONTINUED_WORDS = 4
"""Words of a text that goes on with its bullets: fewer may be a title."""


@dataclass(frozen=True, slots=True)
class Place:
    """The position of an item in its list, and what the items of the list have in common."""

    is_last: bool = False
    titles: Titles = NO_TITLES
    shared: frozenset[str] = frozenset()
    """Labels below nearly every item."""
    has_bullet: bool = False
    """True where each item has one bullet below it."""


def task_in(block: Block, place: Place) -> str | None:
    """Return the task of an item: empty when there is none, None when it is unclear."""
    return _Item(block, place).task()


class _Around:
    """The text above the lines below a task, and the kinds of these lines."""

    def __init__(self, text: str, own: Sequence[Line]) -> None:
        self._text = text
        self.kinds = [kind_of(line) for line in own]
        leads = [text, *(line.text for line in own if not line.marker)]
        self.announced = any(map(_is_announced, leads))
        self._has_remarks = not {"remark", "topic"}.isdisjoint(self.kinds)
        marked = {kind for kind, line in zip(self.kinds, own, strict=True) if line.marker}
        self._has_only_facts = marked <= {"topic", "detail", "other", "material"} and marked != {
            "topic"
        }

    def is_part(self, kind: Kind, *, is_bullet: bool) -> bool | None:
        """Return True when a line with a label of no clear kind belongs to the task above it."""
        if self.announced:
            return self._has_only_facts or (kind == "other" or None)
        if kind == "topic" or (kind == "detail" and self._has_remarks):
            return False
        return None if kind == "detail" or is_bullet or _ends_sentence(self._text) else True


class _Item:
    def __init__(self, block: Block, place: Place) -> None:
        self._line = block.line
        self._below = block.below
        self._place = place
        self._base = block.line.indent

    def task(self) -> str | None:
        text = without_inline_remark(self._line.text)
        labelled = [n for n, line in enumerate(self._below) if begins_with_label(_plain(line))]
        if labelled:
            # "1. Title", and below it "Instruction: text".
            at = labelled[0]
            text, self._below = unlabelled(_plain(self._below[at])), self._below[at + 1 :]
        elif self._is_title(text):
            following = self._below
            is_bullet = following[0].marker is not None
            text = following[0].text if is_bullet else _plain(following[0])
            self._below = following[1:]
        return self._with_rest(text)

    def _is_title(self, text: str) -> bool:
        """Return True when the first line is no task but the title of the lines below it."""
        if not self._below:
            return False
        first = self._below[0]
        if not text.strip("*_ ") or re.fullmatch(TASK_LABELS, text.strip("*_ "), re.I):
            return not first.is_fence
        # A task in emphasis looks like a remark.
        is_task = _ends_sentence(first.text) and first.text.lstrip().startswith(("*", "_"))
        if (is_remark(first) and not (is_task and label_of(first) == "")) or first.is_heading:
            return False
        bold = _ALL_BOLD.fullmatch(text)
        if first.marker is not None:
            return bold is not None and self._place.has_bullet and _ends_sentence(first.text)
        if self._line.is_heading and not _ends_sentence(text):
            # A task may be wrapped in a heading, too.
            return not first.text[:1].islower()
        return bold is not None and not _ends_sentence(text)

    def _with_rest(self, text: str) -> str | None:
        """Return the text with what belongs to it of the lines below; None when that is unclear."""
        text = unlabelled(text)
        own = self._own_lines(text)
        below = None if own is None else self._without_remarks(own, text)
        if below is None:
            return None
        plain: list[str] = [text]
        options: list[Line] = []
        for n, line in enumerate(below):
            if line.is_fence:
                return _with_code(plain, below[n:])
            if line.marker is not None or options:
                options.append(line)
            elif not _continues(plain[-1], line):
                return None
            else:
                plain.append(line.plain)
        joined = " ".join(plain)
        if not options:
            return untitled(joined, self._place.titles)
        return self._with_options(joined, options)

    def _without_remarks(self, own: Sequence[Line], text: str) -> Sequence[Line] | None:
        """Return the lines that belong to the task; None when that is unclear of one of them."""
        if any(line.is_fence for line in own):
            return own
        around = _Around(text, own)
        kept: list[Line] = []
        for n, line in enumerate(own):
            is_part = self._is_part(line, around)
            if _is_announced(line.text) and around.kinds[n] == "remark" and n + 1 < len(own):
                # What follows may be part of the remark.
                is_part = None
            if is_part is None:
                return None
            if is_part:
                kept.append(line)
        return kept

    def _is_part(self, line: Line, around: _Around) -> bool | None:
        """Return True when a line belongs to the task; None when that is unclear.

        Details such as a length are remarks where they stand among remarks, or below every item.
        """
        kind = kind_of(line)
        if line.text.startswith("|") or self._is_section(line):
            return None
        if kind == "remark":
            is_fact = around.announced and line.marker is not None and not label_of(line)
            return is_fact and _BOLD.fullmatch(line.text) is not None
        if kind not in {"topic", "detail", "other"}:
            return True
        if label_of(line) in self._place.shared:
            return False
        return around.is_part(kind, is_bullet=line.marker is not None)

    def _is_section(self, line: Line) -> bool:
        """Return True for ``1.2 Text`` below ``1. Title``."""
        number = self._line.marker.number if self._line.marker else 0
        return re.match(rf"{number}\.\d{{1,2}}\.?\s+[^\W\d_a-z]", line.plain) is not None

    def _own_lines(self, text: str) -> Sequence[Line] | None:
        """Return the lines below up to a paragraph that does not belong to the item."""
        announced = _is_announced(text)
        own: list[Line] = []
        for n, line in enumerate(self._below):
            if line.is_heading and line.marker is None:
                break
            if self._is_end(n) and self._announces_next(line, text, own):
                break
            is_quoted = line.is_quoted and not self._line.is_quoted
            stands_apart = line.after_blank and line.indent <= self._base + 1 and not line.is_fence
            if stands_apart and not is_quoted:
                is_announced = announced or _is_announced(own[-1].text if own else "")
                belongs = self._belongs(line, own, announced=is_announced)
                if belongs is None:
                    return None
                if not belongs:
                    break
            own.append(line)
        if self._place.is_last and not announced:
            return self._without_last_words(text, own)
        return own

    def _is_end(self, at: int) -> bool:
        """Return True when at most words that stand apart follow a line below the item."""
        following = self._below[at + 1 : at + 2]
        is_apart = all(line.after_blank and line.marker is None for line in following)
        return not following or (self._place.is_last and is_apart)

    def _announces_next(self, line: Line, text: str, own: Sequence[Line]) -> bool:
        """Return True when the last line below an item announces what follows the item."""
        before = own[-1].text if own else text
        return (
            line.marker is None
            and line.indent <= self._base
            and _is_announced(line.text)
            and _ends_sentence(before)
            and len(line.text.split()) <= _MOST_GROUP_WORDS
        )

    def _belongs(self, line: Line, own: Sequence[Line], *, announced: bool) -> bool | None:
        """Return True when a line behind an empty one is of the item; None when that is unclear."""
        if announced and (line.marker is not None or not (self._place.is_last or own)):
            return True
        is_aside = is_remark(line) or line.text.endswith(_COLONS)
        if announced and not is_aside and all(each.marker is None for each in own):
            return None
        if self._place.is_last or is_aside:
            return False
        return None if line.marker is None else True

    def _without_last_words(self, text: str, own: list[Line]) -> Sequence[Line] | None:
        """Remove a closing remark that follows the last item without an empty line."""
        before = [text, *(line.text for line in own)]
        if any(line.is_fence for line in own):
            return own
        for n, line in enumerate(own):
            is_plain = line.marker is None and line.indent <= self._base + 1 and not line.is_quoted
            if is_plain and kind_of(line) in {"", "other"} and _ends_sentence(before[n]):
                return own[:n] if is_talk(line.text) else None
        return own

    def _with_options(self, text: str, options: Sequence[Line]) -> str | None:
        """Return a text with the bullets below it; None when it is unclear whose they are."""
        kinds = {kind_of(line) for line in options}
        bodies = [line.text for line in options]
        is_deeper = all(line.indent > self._base + 1 for line in options)
        is_whole = _ends_sentence(text) and is_deeper and all(map(is_constraint, bodies))
        is_named = kinds <= {"constraint", "material"}
        is_announced = _is_announced(text) or _CHOICE.search(text) is not None
        if is_announced or is_named or is_whole or (is_deeper and _goes_on(text, bodies)):
            kept = " ".join([text, *map(_option, options)])
            return untitled(kept, self._place.titles)
        return None


def _goes_on(text: str, bodies: Sequence[str]) -> bool:
    """Return True when the bullets end a sentence: "Write a story that includes", "a dragon"."""
    is_begun = not _ends_sentence(text) and count_words(text) >= _FEWEST_CONTINUED_WORDS
    return is_begun and all(body[:1].islower() for body in bodies)


def _option(line: Line) -> str:
    """Return an option with its bullet, without emphasis around all of it."""
    bold = _BOLD.fullmatch(line.plain)
    return f"{bold.group('bullet') or ''}{bold.group('text')}" if bold else line.plain


def _plain(line: Line) -> str:
    return line.text if line.marker is not None or line.is_heading else line.plain


def _is_announced(text: str) -> bool:
    return text.rstrip("*_ ").endswith(_COLONS)


def _ends_sentence(text: str) -> bool:
    return text.rstrip().rstrip(_AFTER_END).endswith(_SENTENCE_END)


def _continues(before: str, line: Line) -> bool:
    """Return True when a line goes on with the text before it: it was wrapped, or is a sentence.

    A short line without a full stop, and a capital below it, may be a title and its text.
    """
    if _ends_sentence(before) or before.rstrip("*_ ").endswith(_COLONS):
        return True
    first = line.text[:1]
    is_wrapped = not first.isupper() or len(before.splitlines()[-1]) >= _WRAPPED_LINE
    return is_wrapped or before.rstrip().endswith((",", ";", "\uff0c", "-", "\u2014"))


def _with_code(plain: Sequence[str], rest: Sequence[Line]) -> str | None:
    """Return a task with the code block below it; None when more follows than code."""
    closing = [n for n, line in enumerate(rest) if n and line.is_fence]
    if not closing or len(rest) > closing[0] + 1:
        return None
    code = textwrap.dedent("\n".join(line.raw for line in rest[: closing[0] + 1])).split("\n")
    task = " ".join(" ".join(plain).split())
    if not task:
        return tidy(" ".join(line.strip() for line in code[1:-1]))
    return "\n".join([task, *code])
