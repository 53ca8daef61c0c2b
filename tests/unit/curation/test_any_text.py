"""Filters answer whatever the texts are, and soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.filter import Dropped, Filter
from app.curation.table import FILTERS
from app.record import Record

MOST_S = 3.0
"""For one record of a hundred thousand characters, on a busy machine."""

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
    "white space": " " * 100_000,
    "white space and a word": " " * 100_000 + "x",
    "new lines": "\n" * 100_000 + "x",
    "one word": "a" * 100_000,
    "the same word": "a " * 50_000,
    "input lines": "Input:\n" * 15_000,
    "fences": "```python\n" * 10_000,
    "brackets": "(" * 100_000,
    "square brackets": "[" * 100_000,
    "braces": '{"a":' * 20_000,
    "links": "[your " * 15_000,
    "addresses": "https://" * 12_000,
    "hashes": "#" * 100_000,
    "markers": "<|a|> " * 16_000,
    "quotes": '"' * 100_000,
    "minus signs": "-" * 100_000,
    "nots": "not " * 25_000,
    "lambdas": "lambda:" * 10_000,
    "dots": "a" + ".b" * 50_000,
    "calls": "f" + "()" * 50_000,
    "sums": "1+" * 50_000 + "1",
    "powers": "9**" * 30_000 + "9",
    "digits": "9" * 100_000,
    "combining marks": "e" + "\u0301" * 100_000,
    "apologies": "sorry, " * 14_000,
    "sentences": "So it is. " * 10_000 + "and then the",
    "equals": "=" * 100_000,
    "numbers": "1 " * 50_000,
    "indents": "".join(" " * depth + "if x:\n" for depth in range(400)),
}  # fmt: skip
ASKED = ("Write a Python function.", "Write it as JSON.", "What is 2 + 2?", "Tell me of the sea.")


@pytest.mark.parametrize("rule", FILTERS, ids=lambda rule: rule.name)
@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=60, deadline=None)
def test_a_filter_answers_for_any_record(rule: Filter, one: str, other: str, third: str) -> None:
    record = Record(one, other, third)
    answer = rule.apply(record)
    if isinstance(answer, Dropped):
        assert answer.reason in rule.reasons
    else:
        assert answer == record or rule.change is not None


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
