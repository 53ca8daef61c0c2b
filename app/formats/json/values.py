"""JSON in rows: parsed strictly, so that nothing is guessed, and written fast."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from json.encoder import encode_basestring as quoted
from typing import NoReturn

from app.formats.broken_rows import BrokenRow, refuse_if_too_large
from app.formats.encodings import encoding_hint
from app.formats.limits import ReadLimits, with_setting

__all__ = ["MOST_VALUES", "depth", "of_one_line", "parsed", "quoted"]

MOST_VALUES = 1_000_000
"""Values that a row may have; beyond it they need hundreds of megabytes of memory."""
_AROUND = 4096
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NO_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_DEPTH = [{ord("["): 1, ord("{"): 1}.get(code, -1) for code in range(256)]
_ENDS_A_LINE = re.compile("[\x85\u2028\u2029]")


def _refuse_constant(name: str) -> NoReturn:
    raise BrokenRow("not_json", f"{name} is not JSON")


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    pairs = list(pairs)
    made = dict(pairs)
    if len(made) != len(pairs):
        seen = Counter(name for name, _ in pairs)
        twice = next(name for name, times in seen.items() if times > 1)
        raise BrokenRow("duplicate_key", f"the key {twice[:50]!r} is there twice")
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)


def parsed(raw: bytes, limits: ReadLimits) -> object:
    """Parse one row.

    Raises:
        BrokenRow: too_large, too_deep, not_utf8, not_json, duplicate_key.
    """
    refuse_if_too_large(len(raw), limits)
    _refuse_hostile_shape(raw, limits)
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        hint = encoding_hint(raw[max(0, error.start - _AROUND) : error.start + _AROUND])
        what = f"not UTF-8 at byte {error.start + 1} of the row{hint}"
        raise BrokenRow("not_utf8", what) from None
    except json.JSONDecodeError as error:
        raise BrokenRow("not_json", f"{error.msg} at character {error.pos + 1}") from None
    except ValueError:
        raise BrokenRow("not_json", "a number has too many digits") from None
    except RecursionError:
        raise BrokenRow("too_deep", "nested too deep") from None


def _refuse_hostile_shape(raw: bytes, limits: ReadLimits) -> None:
    """Check depth and number of values before they take memory, which is up to 60 bytes a byte.

    Raises:
        BrokenRow: too_large, too_deep.
    """
    opened = raw.count(b"{") + raw.count(b"[")
    # Counted in texts too: few rows have that many, and only those are examined closely.
    if opened <= limits.nesting and len(raw) <= MOST_VALUES:
        return
    outside = _STRING.sub(b"", raw)
    if outside.count(b",") + outside.count(b"{") + outside.count(b"[") > MOST_VALUES:
        raise BrokenRow("too_large", f"more than {MOST_VALUES:,} values")
    if _depth(outside) > limits.nesting:
        what = f"nested deeper than {limits.nesting} levels"
        raise BrokenRow("too_deep", with_setting(what, "nesting"))


def depth(raw: bytes) -> int:
    """Return how many objects and lists of a JSON text are open at once, at most."""
    return _depth(_STRING.sub(b"", raw))


def _depth(outside: bytes) -> int:
    brackets = outside.translate(None, delete=_NO_BRACKETS)
    return max(accumulate(map(_DEPTH.__getitem__, brackets)), default=0)


def of_one_line(text: str) -> str:
    """Escape in JSON what some readers take for the end of a line though JSON does not."""
    if text.isascii():
        return text
    return _ENDS_A_LINE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
