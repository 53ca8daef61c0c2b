"""Lists whose markers no line shows alone: rewritten with one marker at the start of each line."""

import re
import unicodedata
from collections.abc import Sequence

from app.pipeline.default.lists.frames import without_frames
from app.pipeline.default.lists.markers import read_line
from app.pipeline.default.lists.markup import without_markup

_NUMBER = re.compile(
    r"[ \t]*(?P<number>\d{1,3})(?:(?P<delimiter>[.)])[ \t]+|(?P<wide>[\u3001\uff0e\uff09])[ \t]*)\S"
)
# "Assistant: 1. One": the first item stands behind words that end with a colon.
_FIRST_INLINE = re.compile(
    r"^(?P<words>[^\n]{0,200}?[:\]\uff1a])[ \t]*(?=1(?P<sign>[.)])[ \t]\S)", re.M
)
_BARE = re.compile(r"[ \t]*(?P<number>\d{1,3})[ \t]+(?=[^\W\d_])")
# Keycaps such as 1 0, and letters in circles or squares.
_SYMBOLS = re.compile(
    r"^(?P<lead>[ \t>#-]{0,8})(?P<marks>[*_]{0,3})"
    r"(?:(?P<keycaps>(?:\d\ufe0f?\u20e3){1,3})|(?P<letter>[\u24b6-\u24e9\U0001f110-\U0001f129"
    r"\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189\U0001f1e6-\U0001f1ff])\ufe0f?)"
    r"(?P=marks)[ \t]*(?:[.):\uff1a\u3001]|[-\u2013\u2014](?=\s))?[ \t]*",
    re.M,
)
_CATEGORY = re.compile(
    r"^(?P<label>[ \t#>*_-]{0,8}(?:task|instruction|prompt|question)[ \t]\d{1,3})[ \t]?"
    r"\([^()\n]{1,40}\)(?=[*_]{0,3}[:.])",
    re.I | re.M,
)
_NUMBER_TAGS = re.compile(
    r"^[ \t]*<(?P<number>\d{1,3})>[ \t]*(?P<text>[^<>]{1,2000}?)[ \t]*</(?P=number)>", re.M
)
_END = r"[.!?\u3002\uff01\uff1f\u0964\u061f]"
_FEWEST = 3
_MOST_CHARACTERS = 20_000


def with_plain_markers(text: str, count: int) -> str:
    """Return a list with a marker at the start of each line, and other text as it is.

    Read are a list in one line ("1. One. 2. Two. 3. Three."), numbers without a sign behind them,
    and a category behind the number ("Task 1 (Math): ...").

    Args:
        text: The text of a reply.
        count: Number of tasks asked for.
    """
    text = _NUMBER_TAGS.sub(r"\g<number>. \g<text>", without_markup(text))
    if len(text) > _MOST_CHARACTERS:
        return text
    text = _CATEGORY.sub(r"\g<label>", text)
    text = _with_first_on_its_line(text)
    text = _SYMBOLS.sub(_plain_symbol, text)
    lines = [line for line in text.splitlines() if line.strip()]
    framed = without_frames(text.split("\n"), count)
    if framed is not None:
        return "\n".join(framed)
    if _has_bare_numbers(lines):
        return "\n".join(_BARE.sub(r"\g<number>. ", line, count=1) for line in text.split("\n"))
    numbered = [line for line in lines if _NUMBER.match(line)]
    return text.replace(numbered[0], _parted(numbered[0])) if len(numbered) == 1 else text


def _has_bare_numbers(lines: Sequence[str]) -> bool:
    """Return True when lines count from one without a sign behind the number, and no others."""
    numbers = [int(each.group("number")) for line in lines if (each := _BARE.match(line))]
    counts = len(numbers) >= _FEWEST and numbers == list(range(1, len(numbers) + 1))
    return counts and not any(read_line(line).marker for line in lines if not _BARE.match(line))


def _plain_symbol(found: re.Match[str]) -> str:
    """Return digits and a full stop for keycaps, and a letter in place of a symbol."""
    keycaps = re.findall(r"\d", found.group("keycaps") or "")
    letter = unicodedata.name(found.group("letter") or " ")[-1]
    return f"{found.group('lead')}{''.join(keycaps) or letter}. "


def _parted(line: str) -> str:
    """Return a line with a break before each number that goes on with the one it begins with."""
    begun = _NUMBER.match(line)
    if begun is None:
        return line
    wide = begun.group("wide")
    number, sign = int(begun.group("number")), re.escape(wide or begun.group("delimiter"))
    parts, rest = [], line
    blank = "" if wide else r"\s"
    while found := re.search(rf"(?<={_END})\s*(?={number + 1}{sign}{blank})", rest):
        parts.append(rest[: found.start()])
        rest, number = rest[found.end() :], number + 1
    return "\n".join([*parts, rest]) if len(parts) + 1 >= _FEWEST else line


def _with_first_on_its_line(text: str) -> str:
    """Return a text with a line break before a first item that stands behind other words."""
    found = _FIRST_INLINE.search(text)
    if found is None or any(_NUMBER.match(line) for line in text[: found.start()].splitlines()):
        return text
    words, sign = found.group("words"), re.escape(found.group("sign"))
    second = re.search(rf"(?:^[ \t]*|{_END}\s*)2{sign}\s", text[found.end() :], re.M)
    if second is None or (words.strip() and read_line(words).marker is not None):
        return text
    return f"{text[: found.end()].rstrip()}\n{text[found.end() :]}"
