"""Filters answer whatever the texts are, and soon."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.filter import Dropped, Filter
from app.curation.filters.answers.other_language import language_of
from app.curation.table import FILTERS
from app.dataset_row import Record

MOST_S = 1.5
"""For seven records of 30,000 characters on a busy machine; the square of that takes longer."""

PIECES = st.sampled_from(
    [
        "```", "###", "Output:", "Input:", "<|endoftext|>", "</s>", "[link]", "https://a.b/c",
        "1.", "-", "\n", " ", "\t", "the", "I'm sorry, but I cannot help", "As an AI", "JSON",
        "Python", "{", "}", "[", "(", ")", "2 + 2", "=", "4", "\ud800", "\u0000", "\u6c49\u5b57",
        "e\u0301", "def f():", "noinput",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=20).map(" ".join))

HOSTILE = {
    "white space": " " * 33_333,
    "white space and a word": " " * 33_333 + "x",
    "new lines": "\n" * 33_333 + "x",
    "one word": "a" * 33_333,
    "the same word": "a " * 16_666,
    "input lines": "Input:\n" * 5_000,
    "fences": "```python\n" * 3_333,
    "brackets": "(" * 33_333,
    "square brackets": "[" * 33_333,
    "braces": '{"a":' * 6_666,
    "links": "[your " * 5_000,
    "addresses": "https://" * 4_000,
    "hashes": "#" * 33_333,
    "markers": "<|a|> " * 5_333,
    "quotes": '"' * 33_333,
    "minus signs": "-" * 33_333,
    "nots": "not " * 8_333,
    "lambdas": "lambda:" * 3_333,
    "dots": "a" + ".b" * 16_666,
    "calls": "f" + "()" * 16_666,
    "sums": "1+" * 16_666 + "1",
    "powers": "9**" * 10_000 + "9",
    "digits": "9" * 33_333,
    "combining marks": "e" + "\u0301" * 33_333,
    "apologies": "sorry, " * 4_666,
    "sentences": "So it is. " * 3_333 + "and then the",
    "equals": "=" * 33_333,
    "numbers": "1 " * 16_666,
    "indents": "".join(" " * depth + "if x:\n" for depth in range(400)),
}  # fmt: skip
ASKED = ("Write a Python function.", "Write it as JSON.", "What is 2 + 2?", "Tell me of the sea.")


@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=300, deadline=None)
def test_every_filter_answers_for_any_record(one: str, other: str, third: str) -> None:
    record = Record(one, other, third)
    wrong = {}
    for rule in FILTERS:
        answer = rule.apply(record)
        is_right = (
            answer.reason in rule.reasons
            if isinstance(answer, Dropped)
            else answer == record or rule.change is not None
        )
        if not is_right:
            wrong[rule.name] = answer
    assert wrong == {}


def _seconds(rule: Filter, text: str) -> float:
    """Return the processor time of seven records, which other processes hardly change."""
    started = time.process_time()
    for asked in ASKED:
        rule.apply(Record(asked, text))
    for record in (
        Record(text, "An answer."),
        Record("Do this.", "An answer.", text),
        Record(text, text),
    ):
        rule.apply(record)
    return time.process_time() - started


def test_no_hostile_text_takes_long_in_any_filter() -> None:
    # The language model is read at first use, which says nothing about a text.
    language_of("Here we are.", 0.9)
    slow = {}
    for rule in FILTERS:
        for name, text in HOSTILE.items():
            # A first measurement over the limit is checked by a second: the machine may be busy.
            taken = _seconds(rule, text)
            if taken >= MOST_S and (taken := _seconds(rule, text)) >= MOST_S:
                slow[rule.name, name] = taken
    assert slow == {}


def test_what_was_mended_needs_no_mending() -> None:
    record = Record("Name a sea.", "<noinput>\nOutput: The Baltic<|endoftext|>", "<noinput>")
    once = {rule: rule.apply(record) for rule in FILTERS}
    mended = {rule: found for rule, found in once.items() if not isinstance(found, Dropped)}
    assert [rule.name for rule, found in mended.items() if rule.apply(found) is not found] == []
    assert {rule.name for rule, found in mended.items() if found != record} == {
        rule.name for rule in mended if rule.change is not None
    }
