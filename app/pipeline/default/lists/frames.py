"""Lists whose lines have the same signs or words around a counter: "T1:", "Task One -", "1>".

No list of markers has them all. What tells them from text is that they count: 1, 2, 3, each in the
same frame and at the beginning of a line.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.pipeline.default.lists.markers import read_line

_WORD = r"[^\W\d_][^\s\d!-/:-@\[-`{-~\u3000-\u303f\uff00-\uff20]{0,19}?"
_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
]  # fmt: skip
_HAN = "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341"
_ROMANS = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"]
_LINE = re.compile(
    r"[ \t>]{0,8}#{0,6}[ \t]{0,2}[*_]{0,3}"
    rf"(?P<before>(?:(?:{_WORD}[ ]){{0,2}}{_WORD})?[ .\u00b0\u00ba#\u2116_-]{{0,3}}[(\[{{<]?)"
    rf"(?P<count>\d{{1,3}}|[{_HAN}]|(?<![^\W\d_])(?:[IVX]{{1,4}}|[A-J]"
    rf"|(?i:{'|'.join([*_WORDS, *_ORDINALS])}))(?![^\W\d_]))"
    r"(?P<after>(?:[ ](?i:task|instruction|prompt|question))?(?:/\d{1,3}|er|st|nd|rd|th)?"
    r"(?:[ ]?(?:[^\w\s\"'\u201c\u2018(\[]|[\u00ba\u00aa]){1,5})?)(?P<blank>\s*)(?P<rest>\D.*|\Z)"
)
# Words before a number in lists of other things.
_NO_TASKS = frozenset(
    ("reason", "rule", "thought", "step", "note", "answer", "output", "input", "point", "tip",
     "remark", "phase", "part", "criterion", "option", "choice", "hint", "day", "week", "month",
     "year", "chapter", "section", "level", "line", "row", "page", "scene", "verse", "version")
)  # fmt: skip
_FEWEST = 3
_LABELS = frozenset(["task", "instruction", "prompt", "question"])


class _Framed(NamedTuple):
    at: int
    before: str
    counter: str
    after: str
    rest: str


def without_frames(lines: Sequence[str]) -> list[str] | None:
    """Return lines with numbers in place of framed counters; None where no lines are framed."""
    framed = list(_framed(lines))
    first = next((each for each in framed if _is_first(each.counter)), None)
    if first is None or any(_has_marker(line) for line in lines[: first.at + 1]):
        return None
    ours = [each for each in framed if (each.before, each.after) == (first.before, first.after)]
    value = next((read for read in _VALUES if _counts(ours, read)), None)
    if value is None:
        return None
    plain = list(lines)
    for each in ours:
        plain[each.at] = f"{value(each.counter)}. {each.rest}"
    return plain


def _framed(lines: Sequence[str]) -> Iterator[_Framed]:
    for n, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            continue
        before, after = found.group("before").strip().casefold(), found.group("after").strip()
        words = before.strip(" .()[]{}<>#_-").split()
        is_label = bool(words) or (after.split()[:1] and after.split()[0].casefold() in _LABELS)
        is_parted = bool(after) or bool(found.group("blank")) or not found.group("rest")
        if not _NO_TASKS.isdisjoint(words) or not is_parted or not (is_label or after):
            continue
        yield _Framed(n, before, found.group("count"), after.casefold(), found.group("rest"))


def _has_marker(line: str) -> bool:
    return bool(line.strip()) and read_line(line).marker is not None


def _counts(framed: Sequence[_Framed], value: Callable[[str], int]) -> bool:
    """Return True when lines count from one, or from zero, without a gap."""
    values = [value(each.counter) for each in framed]
    return len(values) >= _FEWEST and values == list(range(values[0], values[0] + len(values)))


def _is_first(count: str) -> bool:
    return any(read(count) in {0, 1} for read in _VALUES)


def _digits(count: str) -> int:
    return int(count) if count.isdecimal() else -1


def _index(names: Sequence[str]) -> Callable[[str], int]:
    values: Mapping[str, int] = {name.casefold(): n for n, name in enumerate(names, start=1)}
    return lambda count: values.get(count.casefold(), -1)


_VALUES = (_digits, *map(_index, (_HAN, _ROMANS, "ABCDEFGHIJ", _WORDS, _ORDINALS)))
