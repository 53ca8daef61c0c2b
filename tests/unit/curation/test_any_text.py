"""Filters answer whatever the texts are, and soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.filter import Dropped, Filter
from app.curation.filters.other_language import language_of
from app.curation.table import FILTERS
from app.record import Record

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


@pytest.mark.parametrize("rule", FILTERS, ids=lambda rule: rule.name)
@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=30, deadline=None)
def test_a_filter_answers_for_any_record(rule: Filter, one: str, other: str, third: str) -> None:
    record = Record(one, other, third)
    answer = rule.apply(record)
    if isinstance(answer, Dropped):
        assert answer.reason in rule.reasons
    else:
        assert answer == record or rule.change is not None


@pytest.fixture(scope="module", autouse=True)
def _language_model() -> None:
    # Read once by whoever comes first, which says nothing about the text.
    language_of("Here we are.", 0.9)


@pytest.mark.parametrize("rule", FILTERS, ids=lambda rule: rule.name)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_takes_no_long_time(rule: Filter, name: str) -> None:
    text = HOSTILE[name]
    started = time.process_time()
    for asked in ASKED:
        rule.apply(Record(asked, text))
    for record in (
        Record(text, "An answer."),
        Record("Do this.", "An answer.", text),
        Record(text, text),
    ):
        rule.apply(record)
    assert time.process_time() - started < MOST_S


@pytest.mark.parametrize("rule", FILTERS, ids=lambda rule: rule.name)
def test_what_was_mended_needs_no_mending(rule: Filter) -> None:
    record = Record("Name a sea.", "<noinput>\nOutput: The Baltic<|endoftext|>", "<noinput>")
    once = rule.apply(record)
    if not isinstance(once, Dropped):
        assert rule.apply(once) is once
