"""Scores as small models write them, each form on both of its sides."""

import pytest

from app.dataset_row import Record
from app.pipeline.options import RunOptions
from app.pipeline.review.judge import STAGE
from tests.unit.pipeline.making import reply

RECORD = Record("Name a river.", "The Rhine.")


def is_kept(text: str, threshold: int = 4) -> bool | None:
    """Return True when a row stays by this reply; None when it can't be read."""
    options = RunOptions.model_validate({"profile": "judge", "review": {"threshold": threshold}})
    found = STAGE.parse(reply(text), RECORD, options)
    return (found.rejected is None) if found.is_readable else None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Score: 4", True), ("Score: 3", False), ("score is 4", True), ("Score of 4", True),
        ("**Score:** 4", True), ("Score: **4**", True), ("Score: __4__", True),
        ("Score = 4*", True),
        ("Score: 4_", True), ("Score: 4/5", True), ("Score: 4 / 5", None), ("Score: 4.5", True),
        ("Score: 3.9", False), ("Score: 4.", True), ("Score: 4/", True), ("Score: 4/10", None),
        ("Score: 0", None), ("Score: 1", False), ("Score: 5", True), ("Score: 6", None),
        ("Score: 4 to 5", None), ("Score: 4,", None), ("Score: 4\nScore: 4", True),
        ("Score: 4\nScore: 5", None), ("4", None), ("Score: \"score\" 4", None),
        ("<score>4</score>", True), ("<score>4/5</score>", True), ("<score>4 / 5</score>", True),
        ("<score>4    / 5</score>", None), ("<score>4</score><score>5</score>", None),
        ("<score>4</score><score>4</score>", True), ("<reason>a</reason><score>2</score>", False),
        ("<score>4", None), ("<SCORE>4</Score>", True), ("<score>4</reason></score>", None),
        ('{"score": 4}', True), ('{"score": "4"}', True), ('{"score": 4} <score>4</score>', True),
        ('{"score": 4} <score>5</score>', None), ('so {"score": 2}', False), ("[]", None),
        ('{"score": 3.5}', False), ('{"score": null}', None), ('{"score": 4', None),
    ],
)  # fmt: skip
def test_a_score_is_read_in_each_form_and_held_against_the_threshold(
    text: str, kept: bool | None
) -> None:
    assert is_kept(text) is kept


@pytest.mark.parametrize(("threshold", "kept"), [(2, True), (3, True), (4, False)])
def test_a_score_at_the_threshold_stays(threshold: int, kept: bool) -> None:
    assert is_kept("Score: 3", threshold) is kept
