"""Lists whose markers no line shows alone: rewritten with one marker at the start of each line."""

import re

_NUMBER = re.compile(r"[ \t]*(?P<number>\d{1,3})(?P<delimiter>[.)])[ \t]+\S")
_BARE = re.compile(r"[ \t]*(?P<number>\d{1,3})[ \t]+(?=[^\W\d_])")
_CATEGORY = re.compile(
    r"^(?P<label>[ \t#>*_-]{0,8}(?:task|instruction|prompt|question)[ \t]\d{1,3})[ \t]?"
    r"\([^()\n]{1,40}\)(?=[*_]{0,3}[:.])",
    re.I | re.M,
)
_FEWEST = 3
_MOST_CHARACTERS = 20_000


def with_plain_markers(text: str) -> str:
    """Return a list with a marker at the start of each line, and other text as it is.

    Read are a list in one line ("1. One. 2. Two. 3. Three."), numbers without a sign behind them,
    and a category behind the number ("Task 1 (Math): ...").
    """
    if len(text) > _MOST_CHARACTERS:
        return text
    text = _CATEGORY.sub(r"\g<label>", text)
    lines = [line for line in text.splitlines() if line.strip()]
    bare = [_BARE.match(line) for line in lines]
    numbers = [int(each.group("number")) for each in bare if each]
    if len(lines) >= _FEWEST and numbers == list(range(1, len(lines) + 1)):
        return "\n".join(_BARE.sub(r"\g<number>. ", line, count=1) for line in lines)
    numbered = [line for line in lines if _NUMBER.match(line)]
    return text.replace(numbered[0], _parted(numbered[0])) if len(numbered) == 1 else text


def _parted(line: str) -> str:
    """Return a line with a break before each number that goes on with the one it begins with."""
    begun = _NUMBER.match(line)
    if begun is None:
        return line
    number, sign = int(begun.group("number")), re.escape(begun.group("delimiter"))
    parts, rest = [], line
    while found := re.search(rf"(?<=[.!?\u3002\uff1f])\s*(?={number + 1}{sign}\s)", rest):
        parts.append(rest[: found.start()])
        rest, number = rest[found.end() :], number + 1
    return "\n".join([*parts, rest]) if len(parts) + 1 >= _FEWEST else line
