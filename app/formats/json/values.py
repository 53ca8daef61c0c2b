"""JSON in rows: parsed strictly, so that nothing is guessed, and written fast."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from json.encoder import encode_basestring as quoted
from typing import NoReturn

from app.formats.broken_rows import BrokenRow

__all__ = ["of_one_line", "parsed", "quoted"]

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


def parsed(raw: bytes) -> object:
    """Parse one row.

    Raises:
        BrokenRow: not_utf8, not_json, duplicate_key.
    """
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BrokenRow("not_utf8", f"not UTF-8 at byte {error.start + 1} of the row") from None
    except json.JSONDecodeError as error:
        raise BrokenRow("not_json", f"{error.msg} at character {error.pos + 1}") from None
    except ValueError:
        raise BrokenRow("not_json", "a number has too many digits") from None
    except RecursionError:
        raise BrokenRow("not_json", "nested too deep") from None


def of_one_line(text: str) -> str:
    """Escape in JSON what some readers take for the end of a line though JSON does not."""
    if text.isascii():
        return text
    return _ENDS_A_LINE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
