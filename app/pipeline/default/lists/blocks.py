"""A list cut into its items: each with the lines that belong to it, and without what is around.

Of all markers in a reply those of the first one's kind are its items; others mark something inside
an item. What precedes the first item is an opening remark.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.pipeline.default.lists.markers import Line, Marker, read_line

_COLONS = (":", "\uff1a", "\uff1a**", ":**", ":__")
_YEAR = 1_000
"""A wrapped line may begin with such a number and a full stop."""
_FEWEST_ITEMS = 3
_NUMBERS = frozenset({"number", "label"})
_ORDERED = frozenset({"number", "label", "letter", "roman"})

_FINAL = re.compile(
    r"(?:here(?: is|['\u2019]s| are) )?(?:(?:the|my) )?(?:final|revised|updated|corrected|improved"
    r"|refined|new)"
    r"(?: (?:version|list|set|answer|output|tasks?|instructions?))?(?: of tasks)?\W*\Z",
    re.I,
)
_NO_TASKS = re.compile(
    r"\b(?:here['\u2019]s why|here is why|for (?:the|these) (?:following )?reasons|because"
    r"|need (?:\w+ )?(?:information|details|clarification)|clarify"
    r"|please (?:provide|tell|specify|share)|(?:few|some|following) questions"
    r"|hier ist der grund|brauche (?:\w+ )?informationen|(?:would|will) need to|reasons?|unable to"
    r"|(?:can|could) do instead|instead|follow these|these rules|i can(?:not|['\u2019]t)|sorry)\b"
    r"|\u65e0\u6cd5|\u4e0d\u80fd|\u62b1\u6b49|\u539f\u56e0|\u7533\u3057\u8a33"
    r"|\u3067\u304d\u307e\u305b\u3093",
    re.I,
)
# Such as "Plan:": the tasks follow in a list of their own.
_OTHER_LIST = re.compile(
    r"(?:my |the |some |here (?:is|are) (?:my |the )?)?(?:rules|plan|guidelines|considerations"
    r"|approach|criteria|thoughts|thinking|thought process)\b",
    re.I,
)
_SENTENCE = re.compile(r"(?<=[.!?\u3002\uff01])\s*")
_ABOUT_TASKS = re.compile(
    r"(?:these|the above|if you|i can|i could|would you|let me|next steps"
    r"|all(?: of)? (?:these|the)|why|key (?:features|points|aspects)|how (?:these|they)"
    r"|(?:diversity|quality|coverage|self)[ -]check"
    # A heading such as "Answer questions:" begins more tasks.
    r"|(?:(?:sample |example )?answers?|solutions?|translations?|breakdown|summary|word counts?"
    r"|types?|notes?"
    r"|explanation|rationale|reasoning (?:behind|for))\b"
    r"(?!\s(?:tasks?|questions?|instructions?|prompts?)\W*\Z))"
    r"(?!.*\b(?:new|more|other)\b)",
    re.I,
)


@dataclass(slots=True)
class Block:
    """An item of a list and the lines that follow it, up to the next item."""

    line: Line
    below: list[Line] = field(default_factory=list)

    @property
    def raw(self) -> str:
        """The lines as they came."""
        return "\n".join([self.line.raw, *(line.raw for line in self.below)]).strip()


@dataclass(frozen=True, slots=True)
class CutList:
    """A list as its items."""

    blocks: tuple[Block, ...]
    family: str


def lines_of(text: str, most: int) -> list[Line]:
    """Read up to `most` lines that are neither empty nor a rule."""
    lines: list[Line] = []
    after_blank = in_code = has_item = False
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").split("\n"):
        if not raw.strip():
            after_blank = True
            continue
        if len(lines) >= most:
            break
        line = read_line(raw, after_blank=after_blank)
        # A rule parts what it stands between, as an empty line does.
        after_blank = line.is_rule
        in_code = (has_item and not in_code) if line.is_fence else in_code
        has_item = has_item or line.marker is not None
        if not line.is_rule or in_code:
            lines.append(line)
    return lines


def cut(lines: Sequence[Line]) -> CutList | None:
    """Cut lines into the items of a list; None where no line has a marker."""
    lines = _with_romans(lines)
    first = _first_item(lines)
    if first is None or _announces_no_tasks(lines[:first]):
        return None
    if _are_options(lines, first):
        return None
    announced = _last_sentence(lines[:first])
    cutter = _Cutter(lines[first], is_other=_OTHER_LIST.match(announced) is not None)
    for line in _without_wrapping_fences(lines, first):
        cutter.take(line)
    if cutter.is_other:
        return None
    return CutList(tuple(cutter.blocks), cutter.main.family)


def _first_item(lines: Sequence[Line]) -> int | None:
    """Return the index of the first item.

    A bullet in the opening remark makes no list of bullets where numbers follow.
    """
    marked = [(n, line, line.marker) for n, line in enumerate(lines) if line.marker]
    if not marked:
        return None
    first, line, marker = marked[0]
    if marker.family in _NUMBERS:
        return first
    numbers = [n for n, _, m in marked if m.family in _NUMBERS and _is_flush(lines[n], line)]
    if not numbers:
        return first
    later = [n for n, _, m in marked if m.family == marker.family and n > numbers[0]]
    return first if later and len(later) < len(marked) - 1 and len(numbers) < 3 else numbers[0]


def _are_options(lines: Sequence[Line], first: int) -> bool:
    """Return True for a few indented bullets among lines of a list that is not understood."""
    marker = lines[first].marker
    if marker is None or marker.family != "bullet" or not lines[first].indent or not first:
        return False
    flush = sum(line.marker is None and line.indent < lines[first].indent for line in lines)
    return flush >= _FEWEST_ITEMS and flush > sum(line.marker is not None for line in lines)


def _announces_no_tasks(opening: Sequence[Line]) -> bool:
    """Return True when a list has the reasons of a refusal, or questions to the user."""
    last = _last_sentence(opening)
    return last.endswith(_COLONS) and _NO_TASKS.search(last) is not None


def _last_sentence(opening: Sequence[Line]) -> str:
    last = opening[-1].text.strip("*_ ") if opening else ""
    return [each for each in _SENTENCE.split(last) if each][-1] if last else ""


def _is_flush(line: Line, other: Line) -> bool:
    return line.indent <= other.indent + 1


def _with_romans(lines: Sequence[Line]) -> Sequence[Line]:
    """Read i, v and x as numbers where the first letter of a list is i."""
    letters = [line.marker for line in lines if line.marker and line.marker.family == "letter"]
    if not letters or letters[0].number != 9:
        return lines
    values = {9: 1, 22: 5, 24: 10}
    return [
        Line(
            line.raw, line.indent, line.text,
            Marker("roman", line.marker.detail.replace("a", "i").replace("A", "I"),
                   values[line.marker.number]),
            line.is_heading, after_blank=line.after_blank,
        )
        if line.marker and line.marker.family == "letter" and line.marker.number in values
        else line
        for line in lines
    ]  # fmt: skip


def _without_wrapping_fences(lines: Sequence[Line], first: int) -> Iterator[Line]:
    """Yield the lines from the first item on, up to the end of a fence that opened before it."""
    is_wrapped = sum(line.is_fence for line in lines[:first]) % 2 == 1
    fences = [n for n, line in enumerate(lines) if n >= first and line.is_fence]
    last = fences[-1] if fences and (is_wrapped or len(fences) % 2) else len(lines)
    yield from lines[first:last]
    if not is_wrapped:
        yield from lines[last + 1 :]


class _Cutter:
    def __init__(self, first: Line, *, is_other: bool) -> None:
        if first.marker is None:
            raise ValueError("a list begins with a marker")
        self.main = first.marker
        self.is_other = is_other
        """True for a list that is not of tasks."""
        self.blocks: list[Block] = []
        self._indent = first.indent
        self._last = 0
        self._inner: tuple[Marker, int] | None = None
        self._in_code = False
        self._is_over = False

    def take(self, line: Line) -> None:
        """Begin an item with a line, or put it below the last one."""
        if self.blocks and line.is_fence:
            self._in_code = not self._in_code
        elif not self._in_code and line.marker and self._begins_item(line, line.marker):
            if self._is_over or self._starts_over(line.marker):
                self._is_over = True
                return
            self.blocks.append(Block(line))
            self._last, self._inner = line.marker.number, None
            self._indent = min(self._indent, line.indent)
            return
        if line.marker and line.marker.family == "number" and line.marker.number >= _YEAR:
            line = replace(line, marker=None, text=line.plain)
        if self.blocks:
            self.blocks[-1].below.append(line)

    def _starts_over(self, marker: Marker) -> bool:
        """Return True for a second list that is about the first one.

        A second list that a line calls the final one takes the place of the first.
        """
        if not self.blocks or marker.number > 1 or not self.blocks[-1].below:
            return False
        last = self.blocks[-1].below[-1]
        text = last.text.strip("*_# ")
        is_title = last.is_heading or (last.text.startswith("**") and last.text.endswith("**"))
        if last.marker is not None or not (text.endswith(_COLONS) or is_title):
            return False
        if marker.family not in _ORDERED and (not last.after_blank or last.indent > self._indent):
            return False
        if _FINAL.match(text) or self.is_other:
            self.blocks.clear()
            self.is_other = False
        return _ABOUT_TASKS.match(text) is not None

    def _begins_item(self, line: Line, marker: Marker) -> bool:
        if not self.blocks:
            return True
        is_same = marker.detail == self.main.detail
        is_deeper = line.indent > self._indent + 1
        if marker.family != self.main.family:
            return False
        if marker.family not in _ORDERED:
            return is_same and not is_deeper
        is_next = marker.number == self._last + 1
        if marker.family == "number" and marker.number >= _YEAR and not is_next:
            return False
        begins = not self._goes_on_inside(line, marker) and (
            self._begins_deeper(marker) if is_deeper else self._begins_flush(marker)
        )
        if not begins:
            self._inner = (marker, line.indent)
        return begins

    def _goes_on_inside(self, line: Line, marker: Marker) -> bool:
        """Return True when a number goes on with a list inside the item."""
        if self._inner is None:
            return False
        inner, indent = self._inner
        follows = marker.detail == inner.detail and marker.number == inner.number + 1
        is_next = marker.detail == self.main.detail and marker.number == self._last + 1
        left = indent > self._indent + 1 and line.indent <= self._indent + 1
        return follows and not (is_next and left)

    def _begins_deeper(self, marker: Marker) -> bool:
        is_next = marker.detail == self.main.detail and marker.number == self._last + 1
        return is_next and self._inner is None

    def _begins_flush(self, marker: Marker) -> bool:
        if marker.detail == self.main.detail:
            return not (marker.number == 1 and self._last >= 1 and self._announces())
        return marker.family == "number" and marker.number > max(self._last, 1)

    def _announces(self) -> bool:
        block = self.blocks[-1]
        return not block.below and block.line.text.rstrip().endswith(_COLONS)
