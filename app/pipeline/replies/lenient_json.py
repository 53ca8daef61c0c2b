"""JSON as chat models write it: read as far as it is whole, and never completed.

Read are, besides JSON: trailing and missing commas, single and curly quotes, quotes inside a text,
bare keys, Python's literals, comments, line breaks in a text, wrong escapes, several values one
after another, and values that break off. What breaks off or is ambiguous is left out.

Written by hand, because no library is right on all of these (measured on 20 shapes): json5 0.17
and pyjson5 2.0 know no missing comma, no quotes inside a text and none of Python's literals;
demjson3 3.0 takes two minutes for a hostile text; dirtyjson 1.0 and hjson 3.1 know no wrong
escapes. All of these give an error, and nothing, for a value that breaks off. json_repair 0.64
reads most, and completes the rest, also with `strict=True`: ``["Task one.", "Task tw`` gives two
tasks, and a bare word becomes a text.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Not strict: small models write line breaks into strings as they are.
_STRICT = json.JSONDecoder(strict=False)
_DEEPEST = 40
_BLANKS = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|\#[^\n]*|/\*[^*]{0,500}\*/)*")
_SEPARATORS = re.compile(
    r"(?:[\s,\uff0c\ufeff]+|\.\.\.|\u2026|//[^\n]*|\#[^\n]*|/\*[^*]{0,500}\*/)*"
)
_CLOSING_QUOTE = {'"': '"', "'": "'", "\u201c": "\u201d"}
_STOPS = {quote: re.compile(rf"[{closing}\\]") for quote, closing in _CLOSING_QUOTE.items()}
# What follows a text: a sign of structure, or a line break and the next text.
_AFTER_TEXT = re.compile(r"\s*(?:[,\uff0c\]}):\uff1a]|\Z|//|\#|/\*)|[ \t]*\r?\n\s*[\"'\u201c{\[]")
# "a text " + "in two parts"
_JOINED = re.compile(r"\s{0,9}\+\s{0,9}\"")
_LITERAL = re.compile(r"(-?\d[\d.eE+-]{0,40}|[A-Za-z]{1,10})(?=[\s,\uff0c\]})]|\Z)")
_CONSTANTS: dict[str, object] = {
    "true": True, "false": False, "null": None, "True": True, "False": False, "None": None,
    "NaN": None, "undefined": None,
}  # fmt: skip
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\"}
_BEFORE_QUOTED = frozenset(" \t\n([{-/\u00a0")
_COMMA_OR_BREAK = frozenset(",\uff0c\n")
_BARE_KEY = re.compile(r"[^\W\d][\w-]{0,60}")
_COLON = re.compile(r"\s*(?:[:\uff1a]|=>)")
_START = re.compile(r"[\[{]")
_LIKELY = re.compile(
    r"(?:\{\s{0,99}(?:[\"'\u201c}]|[^\W\d]\w{0,40}\s{0,9}:)|\[\s{0,99}[\"'\u201c\[{(\]])"
    r"|[\[{]\s{0,99}(?://|\#|/\*)"
)
_MOST_VALUES = 1_000
_MOST_STRICT = 20
"""The strict reader counts lines for each error, from the beginning."""


@dataclass(frozen=True, slots=True)
class Found:
    """A JSON value in a text."""

    value: object
    start: int
    end: int
    is_whole: bool
    """False: it breaks off. Its lists hold the items that are whole."""


def json_values(text: str) -> Iterator[Found]:
    """Yield the objects and lists in a text, those inside others left out, in order."""
    position = errors = 0
    for _ in range(_MOST_VALUES):
        opening = next((s for s in _START.finditer(text, position) if _is_likely(text, s)), None)
        if opening is None:
            return
        found = None if errors > _MOST_STRICT else _strict(text, opening.start())
        if found is None:
            errors += 1
            read = _Reader(text).container(opening.start(), 0)
            found = Found(read.value, opening.start(), read.end, read.is_whole)
        yield found
        position = max(found.end, opening.end())


def _is_likely(text: str, opening: re.Match[str]) -> bool:
    return _LIKELY.match(text, opening.start()) is not None


def _strict(text: str, start: int) -> Found | None:
    try:
        value, end = _STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return Found(value, start, end, is_whole=True)


@dataclass(frozen=True, slots=True)
class _Read:
    value: object
    end: int
    is_whole: bool = True
    is_doubtful: bool = False
    """True for a text that may have ended too early."""


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def container(self, start: int, depth: int) -> _Read:
        if depth > _DEEPEST:
            return _Read(None, start + 1, is_whole=False)
        if self._text[start] == "{":
            return self._object(start + 1, depth)
        return self._list(start + 1, depth, "]" if self._text[start] == "[" else ")")

    def _value(self, start: int, depth: int) -> _Read:
        sign = self._text[start : start + 1]
        if sign in {"{", "[", "("} and sign:
            return self.container(start, depth)
        if sign in _CLOSING_QUOTE:
            return self._string(start)
        literal = _LITERAL.match(self._text, start)
        if literal is None:
            return _Read(None, start, is_whole=False)
        word = literal.group(1)
        if word in _CONSTANTS:
            return _Read(_CONSTANTS[word], literal.end())
        try:
            return _Read(json.loads(word), literal.end())
        except ValueError:
            return _Read(None, start, is_whole=False)

    def _list(self, start: int, depth: int, closing: str) -> _Read:
        items: list[object] = []
        last: _Read | None = None
        position = start
        while True:
            position, is_parted = self._parted(position)
            if self._text[position : position + 1] == closing:
                return _Read(items, position + 1)
            at_end = position >= len(self._text)
            follows_directly = isinstance(last and last.value, str) and not is_parted and not at_end
            read = _Read(None, position, is_whole=False)
            if not follows_directly:
                read = self._value(position, depth + 1)
            if not read.is_whole:
                # Where the last item ends is unclear.
                if follows_directly or (last is not None and last.is_doubtful):
                    del items[-1:]
                return _Read(items, read.end, is_whole=False)
            items.append(read.value)
            last, position = read, read.end

    def _object(self, start: int, depth: int) -> _Read:
        fields: dict[str, object] = {}
        position, is_first = start, True
        while True:
            position, is_parted = self._parted(position)
            if self._text[position : position + 1] == "}":
                return _Read(fields, position + 1)
            key = self._key(position) if is_first or is_parted else None
            colon = _COLON.match(self._text, key.end) if key else None
            if key is None or colon is None:
                return _Read(fields, position, is_whole=False)
            blanks = _BLANKS.match(self._text, colon.end())
            read = self._value(blanks.end() if blanks else colon.end(), depth + 1)
            if read.is_whole or isinstance(read.value, list | dict):
                fields.setdefault(str(key.value), read.value)
            if not read.is_whole:
                return _Read(fields, read.end, is_whole=False)
            position, is_first = read.end, False

    def _parted(self, position: int) -> tuple[int, bool]:
        """Return where the next item begins, and True when a comma or a line break precedes it."""
        found = _SEPARATORS.match(self._text, position)
        end = found.end() if found else position
        return end, not _COMMA_OR_BREAK.isdisjoint(self._text[position:end])

    def _key(self, start: int) -> _Read | None:
        if self._text[start : start + 1] in _CLOSING_QUOTE:
            read = self._string(start)
            return read if read.is_whole else None
        bare = _BARE_KEY.match(self._text, start)
        return _Read(bare.group(), bare.end()) if bare else None

    def _string(self, start: int) -> _Read:
        """Read a text. A quotation mark inside it is one that no sign of structure follows.

        Inside a text quotation marks come in pairs. An odd number says that the text was ended
        where a comma follows a word in quotation marks: such a text is not read.
        """
        text, quote = self._text, self._text[start]
        parts: list[str] = []
        position, inner = start + 1, 0
        while stop := _STOPS[quote].search(text, position):
            parts.append(text[position : stop.start()])
            position = stop.end()
            if stop.group() == "\\":
                escaped, position = _unescaped(text, position)
                parts.append(escaped)
            elif inner % 2 == 0 and (joined := _JOINED.match(text, position)):
                position = joined.end()
            elif _AFTER_TEXT.match(text, position):
                is_whole = quote == "'" or inner % 2 == 0
                doubtful = quote == "'" or inner > 0
                return _Read(_paired("".join(parts)), position, is_whole, doubtful)
            elif inner % 2 or quote == "'" or text[stop.start() - 1] in _BEFORE_QUOTED:
                parts.append(stop.group())
                inner += 1
            else:
                break
        return _Read(None, stop.end() if stop else len(text), is_whole=False)


def _unescaped(text: str, position: int) -> tuple[str, int]:
    sign = text[position : position + 1]
    if sign == "u" and re.fullmatch(r"[0-9A-Fa-f]{4}", text[position + 1 : position + 5]):
        return chr(int(text[position + 1 : position + 5], 16)), position + 5
    if sign in _CLOSING_QUOTE or sign in _CLOSING_QUOTE.values():
        return sign, position + 1
    # A wrong escape, such as those of LaTeX, stands for itself.
    return _ESCAPES.get(sign, f"\\{sign}"), position + 1


def _paired(text: str) -> str:
    """Join halves of surrogate pairs that came as two escapes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
