"""Metrics by source: each source by its own tasks, and none for a single source."""

from dataclasses import replace

import pytest

from app.evaluation.answers import Contender
from app.evaluation.by_source import figures_by_source
from app.evaluation.intervals import Bootstrap
from tests.unit.evaluation.making import answering, template_tasks

BOOTSTRAP = Bootstrap(resamples=200)
KINDS = ("sums", "capitals", "spelling", "parity")
TASKS = [replace(task, source=KINDS[n % 4]) for n, task in enumerate(template_tasks(48))]


def test_each_source_has_the_figures_of_its_own_tasks() -> None:
    base, tuned = answering("b", TASKS, 0, loss=1.0), answering("t", TASKS, 48, loss=0.25)
    sums = {task.id for task in TASKS if task.source == "sums"}
    tuned = Contender(
        "t",
        tuple(replace(a, text="wrong") if a.task_id in sums else a for a in tuned.answers),
    )
    found = figures_by_source(TASKS, [base, tuned], BOOTSTRAP)
    assert [each.source for each in found] == list(KINDS)
    assert {each.tasks for each in found} == {12}
    assert [each.exact[1].value for each in found] == [0, 1, 1, 1]
    assert [each.rouge_l[1].value for each in found] == [0, 1, 1, 1]
    for each in found:
        assert each.exact[0].value == 0
        assert each.loss_change is not None
        before, after = each.loss
        assert before is not None
        assert after is not None
        assert each.loss_change.value == pytest.approx(after.value - before.value)
        assert each.loss_change.high is not None
        assert each.loss_change.high < 0


def test_a_single_source_or_model_has_no_more_figures_than_that() -> None:
    base = answering("b", TASKS, 5)
    assert figures_by_source(TASKS[::4], [base, base], BOOTSTRAP) == []
    assert all(
        each.loss_change is None and len(each.exact) == 1
        for each in figures_by_source(TASKS, [base], BOOTSTRAP)
    )


def test_what_was_not_measured_is_null() -> None:
    (first, *_) = figures_by_source(TASKS, [Contender("b", ()), Contender("t", ())], BOOTSTRAP)
    assert first.loss == [None, None]
    assert first.loss_change is None
    assert first.exact[0].value == 0
