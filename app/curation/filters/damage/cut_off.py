"""Outputs that end in the middle of something.

| reason | what is seen |
|---|---|
| cut_off_code | a code fence that is opened and never closed |
| cut_off_list | the last line is a list's number or bullet with nothing after it |
| cut_off_sentence | the last word cannot end a sentence, or long prose stops without an end |

Labels, numbers, code, poetry, headings, lists of phrases and signatures need no full stop, so only
a line that has sentences in it is held to one. Scripts other than Latin, Greek and Cyrillic end
sentences in their own ways, or do not mark it: only fences and lists are looked at there.
"""

import re

from app.curation.filter import Dropped, Filter
from app.curation.filters.code_look import looks_like_code
from app.curation.filters.wording import mentions, words
from app.dataset_row import Record

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_BARE_MARKER = re.compile(r"(?:\d{1,3}[.)]|[-*•])[ \t]*")
_LIST_LINE = re.compile(r"^[ \t]*(?:\d{1,3}[.)]|[-*•])[ \t]+\S", re.MULTILINE)
_NEVER_LAST = words(
    """
    a an the and or but nor because although whereas whose than unless your their its our my
    between among during including such into onto toward towards via
    """
)
# These do end sentences, but seldom ones that lack their full stop.
_SELDOM_LAST = words(
    """
    be is are was were been being has had will would can could should may might must
    that which who when where if how not very more most this these those each
    every he she they we i it while also then so
    """
)
# These end many a phrase in a list ("someone to talk to").
_LAST_IN_LISTS = words("of to in on at with for by from as about over under without within through")
_FUNCTION_WORDS = _NEVER_LAST | _SELDOM_LAST | _LAST_IN_LISTS
# Among them the closing marks of CJK text, which are looked at there, too.
_ENDS = tuple(
    ".!?:;\"')]}>*_`|~%$\u2026\u2019\u201d\u00bb\u20ac\u00a3\u3002\uff01\uff1f\u300d\u300f\uff09"
)
_SENTENCE_WITHIN = re.compile(
    r"[^\W\d_]{2}[.!?][\"'\u2019\u201d)]?\s+[\"'\u2018\u201c(]?[^\W\d_]\w*"
)
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|[IVXLC]+|Mr|Mrs|Ms|Dr|St|vs|etc|Inc|Ltd|Jr|Sr|No|al|e\.g|i\.e)\.?$"
)
_CLOSING_WORD = mentions(
    """
    sincerely regards truly faithfully yours love wishes cheers thanks thank_you author by
    """
)
_UNSAID = mentions(
    """
    complete continue finish fill begin* start* first_line first_half first_part first_sentence
    opening poem lyrics song verse haiku rap tweet headline title slogan fragment incomplete
    conjunctions conjunction prepositions preposition articles article stop_words stop_word
    stopwords stopword truncate* first_*_words first_*_characters first_*_letters words_count
    word_count punctuation rearrange unscramble reverse backwards backward split tokenise
    tokenize
    """
)
_OTHER_SCRIPT = re.compile(r"[\u0590-\u1cff\u2e80-\u9fff\ua000-\ud7ff\U00020000-\U0003ffff]")
_OPTIONS = re.compile(r"(?:^|\s)\(?[b-dB-D][.)]\s")
# These are cut off however short they are.
_SURELY = re.compile(
    r"""\b(?:is|are)[ ](?:equal[ ]to|approximately)$
      | ^The[ ](?:[\w',]+[ ]){2,20}(?:is|are|was|were)$
      | (?:^|[ ])(?:[^\s,]{1,40},[ ]){3}(?:and|or)$""",
    re.VERBOSE,
)
_FEWEST_WORDS = 8
_FEWEST_WORDS_BEFORE_SELDOM = 10
_FEWEST_AFTER_A_SENTENCE = 4
# Who writes so much prose ends it with a full stop; a short answer may go without.
_LONG = 800
_TAIL = 2_000


def apply(record: Record) -> Record | Dropped:
    """Drop a record whose answer was cut off."""
    text = record.output.rstrip()
    if not text:
        return record
    if "```" in text or "~~~" in text:
        return _unclosed(record, text)
    last_line = text[text.rfind("\n") + 1 :].strip()
    if _BARE_MARKER.fullmatch(last_line) and _LIST_LINE.search(text):
        return Dropped("cut_off_list", text[-60:])
    if text.endswith(_ENDS) or _OTHER_SCRIPT.search(text[-200:]):
        return record
    if _stops_midway(last_line[-_TAIL:], len(text)) and not _spared(record):
        return Dropped("cut_off_sentence", text[-60:])
    return record


def _unclosed(record: Record, text: str) -> Record | Dropped:
    if len(_FENCE.findall(text)) % 2 and "`" not in record.instruction:
        return Dropped("cut_off_code", text[-60:])
    return record


def _stops_midway(line: str, length: int) -> bool:
    said = line.split()
    if _SURELY.search(line):
        return said[-2].rstrip(",").lower() not in _FUNCTION_WORDS
    if len(said) < _FEWEST_WORDS or _OPTIONS.search(line):
        return False
    if said[-1].endswith(","):
        return True
    return not _is_listed(said) and (
        _wants_more(line, said) or (length >= _LONG and _stops_after_sentences(line, said[-1]))
    )


def _wants_more(line: str, said: list[str]) -> bool:
    """Return True when the last word can't end a sentence."""
    last = said[-1].lower()
    if last in _NEVER_LAST:
        return True
    stops = last in _SELDOM_LAST or (last in _LAST_IN_LISTS and not _LIST_LINE.match(line))
    return stops and len(said) >= _FEWEST_WORDS_BEFORE_SELDOM


def _is_listed(said: list[str]) -> bool:
    """Return True when the last words are mentioned, not used: "the articles are a, an and the"."""
    before, earlier = said[-2].lower(), said[-3].lower()
    if not before.strip(",'\u2019").isalpha():
        return True
    if before.endswith(","):
        return before[:-1] in _FUNCTION_WORDS
    return before in _NEVER_LAST and earlier.strip(",") in _NEVER_LAST


def _stops_after_sentences(line: str, last: str) -> bool:
    """Return True when a line of sentences ends with an incomplete one."""
    if not last.isalpha() or not last.islower() or _CLOSING_WORD.search(line[-80:]):
        return False
    ends = [found.start() + 2 for found in _SENTENCE_WITHIN.finditer(line)]
    ends = [end for end in ends if not _ABBREVIATION.search(line[max(end - 5, 0) : end])]
    if len(ends) < 2:
        return False
    # The first part is the end of the sentence before: its full stop, and a closing quote.
    _, *words = line[ends[-1] :].split()
    return len(words) >= _FEWEST_AFTER_A_SENTENCE


def _spared(record: Record) -> bool:
    return (
        _UNSAID.search(record.instruction) is not None
        or looks_like_code(record.output)
        # An excerpt of what was given ends where it ends.
        or record.output.strip()[-40:] in record.request
    )


CUT_OFF = Filter(
    name="cut_off",
    about="The output ends in the midst of a sentence, a list or a code block.",
    reasons=("cut_off_sentence", "cut_off_list", "cut_off_code"),
    apply=apply,
)
