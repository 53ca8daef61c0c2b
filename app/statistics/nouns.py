"""Noun phrases after a verb: their end, their head noun, and its singular."""

import re
from collections.abc import Sequence

from app.statistics.words import words_of

_POSSESSIVE = ("'s", "\N{RIGHT SINGLE QUOTATION MARK}s")
_DETERMINERS = words_of("determiners")
_PARTICLES = words_of("particles")
_RECIPIENTS = words_of("recipients")
_PRONOUNS = words_of("pronouns")
_GIVES = words_of("gives")
_BORDERS = words_of("borders")
_ADJECTIVES = words_of("adjectives")
_LIKE_ADJECTIVES = re.compile(r".*(?:ful|ous|ive|able|ible|less|ish|ical|est)$")
_NOUNS = words_of("ing_nouns")
_IRREGULAR = {
    "children": "child", "people": "people", "men": "man", "women": "woman", "lives": "life",
    "feet": "foot", "teeth": "tooth", "mice": "mouse", "geese": "goose", "criteria": "criterion",
    "phenomena": "phenomenon", "analyses": "analysis", "hypotheses": "hypothesis",
    "theses": "thesis", "crises": "crisis", "bases": "basis", "leaves": "leaf", "wives": "wife",
    "knives": "knife", "shelves": "shelf", "wolves": "wolf", "movies": "movie", "ties": "tie",
    "cookies": "cookie", "pies": "pie", "lies": "lie", "calories": "calorie", "indices": "index",
    "matrices": "matrix", "vertices": "vertex", "shoes": "shoe", "canoes": "canoe",
    "caches": "cache", "axes": "axis", "quizzes": "quiz",
}  # fmt: skip
_UNCHANGED = words_of("unchanged")


def singular(noun: str) -> str:
    """Return the singular of an English noun, by rule and a list of exceptions."""
    noun = noun.lower()
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun in _UNCHANGED or len(noun) < 4 or noun.endswith(("ss", "us", "is")):
        return noun
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    if noun.endswith(("ches", "shes", "sses", "xes", "zzes")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") else noun


def head_noun(verb: str, tokens: Sequence[str]) -> str | None:
    """Return the head of the noun phrase that begins here, in the singular; None without one.

    After a verb of giving, a first phrase directly followed by another one is the recipient: "Give
    the reader three tips".
    """
    place = _past_opening(tokens)
    head, end = _phrase(tokens, place)
    following = tokens[end].lower() if end < len(tokens) else ""
    if head is not None and verb in _GIVES and (following in _DETERMINERS or following.isdigit()):
        second, _ = _phrase(tokens, end)
        head = second or head
    return None if head is None else singular(head)


def _past_opening(tokens: Sequence[str]) -> int:
    """Skip a particle and a recipient: "Write down", "Give me"."""
    place = 0
    if place + 1 < len(tokens) and tokens[place].lower() in _PARTICLES:
        place += 1
    recipient = tokens[place].lower() if place < len(tokens) else ""
    following = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
    # "her" may be a possessive, as in "Rewrite her letter"; after "me" the object always follows.
    if recipient in _RECIPIENTS and (recipient != "her" or following in _DETERMINERS):
        place += 1
    return place


def _phrase(tokens: Sequence[str], place: int) -> tuple[str | None, int]:
    """Return the last noun of the phrase that begins at this place, and the end of the phrase."""
    head: str | None = None
    while place < len(tokens):
        word = tokens[place].lower()
        if _goes_on_after(tokens, place):
            head = None
        elif _is_border(tokens, place, word, head):
            break
        elif not (_is_opening(word) or word in _ADJECTIVES or word.endswith(_POSSESSIVE)):
            head = tokens[place]
        place += 1
    return (head if head and _can_be_noun(head) else None), place


def _goes_on_after(tokens: Sequence[str], place: int) -> bool:
    """Return True for a comma or conjunction between adjectives: "a short, funny story"."""
    if not place or tokens[place].lower() not in {",", "and", "or", "but"}:
        return False
    following = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
    return _is_adjective(tokens[place - 1]) and following.isalpha() and following not in _BORDERS


def _is_border(tokens: Sequence[str], place: int, word: str, head: str | None) -> bool:
    if not (word[0].isalpha() or word[0].isdigit()) or word in _BORDERS:
        return True
    if head is None:
        return False
    return _is_opening(word) or _is_participle_clause(tokens, place, word)


def _is_participle_clause(tokens: Sequence[str], place: int, word: str) -> bool:
    """Return True when a participle begins a clause on the noun: "a story involving a dog"."""
    if not word.endswith(("ing", "ed")) or word in _NOUNS:
        return word in {"given", "written", "made", "found", "shown", "below", "above"}
    following = tokens[place + 1].lower() if place + 1 < len(tokens) else "."
    return not following.isalpha() or following in _BORDERS or following in _DETERMINERS


def _is_opening(word: str) -> bool:
    return word in _DETERMINERS or word[0].isdigit() or (word.endswith("ly") and word != "family")


def _is_adjective(word: str) -> bool:
    word = word.lower()
    return word in _ADJECTIVES or _LIKE_ADJECTIVES.match(word) is not None


def _can_be_noun(word: str) -> bool:
    """Return True when a word is not a name, a pronoun or a participle."""
    if word[0].isupper() and not word.isupper():
        return False
    return word not in _PRONOUNS and (word in _NOUNS or not word.endswith("ing"))
