"""Forgetting: reported where the rows show it, and nowhere else."""

import math

import pytest

from app.evaluation.answers import Answer, Contender
from app.evaluation.forgetting import forgetting, loss_change
from app.evaluation.intervals import Bootstrap
from tests.unit.evaluation.making import answering, template_tasks

BOOTSTRAP = Bootstrap(resamples=300)
TASKS = template_tasks(40)


def losses(*of_tasks: tuple[float, ...]) -> Contender:
    answers = (
        Answer(str(i), None, tuple(-loss for loss in each)) for i, each in enumerate(of_tasks)
    )
    return Contender("m", tuple(answers))


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(1.0, 1.4, "forgot"), (1.0, 0.6, "gained")],
)
def test_a_clear_change_is_named_by_its_direction(
    before: float, after: float, verdict: str
) -> None:
    old, new = answering("b", TASKS, 5, before), answering("t", TASKS, 5, after, seed=3)
    assert forgetting(TASKS, old, new, BOOTSTRAP).verdict == verdict


def test_a_change_within_chance_is_no_forgetting() -> None:
    old, new = answering("b", TASKS, 5, seed=1), answering("t", TASKS, 5, seed=2)
    found = forgetting(TASKS, old, new, BOOTSTRAP)
    assert found.verdict == "kept"
    assert found.before is not None
    assert found.after is not None


def test_the_change_weighs_tokens_alike_and_pairs_tasks() -> None:
    change = loss_change(losses((1.0,), (2.0, 2.0)), losses((4.0,), (2.0, 2.0)), BOOTSTRAP)
    assert change is not None
    assert change.value == pytest.approx(1.0)


def test_tasks_measured_by_other_tokens_or_not_at_all_are_left_out() -> None:
    before = losses((1.0,), (1.0, 1.0), (math.inf,), (1.0,))
    after = losses((2.0,), (9.0,), (1.0,))
    change = loss_change(before, after, BOOTSTRAP)
    assert change is not None
    assert (change.value, change.low) == (1.0, None)


def test_nothing_measured_is_unknown() -> None:
    silent = Contender("m", tuple(Answer(task.id, None) for task in TASKS))
    found = forgetting(TASKS, silent, silent, BOOTSTRAP)
    assert (found.verdict, found.loss_change, found.rouge_l) == ("unknown", None, None)


def test_old_answers_are_compared_too() -> None:
    old, new = answering("b", TASKS, 30), answering("t", TASKS, 2)
    found = forgetting(TASKS, old, new, BOOTSTRAP)
    assert found.rouge_l is not None
    assert found.rouge_l.difference.high is not None
    assert found.rouge_l.difference.high < 0
