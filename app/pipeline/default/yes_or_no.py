"""A yes or a no in a short reply, in the languages people ask in.

The reply may say it at once, after ``Answer:``, in a tag, a box or JSON, or at the end of a
sentence. Where both words stand, the one that clearly is the answer counts. What hedges, negates or
speaks of the two words is neither.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from app.pipeline.replies.lenient_json import json_values

# Words of yes and of no by language, under its names in English, in itself and as a code.
_LANGUAGES = """
english en: yes / no
german deutsch de: ja / nein
dutch nederlands nl: ja / nee
french français fr: oui / non
spanish español es: sí si / no
portuguese português pt: sim / não nao
italian italiano it: sì si / no
romanian română ro: da / nu
catalan català ca: sí / no
polish polski pl: tak / nie
czech čeština cs: ano / ne
slovak slovenčina sk: áno / nie
slovenian slovenščina sl: da ja / ne
croatian hrvatski hr serbian bosnian: da / ne
swedish svenska sv: ja / nej
danish dansk da: ja / nej
norwegian norsk no nb: ja / nei
finnish suomi fi: kyllä joo / ei
hungarian magyar hu: igen / nem
turkish türkçe tr: evet / hay\u0131r hayir
indonesian indonesia id malay melayu ms: ya iya / tidak bukan
vietnamese vi: có đúng / không
greek ελληνικά el: \u03bd\u03b1\u03b9 / όχι
russian русский ru: да / нет
ukrainian українська uk: так / ні
bulgarian български bg: да / не
serbian_cyrillic српски sr: да / не
arabic العربية ar: نعم / لا
hebrew עברית he: כן / לא
persian farsi فارسی fa: بله بلی آری / خیر نه
hindi हिन्दी hi: हाँ हां / नहीं
bengali বাংলা bn: হ্যাঁ / না
thai ไทย th: ใช่ / ไม่ใช่ ไม่
chinese 中文 zh mandarin: 是 是的 对 / 否 不是 不 不对
japanese 日本語 ja: はい / いいえ
korean 한국어 ko: 예 네 / 아니요 아니오
swahili kiswahili sw: ndiyo / hapana
"""
_MOST_WORDS = 60
_ANSWER_WORDS = (
    r"final answer|answer|label|verdict|result|conclusion|classification|decision|output|antwort"
    r"|réponse|respuesta|resposta|risposta|antwoord|odpowiedź|odpověď|svar|vastaus|válasz|cevap"
    r"|jawaban|ответ|відповідь|отговор|उत्तर|คำตอบ|תשובה|الإجابة|الجواب|答案|回答|答え|대답|답"
)
_TAGGED = re.compile(
    r"<(?P<name>answer|label|output|result|classification|final_answer)>(?P<said>[^<]{0,80})"
    r"</(?P=name)>|\\boxed\{(?:\\text\{)?(?P<boxed>[^{}]{0,40})\}|\[\[(?P<bracketed>[^\]]{0,40})\]\]",
    re.I,
)
_DECORATION = (
    " \t\r\n*_\"'`.,!:;()[]<>#-\u2013\u2014\u201c\u201d\u2018\u2019\u00ab\u00bb"
    "\u3002\uff01\uff1a\uff0c\u300c\u300d\u061b\u060c\u0964"
)
# What precedes it are the reasons.
_CONCLUSION = re.compile(r",?\s(?:so|therefore|thus|hence|daher|also|donc)\b,?\s", re.I)
_HEDGES = re.compile(
    r"\b(?:maybe|perhaps|possibly|whether|unclear|not sure|unsure|depends|either|neither"
    r"|can['\u2019]?t|cannot|not|never|n['\u2019]t|don['\u2019]t|if|vielleicht|unklar|nicht"
    r"|peut-être|pas|quizás|tal vez"
    r"|talvez|forse)\b|может быть|не ясно|неясно|也许|可能|不确定",
    re.I,
)
# "No" may belong to the next word; before these it is an answer.
_AFTER_NO = re.compile(r"\s*(?:$|[^\w\s]|(?:it|this|that|the|because|since|as|there|they)\b)", re.I)
_JOINED = re.compile(r"\s*(?:[/|]|and\b|or\b|und\b|oder\b|et\b|ou\b|y\b|o\b|или\b|и\b|或|和)", re.I)
# The prompt writes each task behind this word. Blank lines before it are not matched: a search that
# begins in each of them takes the square of their number.
_NEXT_TASK = re.compile(r"\n[^\S\n]*(?:Task|User|Human)[ \t]?:")
_SHORT = {
    "yep": True, "yeah": True, "yup": True, "true": True,
    "nope": False, "nah": False, "false": False, "not classification": False,
    "not a classification": False,
}  # fmt: skip
_CONDITION = re.compile(r"\b(?:but only if|only if|unless|it depends|depends on)\b", re.I)
_SUPPOSED = re.compile(
    r"\b(?:(?:not|n['\u2019]t) (?:the case|true|clear|certain|sure|say)(?: that)?|whether|if) "
    r"(?:the |my )?\Z",
    re.I,
)
_STATEMENT = re.compile(
    r"(?:\b(?:is(?P<nt>n['\u2019]t)?|it['\u2019]s) |\A\W{0,4}(?=not\b|[^\n]{0,40}task\W*\Z))"
    r"(?P<no>not )?(?:a|clearly a) classification task\b"
    r"|(?P<zh>(?:(?<=\A)|(?<=[\u8fd9\u9053\u4e2a\u52a1\u9898\u5b83]))"
    r"(?:\u4e0d)?\u662f(?:\u4e00\u4e2a)?\u5206\u7c7b\u4efb\u52a1)",
    re.I,
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|hardly|cannot|none|deny)\b|n['\u2019]t\b", re.I
)
_DOUBTS = re.compile(
    r"\b(?:maybe|perhaps|possibly|whether|unclear|not sure|unsure|depends|if|could|might|would|may"
    r"|should|seem\w*|or not)\b|\?|\u662f\u5426|\u53ef\u80fd|\u5982\u679c|\u4e5f\u8bb8",
    re.I,
)


def yes_or_no(text: str, language: str | None, *, cut_off: bool) -> bool | None:
    """Return True for a yes and False for a no; None when the reply is neither.

    Args:
        text: The answer of the model, without thoughts.
        language: Language of the run; None when it has none. English is always read.
        cut_off: True when the reply was truncated.
    """
    words = _words(language)
    if cut_off and len(text.split()) > 1:
        # The last word may go on, or belong to the next one.
        text = text.rstrip().rsplit(None, 1)[0]
    answer, _, more = _NEXT_TASK.sub("\0", text, count=1).partition("\0")
    if more and answer.strip():
        # A model that goes on writes the next task, and answers it too.
        text = answer
    said = _SHORT.get(_bare(text))
    if said is not None and not cut_off:
        return said
    for read in (_in_json, _in_tags, _after_label):
        found = set(read(text, words))
        if found:
            return found.pop() if len(found) == 1 else None
    lines = [line for line in text.splitlines() if line.strip(_DECORATION)]
    if not lines:
        return None
    said = words.get(_bare(lines[-1]))
    if said is not None:
        return None if words.get(_bare(lines[0]), said) is not said else said
    said = _in_sentences(text, words)
    return said if said is not None or cut_off else _stated(text, words)


@cache
def _words(language: str | None) -> Mapping[str, bool]:
    """Return the words of a language and of English; without a language, those in no doubt."""
    wanted = (language or "").casefold()
    ours: dict[str, bool] = {}
    every: dict[str, set[bool]] = {}
    for line in _LANGUAGES.strip().splitlines():
        names, _, said = line.partition(":")
        yes, _, no = said.partition("/")
        table = dict.fromkeys(yes.split(), True) | dict.fromkeys(no.split(), False)
        for word, is_yes in table.items():
            every.setdefault(word, set()).add(is_yes)
        if wanted and any(name in re.findall(r"\w+", wanted) for name in names.split()):
            ours |= table
    # Russian "not" and Serbian "no" are one word, Polish "yes" is "so" elsewhere.
    unsure = {
        "не",
        "так",
        "tak",
        "ne",
        "nu",
        "da",
        "si",
        "o",
        "ya",
        "ei",
        "на",
        "不",
        "不对",
        "对",
        "لا",
        "ไม่",
    }
    sure = {w: next(iter(s)) for w, s in every.items() if len(s) == 1 and w not in unsure}
    return sure | ours | {"yes": True, "no": False}


def _bare(text: str) -> str:
    return text.strip(_DECORATION).casefold()


def _in_json(text: str, words: Mapping[str, bool]) -> Iterator[bool]:
    for found in json_values(text) if "{" in text else ():
        fields = found.value.values() if isinstance(found.value, Mapping) else ()
        for value in fields:
            said = value if isinstance(value, bool) else None
            if isinstance(value, str):
                said = words.get(_bare(value))
            if said is not None:
                yield said


def _in_tags(text: str, words: Mapping[str, bool]) -> Iterator[bool]:
    for found in _TAGGED.finditer(text):
        said = found.group("said") or found.group("boxed") or found.group("bracketed") or ""
        is_yes = words.get(_bare(said))
        if is_yes is not None:
            yield is_yes


def _after_label(text: str, words: Mapping[str, bool]) -> Iterator[bool]:
    """Yield what the last ``Answer:`` says."""
    last: bool | None = None
    for found in re.finditer(
        rf"(?:{_ANSWER_WORDS})[\s*_]{{0,4}}(?:[:=\uff1a]|\bis:?\b|\bist\b|是)\s*(?P<said>[^\n]{{0,60}})",
        text,
        re.I,
    ):
        said = _first(found.group("said"), words)
        if _SUPPOSED.search(text[max(found.start() - 60, 0) : found.start()]):
            return
        last = last if said is None else said
    if last is not None:
        yield last


def _first(text: str, words: Mapping[str, bool]) -> bool | None:
    """Return what a text says with its first word."""
    text = text.lstrip(_DECORATION)
    found = re.match(r"[^\W\d_]+(?:[\u0900-\u0e7f]+)*", text)
    word = found.group().casefold() if found else ""
    said = words.get(word)
    if said is None or found is None:
        # Chinese and Japanese put no blank behind the word.
        return next(
            (
                is_yes
                for each, is_yes in words.items()
                if not each.isascii()
                and len(each) > 1
                and text.startswith((f"{each}\uff0c", f"{each}\u3002"))
            ),
            None,
        )
    rest = text[found.end() :]
    if _JOINED.match(rest) or rest.lstrip().startswith("?"):
        return None
    if word == "no" and not _AFTER_NO.match(rest):
        return None
    return said


def _in_sentences(text: str, words: Mapping[str, bool]) -> bool | None:
    """Return what a reply says at its beginning, or at the end of a sentence."""
    said = {words[word] for word in re.findall(r"[^\W\d_]+", text.casefold()) if word in words}
    beginning = _first(text, words)
    if beginning is not None:
        if _CONDITION.search(text):
            return None
        sentences = re.split(r"[.!\n\u3002]", text)
        if any(words.get(_bare(each), beginning) is not beginning for each in sentences):
            return None
        opening = re.match(r"[\W_]*[^\W\d_]+(?:[\W_]*?[.!\n\u3002]|, (?:since|because)\b)", text)
        return beginning if len(said) < 2 or opening else None
    if len(said) != 1 or len(text.split()) > _MOST_WORDS:
        return None
    for sentence in re.split(
        r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n+|,\s+(?=(?:since|because|as)\b)", text.strip()
    ):
        last = _bare(sentence.rsplit(None, 1)[-1]) if sentence.split() else ""
        if last in words and not sentence.rstrip().endswith("?"):
            conclusion = _CONCLUSION.split(sentence)[-1]
            return None if _HEDGES.search(conclusion) else words[last]
    return None


def _stated(text: str, words: Mapping[str, bool]) -> bool | None:
    """Return what a short reply says in a whole sentence: "This is not a classification task"."""
    is_short = len(text.split()) <= _MOST_WORDS
    opened = _first(text, words)
    if not is_short or opened is not None or _DOUBTS.search(text):
        return None
    said: set[bool] = set()
    for found in _STATEMENT.finditer(text):
        before = text[max(found.start() - 300, 0) : found.start()]
        if _NEGATION.search(re.split(r"[.!\n\u3002]", before)[-1]):
            return None
        is_denied = found.group("no") or found.group("nt")
        said.add(not is_denied and not (found.group("zh") or "").startswith("\u4e0d"))
    return said.pop() if len(said) == 1 else None
