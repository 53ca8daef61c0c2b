"""Two tokenizers: rouge_score's own, and one for every script.

``rouge`` keeps the runs of a-z and 0-9 of the lower-cased text, which makes most of the world's
scripts invisible. ``unicode`` gives the same tokens for ASCII text, and elsewhere keeps letters,
combining marks and digits of every script. Scripts written without spaces between words give one
token a character, as words can't be seen in them without a dictionary.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Literal

TokenizerName = Literal["unicode", "rouge"]

_ASCII_WORD = re.compile(r"[a-z0-9]+")

# Normalizing is quadratic in the length of a run of combining marks, so a hostile megabyte of them
# would take hours. Words of more than 250 characters are normalized in pieces, which leaves all
# other text as it is. Twenty words at a time are as cheap as the whole.
_PIECE = re.compile(r"(?:\S{1,250}+\s+){1,20}|\S{1,250}|\s+")

# Their Unicode names begin with one of these words. The prolonged sound mark of both kana is
# KATAKANA-HIRAGANA; the iteration mark and the zero among the Han characters are IDEOGRAPHIC.
_UNSPACED = {"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}
_UNSPACED |= {"THAI", "LAO", "KHMER", "MYANMAR"}


def fold(text: str) -> str:
    """Return a text in a folded form: compatibility forms, case, runs of white space.

    Never fails; lone surrogates stay as they are.
    """
    folded = " ".join(text.split())
    if folded.isascii():
        return folded.lower()
    # A compatibility form may hold a space, such as the one before a lone accent.
    return " ".join(_normalize(_normalize(folded).casefold()).split())


def _normalize(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", piece) for piece in _PIECE.findall(text))


def tokenize_rouge(text: str) -> list[str]:
    """Split as rouge_score 0.1.2 does without a stemmer."""
    return _ASCII_WORD.findall(text.lower())


class _Spacing(dict[int, str]):
    """Replacements for `str.translate`, after which `str.split` finds the tokens.

    Filled on first use of a character, with a pure function of it.
    """

    def __missing__(self, code: int) -> str:
        self[code] = spaced = _space(chr(code))
        return spaced


def _space(character: str) -> str:
    category = unicodedata.category(character)
    name = unicodedata.name(character, "")
    # Invisible inside a word: soft hyphens, joiners, direction marks, variation selectors.
    if category == "Cf" or name.startswith("VARIATION SELECTOR"):
        return ""
    if category[0] not in "LMN":
        return " "
    return f" {character} " if name.partition(" ")[0] in _UNSPACED else character


_SPACING = _Spacing()


def tokenize_unicode(text: str) -> list[str]:
    """Split into words of any script; identical to `tokenize_rouge` for ASCII text."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return fold(text).translate(_SPACING).split()


TOKENIZERS: dict[TokenizerName, Callable[[str], list[str]]] = {
    "unicode": tokenize_unicode,
    "rouge": tokenize_rouge,
}
