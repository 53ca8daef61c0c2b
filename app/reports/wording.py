"""Numbers and foreign texts for readers, in one form for plots, reports and cards."""

import re
import unicodedata

UNKNOWN = "unknown"
DASH = "\N{EN DASH}"
"""Between two limits, and for a missing value."""

# What XML forbids, other controls, and halves of characters: all shown as the replacement sign.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
# Direction marks reach past the text they stand in, and can turn a sentence of ours around.
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """Return a text without control characters and direction marks, safe on any page.

    Line breaks and tabs stay.
    """
    return _DIRECTIONS.sub("", _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def one_line(text: str, most: int) -> str:
    """Return a text on one line, at most `most` columns wide; a cut text ends in an ellipsis.

    A character of East Asia is two columns wide.
    """
    line = " ".join(shown(text[: 8 * most + 64]).split())
    width = 0
    for place, character in enumerate(line):
        width += _columns(character)
        if width > most:
            return _whole(line[: max(0, place - 1)]) + "…"
    return line if len(text) <= 8 * most + 64 else line + "…"


def cut(text: str, most: int) -> str:
    """Return a text with its line breaks, at most `most` characters long."""
    return shown(text) if len(text) <= most else _whole(shown(text[: most - 1])) + "…"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _whole(text: str) -> str:
    """Remove a joiner at the end, which would join with the ellipsis."""
    return text.rstrip("\u200d\ufe0f ")


def number(value: float | None) -> str:
    """Write a count with separators, or a figure with one decimal."""
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def share(value: float | None) -> str:
    """Write a share from 0 to 1 in per cent; only 0 and 1 are written as 0.0 % and 100.0 %."""
    if value is None:
        return UNKNOWN
    percent = 100 * value
    if 0 < percent < 0.1:
        return "under 0.1 %"
    return f"{min(percent, 99.9) if percent < 100 else percent:.1f} %"


def part(count: int, whole: int) -> str:
    """Write a count as a share of a whole in per cent."""
    return share(count / whole if whole else None)


def ratio(value: float | None) -> str:
    """Write a figure from 0 to 1 with two decimals."""
    return UNKNOWN if value is None else f"{value:.2f}"


def money(usd: float | None) -> str:
    """Write US dollars, with as many decimals as a small amount needs."""
    if usd is None:
        return UNKNOWN
    if usd == 0 or usd >= 0.1:
        return f"${usd:,.2f}"
    return f"${usd:.3g}" if usd >= 0.0001 else f"${usd:.1e}"


def size(count: int) -> str:
    """Write a number of bytes."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def chance_of(p_value: float) -> str:
    """Write a p-value; below 0.001 the tests have no finer resolution."""
    return "<\N{NO-BREAK SPACE}0.001" if p_value < 0.001 else f"{p_value:.3f}"
