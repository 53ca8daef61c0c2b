"""Outputs in another language than they were asked for.

Only where the language is sure on both sides. A translation, a text that names a language, code and
short texts stay, and so does an output in the language of the input.
"""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from app.curation.filter import Dropped, Filter
from app.curation.filters.code_look import looks_like_code
from app.curation.filters.wording import words
from app.curation.options import FilterOptions
from app.record import Record

_NAMES = re.compile(
    r"""translat\w*|traduc\w*|tradui\w*|übersetz\w*|languages?|lingu\w*|bilingual|multilingual
    |idioma|sprache|langue|pronounc\w*
        |english|german|deutsch|french|fran[cç]ais|spanish|espa[nñ]ol|italian\w*|portugu\w+
        |dutch|swedish|norwegian|danish|finnish
        |polish|czech|slovak|hungarian|romanian|bulgarian|serbian|croatian|greek|turkish|russian
        |ukrainian|arabic|hebrew|persian
        |farsi|hindi|urdu|bengali|tamil|telugu|marathi|gujarati|punjabi|chinese|mandarin
        |cantonese|japanese|korean|vietnamese|thai
        |indonesian|malay|tagalog|filipino|swahili|latin\b|irish|welsh|gaelic|catalan|basque
        |icelandic|esperanto|afrikaans|anglais
        |inglés|englisch|inglese|lorem|ipsum|cipher|encrypt|encod|decod|anagram|gibberish|phrase
        |foreign|native|names?\b
        |翻译|翻譯|訳|번역|перев|英語|英语|日本語|中文""",
    re.IGNORECASE | re.VERBOSE,
)
# Which of these a model calls a short text is chance.
_KIN = (
    frozenset({"no", "nb", "nn", "da", "sv"}),
    frozenset({"hr", "bs", "sr", "sl", "mk", "bg"}),
    frozenset({"id", "ms", "jv", "tl"}),
    frozenset({"cs", "sk", "pl"}),
    frozenset({"es", "gl", "pt", "ca", "oc", "an", "ast", "it"}),
    frozenset({"nl", "af", "de", "lb"}),
    frozenset({"ru", "uk", "be"}),
    frozenset({"hi", "mr", "ne"}),
    frozenset({"fr", "wa", "ca", "oc"}),
    frozenset({"zh", "ja"}),
)
# Words that no other of the world's larger languages has; one in a short text is enough.
_ENGLISH = words(
    """
    the of and that it with for this you your have has they their which are can would what how
    she should when these from been were using used between through more other about into there
    than some such each because while where them it's don't people make help time new first
    """
)
_CHARACTERS_PER_ENGLISH = 100
_MOST_ENGLISH_WANTED = 3
# No language, and one that lists of elements, species and terms are taken for.
_NEVER_SURE = frozenset({"zxx", "und", "la", "eo"})
_LETTERS_READ = 400
_LETTERS_ONLY = re.compile(r"[\W\d_]+")


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language_of(text: str, certainty: float) -> str | None:
    """Return the ISO 639-1 code of a text's language; None where that is not certain."""
    language, probability = _identifier().classify(text[:_LETTERS_READ])
    return str(language) if probability >= certainty and language not in _NEVER_SURE else None


def make(options: FilterOptions) -> Filter:
    """Return the filter for the wanted certainty and length."""

    def known(text: str) -> str | None:
        if len(_LETTERS_ONLY.sub("", text[: 2 * _LETTERS_READ])) < options.language_letters:
            return None
        return "en" if _is_plainly_english(text) else language_of(text, options.language_certainty)

    def apply(record: Record) -> Record | Dropped:
        if len(record.output) < options.language_letters or _both_english(record):
            return record
        if _NAMES.search(record.instruction) or looks_like_code(record.output):
            return record
        asked, said = known(record.instruction), known(record.output)
        if asked is None or said is None or _kindred(asked, said):
            return record
        given = known(record.input) if record.input else None
        if given is not None and _kindred(given, said):
            return record
        return Dropped("other_language", f"{asked} was asked, {said} was answered")

    return Filter(
        name="other_language",
        about="The output is in another language than both instruction and input.",
        reasons=("other_language",),
        apply=apply,
    )


def _is_plainly_english(text: str) -> bool:
    text = text[:_LETTERS_READ]
    found = len(_ENGLISH.intersection(text.lower().split()))
    wanted = min(1 + len(text) // _CHARACTERS_PER_ENGLISH, _MOST_ENGLISH_WANTED)
    # Typographic quotes and a name do no harm; a text of another language with English in it has
    # more of its own letters than English words.
    return found >= (wanted if text.isascii() else 2 * wanted)


def _both_english(record: Record) -> bool:
    # Most rows end here, a hundred times cheaper than by the model.
    return _is_plainly_english(record.output) and record.instruction[:_LETTERS_READ].isascii()


def _kindred(one: str, other: str) -> bool:
    return one == other or any(one in group and other in group for group in _KIN)
