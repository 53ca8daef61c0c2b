"""Stage 2 as the paper's code reads it: exactly Yes, yes or YES, and anything else is a no."""

import pytest

from app.pipeline.types import ReadLabel
from tests.unit.pipeline.making import label, reply


@pytest.mark.parametrize("text", ["Yes", "yes", "YES", " Yes", "Yes \n", "\tYES"])
def test_yes_in_three_spellings_is_classification(text: str) -> None:
    assert label("paper", reply(text)) == ReadLabel(is_classification=True)


@pytest.mark.parametrize(
    "text", ["No", "no", "yES", "Yes.", "Yes, it is", '"Yes"', "Ye", "Y", "true", "", "\x00Yes"]
)
def test_anything_else_is_no(text: str) -> None:
    assert label("paper", reply(text)) == ReadLabel(is_classification=False)


def test_logprobs_and_a_bias_decide_nothing_in_the_paper() -> None:
    sure_of_no = reply("Yes", top_logprobs={"No": -0.01, "Yes": -5.0})

    assert label("paper", sure_of_no, 3.0) == ReadLabel(is_classification=True)
