"""Thoughts are no part of an answer, wherever a model's chat template puts their tags."""

import pytest

from app.dataset_row import Record
from app.pipeline.review.thoughts import without_thoughts
from tests.unit.pipeline.making import asking, reply, review_stage


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Four.", "Four."),
        ("<think>2 + 2 ...</think>Four.", "Four."),
        ("\n<think>\n</think>\n\nFour.", "\n\nFour."),
        ("2 + 2 ...\n</think>\nFour.", "\nFour."),
        ("<think>2 + 2 and so on", ""),
        ("<think>a</think>The tag </think> ends it.", "The tag </think> ends it."),
        ("Write <think> and </think>.", "Write <think> and </think>."),
        ("", ""),
    ],
)
def test_what_follows_the_thoughts_is_the_answer(text: str, answer: str) -> None:
    assert without_thoughts(text) == answer


def test_neither_review_takes_a_thought_for_an_answer() -> None:
    from_thought = '<think>{"score": 5} would be too kind.</think>{"reason": "", "score": 2}'
    row = Record("2 + 2?", "5")
    judged = review_stage("judge").parse(reply(from_thought), row, asking(profile="judge").options)
    answered = review_stage("re_answer").parse(
        reply("<think>5? No.</think>\n4"), row, asking(profile="re_answer").options
    )

    assert judged.output is None
    assert judged.is_readable
    assert answered.output == "4"
