"""Outputs that end in a loop: the same character, word, line or sentence, up to the last character.

A model that loops goes on until its limit stops it, so a loop in the middle is no case of this.
Numbers and bullets at the beginning of lines are left out of the comparison. What an instruction
asks to repeat stays, and so do the lines of empty tables, rules and forms.
"""

import re

from app.curation.filter import Dropped, Filter
from app.curation.filters.code_look import looks_like_code
from app.curation.filters.damage.repeated_text import ASKED_TO_REPEAT, SUNG
from app.dataset_row import Record

_ENUMERATOR = re.compile(r"^[ \t]*(?:\(?\d{1,3}[.):]|[-*\u2022])[ \t]+", re.MULTILINE)
_LOOKED_AT = 3_000
"""Characters at the end; a loop that is longer is known by them."""
_LONGEST_UNIT = 400
_FEWEST_REPEATS = 5
_FEWEST_CHARACTERS = 60
_OF_ONE_CHARACTER = 50
_IN_CODE = 20
"""Repeats in code, where equal lines are common."""
_WITHOUT_LETTERS = 400
"""Characters of a loop without letters, such as ``0, 0, 0,``; the lines of tables are shorter."""
# A character of a script without spaces says about as much as two letters.
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def apply(record: Record) -> Record | Dropped:
    """Drop a record whose output ends in a loop."""
    found = _loop(record.output)
    if found is None or ASKED_TO_REPEAT.search(record.instruction):
        return record
    unit, length = found
    repeats = length / len(unit)
    if not any(map(str.isalpha, unit)):
        is_loop = length >= _WITHOUT_LETTERS
    elif len(unit) == 1:
        is_loop = length >= _OF_ONE_CHARACTER
    else:
        fewest = _IN_CODE if looks_like_code(record.output) else _FEWEST_REPEATS
        fewest *= 3 if SUNG.search(record.instruction) else 1
        weight = 2 if _DENSE.search(unit) else 1
        is_loop = repeats >= fewest and weight * length >= _FEWEST_CHARACTERS
    return Dropped("looping_end", " ".join(unit.split()) or unit) if is_loop else record


def _loop(text: str) -> tuple[str, int] | None:
    """Return what a text repeats at its end, and the length of all repeats in characters."""
    end = _ENUMERATOR.sub("", text[-2 * _LOOKED_AT :].strip())[-_LOOKED_AT:]
    last = len(end) - 1
    for period in range(1, min(_LONGEST_UNIT, len(end) // _FEWEST_REPEATS) + 1):
        at = last - period
        while at >= 0 and end[at] == end[at + period]:
            at -= 1
        length = last - at
        if length >= _FEWEST_REPEATS * period and length >= _FEWEST_CHARACTERS / 2:
            return end[-period:], length
    return None


LOOPING_END = Filter(
    name="looping_end",
    about="The output ends in a loop of the same character, word, line or sentence.",
    reasons=("looping_end",),
    apply=apply,
    on=False,
)
