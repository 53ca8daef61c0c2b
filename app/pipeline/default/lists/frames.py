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
    r"(?P<before>[^\w\s\"'\u201c\u2018(\[<*>#|]{0,3}"
    rf"(?:(?:{_WORD}[ ]){{0,2}}{_WORD})?[ .\u00b0\u00ba#\u2116_-]{{0,3}}[(\[{{<]?)"
    rf"(?P<count>\d{{1,3}}|[{_HAN}]|(?<![^\W\d_])(?:[IVX]{{1,4}}|[ivx]{{1,4}}|[A-J]"
    rf"|(?i:{'|'.join([*_WORDS, *_ORDINALS])}))(?![^\W\d_]))"
    r"(?P<after>(?:[ ](?i:task|instruction|prompt|question))?"
    r"(?:[ ]?/[ ]?\d{1,3}|[ ]of[ ]\d{1,3}|er|st|nd|rd|th)?"
    r"(?:[ ](?i:task|instruction|prompt|question))?"
    r"(?:[ ]?(?:[^\w\s\"'\u201c\u2018(\[*_`]|[\u00ba\u00aa]){1,5}[*_]{0,3}"
    r"|[*_]{1,3}[^\w\s\"'\u201c\u2018(\[*_`]{0,3})?)(?P<blank>\s*)(?P<rest>\D.*|\Z)"
)
# Words before a number in lists of other things.
_NO_TASKS = frozenset(
    ("reason", "rule", "thought", "note", "answer", "output", "input", "tip", "remark", "phase",
     "criterion", "choice", "hint", "day", "week", "month", "year", "chapter", "scene", "verse")
)  # fmt: skip
# Words before a number in lists of anything: of tasks where there are as many as asked for.
_PARTS = frozenset(
    ("step", "point", "part", "option", "section", "level", "line", "row", "page", "version",
     "schritt", "punkt", "teil", "paso", "parte", "\u00e9tape", "partie", "passo", "stap", "krok",
     "\u0448\u0430\u0433", "\u6b65\u9aa4", "\u6b65\u9a5f", "\u30b9\u30c6\u30c3\u30d7",
     "\ub2e8\uacc4")
)  # fmt: skip
_ORDINAL_END = re.compile(r"\A(?:st|nd|rd|th|er|re|e)\b")
_FEWEST = 3
_LABELS = frozenset(["task", "instruction", "prompt", "question"])


class _Framed(NamedTuple):
    at: int
    before: str
    counter: str
    after: str
    rest: str


def without_frames(lines: Sequence[str], count: int) -> list[str] | None:
    """Return lines with numbers in place of framed counters; None where no lines are framed.

    Args:
        lines: The lines of a reply.
        count: Number of tasks asked for.
    """
    framed = list(_framed(lines))
    first = next((each for each in framed if _is_first(each.counter)), None)
    if first is None or any(_has_marker(line) for line in lines[: first.at + 1]):
        return None
    ours = [each for each in framed if (each.before, each.after) == (first.before, first.after)]
    value = next((read for read in _VALUES if _counts(ours, read)), None)
    words = _words(first.before)
    if value is None or not (_PARTS.isdisjoint(words) or (len(words) == 1 and len(ours) == count)):
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
        words = _words(before)
        is_label = bool(words) or (after.split()[:1] and after.split()[0].casefold() in _LABELS)
        is_parted = bool(after) or bool(found.group("blank")) or not found.group("rest")
        if not _NO_TASKS.isdisjoint(words) or not is_parted or not (is_label or after):
            continue
        after = _ORDINAL_END.sub("", after.casefold())
        yield _Framed(n, before, found.group("count"), after, found.group("rest"))


def are_framed(lines: Sequence[str]) -> bool:
    """Return True when most lines begin with the same words or signs around different counters."""
    found = [each for line in lines if (each := _LINE.match(line))]
    counters: dict[tuple[str, str], set[str]] = {}
    for each in found:
        frame = (each.group("before").strip().casefold(), each.group("after").strip())
        counters.setdefault(frame, set()).add(each.group("count").casefold())
    most = max(map(len, counters.values()), default=0)
    return most >= _FEWEST and most * 2 >= len(lines)


def _words(before: str) -> list[str]:
    return before.strip(" .:()[]{}<>#_$-").split()


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
