"""Outputs in another language than requested.

Only where the language is sure on both sides. A translation, a text that names a language, code and
short texts stay, and so does an output in the language of the input.
"""

import re
from dataclasses import dataclass
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from app.curation.filter import Dropped, Filter
from app.curation.filters.code_look import looks_like_code
from app.curation.filters.wording import words
from app.curation.options import FilterOptions
from app.dataset_row import Record

# An instruction with a word that begins so speaks of languages, or of what is none.
_NAMES = tuple(
    words(
        """
        translat traduc tradui übersetz language lingu bilingual multilingual idioma sprache langue
        pronounc english german deutsch french francais français spanish espanol español
        castellano italian portugu dutch swedish norwegian danish finnish polish czech slovak
        hungarian romanian bulgarian serbian croatian greek turkish russian ukrainian arabic hebrew
        persian farsi hindi urdu bengali tamil telugu marathi gujarati punjabi chinese mandarin
        cantonese japanese korean vietnamese thai indonesian malay tagalog filipino swahili latin
        irish welsh gaelic catalan basque icelandic esperanto afrikaans anglais inglés englisch
        inglese lorem ipsum cipher encrypt encod decod anagram gibberish phrase foreign native
        """
    )
)
_NAMES_IN_UNSPACED_TEXT = (
    "\u043f\u0435\u0440\u0435\u0432",
    "翻译",
    "翻譯",
    "訳",
    "번역",
    "英語",
    "英语",
    "日本語",
    "中文",
)
_EDGES = "\"'`([{<*"
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
    write create describe explain generate give list name following sentence provide rewrite
    identify suggest find given three two five classify convert compose develop add story words
    """
)
_CHARACTERS_PER_ENGLISH = 100
_MOST_ENGLISH_WANTED = 3
# No language, and one that lists of elements, species and terms are taken for.
_NEVER_SURE = frozenset({"zxx", "und", "la", "eo"})
_LETTERS_READ = 400
# A character of these is a syllable or a word.
_DENSE = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff]"
)
_LETTERS_OF_A_DENSE_ONE = 3
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_SHARE_OF_A_SCRIPT = 0.9
# Two that are hard to tell apart leave the likelier one about half.
_WORTH_A_SECOND_LOOK = 0.4


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language_of(text: str, certainty: float) -> str | None:
    """Return the ISO 639-1 code of a text's language; None when it is uncertain.

    Languages that are hard to tell apart count as one, and the likeliest of them is named.
    """
    best, probability = _identifier().classify(text[:_LETTERS_READ])
    if certainty > probability >= _WORTH_A_SECOND_LOOK:
        ranked = _identifier().rank(text[:_LETTERS_READ])
        kin = kin_of(best)
        probability = sum(each for language, each in ranked if language in kin)
    return best if probability >= certainty and best not in _NEVER_SURE else None


def letters_in(text: str) -> int:
    """Return the number of letters of a text that are useful for detecting its language."""
    text = text[:_LETTERS_READ]
    letters = sum(map(str.isalpha, text))
    if text.isascii():
        return letters
    return letters + (_LETTERS_OF_A_DENSE_ONE - 1) * len(_DENSE.findall(text))


def _speaks_of_languages(instruction: str) -> bool:
    lowered = instruction.lower()
    return any(word.lstrip(_EDGES).startswith(_NAMES) for word in lowered.split()) or (
        not lowered.isascii() and any(name in lowered for name in _NAMES_IN_UNSPACED_TEXT)
    )


def is_of_another_script(asked: str, said: str) -> bool:
    """Return True when one text is in Latin letters and the other in those of another script."""
    if asked.isascii() and said.isascii():
        return False
    shares = []
    for text in (asked[:_LETTERS_READ], said[:_LETTERS_READ]):
        letters = sum(map(str.isalpha, text))
        shares.append(len(_LATIN.findall(text)) / letters if letters else 0.5)
    return min(shares) <= 1 - _SHARE_OF_A_SCRIPT and max(shares) >= _SHARE_OF_A_SCRIPT


@dataclass(frozen=True, slots=True)
class _Judge:
    """Decides if two texts are in different languages, with the thresholds of the options."""

    letters: int
    certainty: float

    def differ(self, asked: str, said: str) -> bool:
        if min(letters_in(asked), letters_in(said)) < self.letters:
            return False
        if is_of_another_script(asked, said):
            return True
        # What looks English at a glance may only quote it; a difference must be sure.
        of_said = language_of(said, self.certainty)
        of_asked = language_of(asked, self.certainty) if of_said else None
        return of_asked is not None and of_said is not None and not _kindred(of_asked, of_said)


def make(options: FilterOptions) -> Filter:
    """Return the filter for the wanted certainty and length."""
    judge = _Judge(options.language_letters, options.language_certainty)

    def apply(record: Record) -> Record | Dropped:
        if _is_english(record) or _speaks_of_languages(record.instruction):
            return record
        if not judge.differ(record.instruction, record.output) or looks_like_code(record.output):
            return record
        if record.input and not judge.differ(record.input, record.output):
            return record
        return Dropped("other_language", record.output[:100])

    return Filter(
        name="other_language",
        about="The output is in another language than both instruction and input.",
        reasons=("other_language",),
        apply=apply,
    )


def is_plainly_english(text: str) -> bool:
    """Return True when a text has enough English words to need no model."""
    text = text[:_LETTERS_READ]
    found = len(_ENGLISH.intersection(text.lower().split()))
    wanted = min(1 + len(text) // _CHARACTERS_PER_ENGLISH, _MOST_ENGLISH_WANTED)
    return found >= wanted


def _is_english(record: Record) -> bool:
    # Most rows end here, a hundred times cheaper than by the model.
    return is_plainly_english(record.output) and is_plainly_english(record.instruction)


def _kindred(one: str, other: str) -> bool:
    return other in kin_of(one)


@cache
def kin_of(language: str) -> frozenset[str]:
    """Return the languages that are hard to tell from this one, itself included."""
    return frozenset({language}).union(*(group for group in _KIN if language in group))
