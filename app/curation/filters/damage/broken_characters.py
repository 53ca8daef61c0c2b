"""Texts with characters that were lost or decoded wrongly on their way.

U+FFFD stands where bytes could not be decoded. Mojibake (``donâ€™t``) is UTF-8 read as another
encoding; ftfy recognises it, and only what it can decode rightly counts.
"""

from app.curation.filter import Dropped, Filter
from app.curation.filters.wording import mentions
from app.dataset_row import Record

_LOST = "\ufffd"
_EXCERPT = 80
_OF_CHARACTERS = mentions(
    """
    encod* decod* unicode utf* latin-1 ascii mojibake garbled corrupt* replacement_character U+FFFD
    byte bytes charset* character_set character_sets codepage
    """
)


def apply(record: Record) -> Record | Dropped:
    """Drop a record with broken characters in one of its texts, unless it is about them."""
    texts = (record.instruction, record.input, record.output)
    if all(map(str.isascii, texts)) or _OF_CHARACTERS.search(record.request):
        return record
    for text in texts:
        if (at := text.find(_LOST)) >= 0:
            return Dropped("replacement_character", _around(text, at))
        if not text.isascii() and (found := _mojibake(text)):
            return Dropped("mojibake", found)
    return record


def _mojibake(text: str) -> str | None:
    """Return the first line that is mojibake."""
    # Half a second to import, for texts beyond ASCII only.
    from ftfy import fix_encoding  # noqa: PLC0415
    from ftfy.badness import is_bad  # noqa: PLC0415

    lines = (line for line in text.splitlines() if not line.isascii())
    return next((line for line in lines if is_bad(line) and fix_encoding(line) != line), None)


def _around(text: str, at: int) -> str:
    return text[max(0, at - _EXCERPT) : at + _EXCERPT]


BROKEN_CHARACTERS = Filter(
    name="broken_characters",
    about="A text has the character U+FFFD, or UTF-8 that was read as another encoding.",
    reasons=("replacement_character", "mojibake"),
    apply=apply,
    on=False,
)
