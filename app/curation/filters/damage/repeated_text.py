"""Outputs in a loop: the same words or the same line, repeated.

Songs repeat a line or two, tables and code repeat tokens, and some tasks ask for it; those stay.
Fifty repeats in a row stay only in code, and where the instruction speaks of repeating.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from app.curation.filter import Dropped, Filter
from app.curation.filters.code_look import looks_like_code
from app.curation.filters.wording import mentions
from app.curation.options import FilterOptions
from app.dataset_row import Record
from app.pipeline.screening import count_words

_ASKED = mentions(
    """
    repeat* repetit* again_and_again times copies chant mantra loop* echo sequence pattern
    binary series rhythm beats beat onomatopoeia laugh* stutter* matrix grid table ascii zeros
    zero ones duplicates duplicate refrain chorus chords chord
    """
)
SUNG = mentions(
    """
    songs song lyrics poem rap jingle lullaby melody verse
    """
)
# Words that speak of repeating itself; the others above only make it likely.
ASKED_TO_REPEAT = mentions(
    """
    repeat* repetit* again_and_again times copies chant mantra loop* echo sequence pattern
    binary series grid matrix ascii zeros zero ones duplicates duplicate
    """
)
_HOPELESS = 50
"""Repeats in a row that no table, song or rhythm has."""
# A loop of this many words is the longest looked for.
_LONGEST_PERIOD = 50
# Minimum length of a loop in words, or in characters of scripts without spaces.
_FEWEST_LOOPING = 12
_SHARE_OF_LINES = 0.4
# Share of distinct word pairs that ordinary text has at least; a loop has fewer.
_DISTINCT_PAIRS = 0.85
# Loops are at the end of a text, where only the length limit stops a model.
_MOST_WORDS = 5_000


def make(options: FilterOptions) -> Filter:
    """Return the filter for loops of at least `most_repeats` repeats."""

    def apply(record: Record) -> Record | Dropped:
        found = _loop(record.output, options.most_repeats)
        if found is None or looks_like_code(record.output):
            return record
        if _ASKED.search(record.instruction):
            is_asked = ASKED_TO_REPEAT.search(record.instruction) is not None
            found = None if is_asked else _loop(record.output, max(_HOPELESS, options.most_repeats))
            return Dropped("repeated_text", found) if found else record
        if SUNG.search(record.instruction):
            found = _loop(record.output, 3 * options.most_repeats)
        return Dropped("repeated_text", found) if found else record

    return Filter(
        name="repeated_text",
        about="The output says the same words or lines again and again.",
        reasons=("repeated_text",),
        apply=apply,
    )


def _loop(text: str, repeats: int) -> str | None:
    """Return the words that a text repeats; None without a loop."""
    words: Sequence[str] = text.lower().split()
    if not text.isascii() and count_words(text[:1000]) > 2 * len(text[:1000].split()):
        words = [character for character in text if not character.isspace()]
    if len(words) < _FEWEST_LOOPING:
        return None
    words = words[-_MOST_WORDS:]
    # There are at least as many pairs as words, and words are counted faster.
    if len(set(words)) - 1 >= _DISTINCT_PAIRS * (len(words) - 1):
        return None
    pairs = len(set(pairwise(words)))
    if pairs >= _DISTINCT_PAIRS * (len(words) - 1):
        return None
    return _looping_words(words, repeats) or _looping_line(text, repeats)


def _looping_words(words: Sequence[str], repeats: int) -> str | None:
    for period in range(1, min(_LONGEST_PERIOD, len(words) // repeats) + 1):
        # A single word may be said many times for effect.
        wanted = max(period * (repeats - 1), _FEWEST_LOOPING - period)
        run = 0
        for at in range(period, len(words)):
            run = run + 1 if words[at] == words[at - period] else 0
            if run >= wanted:
                loop = words[at - period + 1 : at + 1]
                if any(any(map(str.isalpha, word)) for word in loop):
                    return " ".join(loop)
                run = 0
    return None


def _looping_line(text: str, repeats: int) -> str | None:
    lines = [line.strip() for line in text.splitlines() if len(line.split()) > 1]
    line, count = Counter(lines).most_common(1)[0] if lines else ("", 0)
    return line if count > repeats and count >= _SHARE_OF_LINES * len(lines) else None
