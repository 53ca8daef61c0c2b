"""Verbs and nouns without a parser: a word list and rules for how instructions are written.

It reads the first clause that can hold the request: leads such as "Please", "Can you" or "Given the
text," are skipped, as is the question in "How do you ..."; then come an imperative verb and the
noun phrase after it, whose last word is the noun. Known limits: it knows English only; a noun that
is also a verb ("a dog walking") can end a phrase early or late; statements, questions with a form
of *to be* and requests in a later clause give nothing; plurals it has no rule for stay as they are.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.statistics.nouns import head_noun
from app.statistics.words import words_of

_TOKEN = re.compile(
    r"[A-Za-z0-9]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][A-Za-z0-9]+)*|[^\sA-Za-z0-9]"
)
_READ_CHARACTERS = 600
_READ_TOKENS = 60

VERBS = words_of("verbs")

_POLITE = words_of("polite")
_AUXILIARIES = words_of("auxiliaries")
_SUBJECTS = words_of("subjects")
_QUESTION = words_of("question_words")
_TO_BE = words_of("to_be")
_REQUESTS = words_of("requests")
_LEADS = words_of("leads")
_TAKES_OBJECTS = words_of("object_openers")
_NO_VERBS = _LEADS | _QUESTION | _TO_BE | _AUXILIARIES | _SUBJECTS | _TAKES_OBJECTS
_NO_VERBS |= words_of("no_verbs")
_ENDS = frozenset(".!?;:")


class VerbNoun(NamedTuple):
    """The root verb of an instruction and its direct object, as dictionaries have them."""

    verb: str
    noun: str | None
    """None: the verb has no noun as its direct object."""


class RuleFinder:
    """Finds verb and noun by rules, without a parser."""

    name = "rules"
    is_slow = False

    def find(self, texts: Sequence[str]) -> list[VerbNoun | None]:
        """Return verb and noun of each text; None where no imperative verb was found."""
        return [find_by_rules(text) for text in texts]


def find_by_rules(text: str) -> VerbNoun | None:
    """Return verb and noun of the first sentence of an instruction; None without a verb."""
    tokens = _TOKEN.findall(text[:_READ_CHARACTERS])[:_READ_TOKENS]
    for clause in _clauses(tokens):
        place = _verb_place(clause)
        if place is not None:
            verb = clause[place].lower()
            return VerbNoun(verb, head_noun(verb, clause[place + 1 :]))
    return None


def _clauses(tokens: list[str]) -> Iterator[list[str]]:
    """Yield the clauses that may contain the request: those after a lead, then the sentence."""
    end = next((i for i, token in enumerate(tokens) if token in _ENDS and i), len(tokens))
    sentence = tokens[:end]
    if sentence and sentence[0].lower() in _LEADS and "," in sentence:
        for place, word in enumerate(sentence):
            if word == ",":
                yield sentence[place + 1 :]
    yield sentence


def _verb_place(clause: list[str]) -> int | None:
    """Return the place of the imperative verb, after politeness and questions."""
    words = [token.lower() for token in clause]
    start = _past_requests(words)
    if start is None or start >= len(words):
        return None
    word = words[start]
    if word in VERBS and not _is_noun_here(words, start):
        return start
    following = words[start + 1] if start + 1 < len(words) else ""
    unknown = word.isalpha() and word not in _NO_VERBS and not word.endswith(("ing", "ed", "ly"))
    return start if unknown and following in _TAKES_OBJECTS else None


def _is_noun_here(words: list[str], place: int) -> bool:
    """Return True when a form of *to be* follows, as in "Work is"."""
    return place + 1 < len(words) and words[place + 1] in _TO_BE


def _past_requests(words: list[str]) -> int | None:
    """Return the first place that can be the verb; None if the sentence asks for a fact."""
    place = _past_politeness(words, 0)
    if place < len(words) and words[place] in _QUESTION | _AUXILIARIES:
        return _past_question(words, place)
    if place < len(words) and words[place] in _SUBJECTS | {"your", "the"}:
        return _past_statement(words, place)
    return place


def _past_politeness(words: list[str], place: int) -> int:
    while place < len(words) and (
        words[place] in _POLITE
        or words[place] == ","
        or (words[place].endswith("ly") and words[place] not in VERBS)
    ):
        place += 1
    return place


def _past_question(words: list[str], place: int) -> int | None:
    """Skip "How do you", "Can you please"; None for questions such as "What is"."""
    asked = next((i for i in range(place, len(words)) if words[i] in _AUXILIARIES | _TO_BE), None)
    if asked is None or words[asked] in _TO_BE:
        return None
    subject = _past_politeness(words, asked + 1)
    if subject < len(words) and words[subject] in _SUBJECTS:
        return _past_politeness(words, subject + 1)
    return None


def _past_statement(words: list[str], place: int) -> int | None:
    """Skip "I want you to", "You need to", "Your task is to"."""
    opening = words[place : place + 6]
    if "to" not in opening or not _REQUESTS & set(opening):
        return None
    return _past_politeness(words, place + opening.index("to") + 1)
