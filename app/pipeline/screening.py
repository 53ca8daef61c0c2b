"""Rules that a candidate instruction must pass before it is compared with the pool.

| reason | paper and its code | default profile |
|---|---|---|
| empty | yes | yes |
| too_short | 3 words or fewer | the same |
| too_long | over 150 words | the same |
| blacklisted_word | 13 words a text model cannot serve | with Alpaca's five more |
| asks_for_a_program | starts with "Write a program" | not a rule |
| starts_with_punctuation | yes | but opening quotes and brackets may stand |
| starts_with_non_ascii | yes | not a rule: other scripts are welcome |
"""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass

MIN_WORDS = 4
MAX_WORDS = 150

PAPER_BLACKLIST = (
    "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps",
    "draw", "plot", "go to",
)  # fmt: skip
ALPACA_BLACKLIST = (*PAPER_BLACKLIST, "video", "audio", "music", "flowchart", "diagram")

_OPENING = "\"'([{<`"
# Scripts written without spaces: about two of these characters make a word.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a reason, and a function that returns True when the rule is broken."""

    reason: str
    rejects: Callable[[str], bool]


def first_broken(rules: tuple[Rule, ...], text: str) -> str | None:
    """Return the reason of the first rule that `text` breaks; None when it passes all."""
    return next((rule.reason for rule in rules if rule.rejects(text)), None)


def count_words(text: str) -> float:
    """Count whitespace-separated words; in scripts without spaces two characters count as one."""
    unspaced = len(_UNSPACED.findall(text))
    if not unspaced:
        return len(text.split())
    # What is left between such characters may be their punctuation, which is no word.
    spaced = [word for word in _UNSPACED.sub(" ", text).split() if any(map(str.isalnum, word))]
    return len(spaced) + unspaced / 2


def _has_word_of(words: tuple[str, ...]) -> Callable[[str], bool]:
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    return lambda text: pattern.search(text) is not None


PAPER_RULES: tuple[Rule, ...] = (
    Rule("empty", lambda text: text == ""),
    Rule("too_short", lambda text: len(text.split()) < MIN_WORDS),
    Rule("too_long", lambda text: len(text.split()) > MAX_WORDS),
    Rule("blacklisted_word", _has_word_of(PAPER_BLACKLIST)),
    Rule("asks_for_a_program", lambda text: text.startswith("Write a program")),
    Rule("starts_with_punctuation", lambda text: text[0] in string.punctuation),
    Rule("starts_with_non_ascii", lambda text: not text[0].isascii()),
)

ALPACA_RULES: tuple[Rule, ...] = tuple(
    Rule(rule.reason, _has_word_of(ALPACA_BLACKLIST)) if rule.reason == "blacklisted_word" else rule
    for rule in PAPER_RULES
)

DEFAULT_RULES: tuple[Rule, ...] = (
    Rule("empty", lambda text: not text.strip()),
    Rule("too_short", lambda text: count_words(text) < MIN_WORDS),
    Rule("too_long", lambda text: count_words(text) > MAX_WORDS),
    Rule("blacklisted_word", _has_word_of(ALPACA_BLACKLIST)),
    Rule(
        "starts_with_punctuation",
        lambda text: text[0] in string.punctuation and text[0] not in _OPENING,
    ),
)
