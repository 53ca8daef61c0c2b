"""Exact match: what counts as the label, and what was answered instead."""

import math

import pytest

from app.dataset_row import Record
from app.evaluation.answers import HeldOutTask
from app.evaluation.labels import (
    NORMALISATION,
    commonest_label,
    exact_match,
    is_exact,
    is_right,
    label_of,
)


@pytest.mark.parametrize(
    "answer", ["positive", "Positive", " POSITIVE. ", '"positive"', "**Positive**", "'positive.'"]
)
def test_form_is_not_held_against_a_label(answer: str) -> None:
    assert is_right("Positive", answer)


@pytest.mark.parametrize("answer", ["positively", "not positive", "", "  ", "pos", "Label: x"])
def test_another_answer_is_wrong(answer: str) -> None:
    assert not is_right("positive", answer)


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [("HELLO, ANN.", True), (" HELLO, ANN.\r\n", True), ("Hello, Ann.", False),
     ("HELLO, ANN", False), ('"HELLO, ANN."', False), ("", False)],
)  # fmt: skip
def test_of_an_answer_that_is_no_label_the_form_may_be_what_was_asked_for(
    answer: str, is_right: bool
) -> None:
    task = HeldOutTask("1", Record("Rewrite in upper case.", "HELLO, ANN.", "Hello, Ann."))
    assert is_exact(task, answer) == is_right
    label = HeldOutTask("1", task.record, is_classification=True)
    assert is_exact(label, answer) == (answer != "")


def test_an_empty_answer_is_never_right_even_where_the_reference_is_empty() -> None:
    found = exact_match(["", "a"], ["", "a"])
    assert found is not None
    assert found.right == 1
    assert sum(map(sum, found.confusion.counts)) == 2
    assert found.confusion.counts[found.confusion.labels.index("")] == [0, 0, 1]


def test_a_label_of_marks_alone_stays_a_label() -> None:
    assert label_of("**") == "**"
    assert label_of("...") != ""


def test_other_scripts_have_their_own_full_stop_and_width() -> None:
    assert is_right("是", "是。")
    assert is_right("ABC", "ＡＢＣ")  # noqa: RUF001


def test_the_table_says_what_was_answered_for_what() -> None:
    references = ["yes", "yes", "yes", "no", "no", "maybe"]
    answers = ["Yes.", "no", "I think so", "no", "yes", ""]
    found = exact_match(references, answers)
    assert found is not None
    assert (found.tasks, found.right, found.share.value) == (6, 2, 2 / 6)
    assert found.confusion.labels == ["yes", "no", "maybe"]
    assert found.confusion.counts == [[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 0, 1]]
    assert found.normalisation == NORMALISATION


def test_the_diagonal_holds_as_many_as_are_right_and_all_tasks_are_in_the_table() -> None:
    references = [f"label {place % 30}" for place in range(200)]
    answers = [f"label {place % 40}" for place in range(200)]
    found = exact_match(references, answers)
    assert found is not None
    table = found.confusion
    assert (len(table.labels), table.other_labels) == (11, 19)
    assert sum(map(sum, table.counts)) == 200
    assert all(len(row) == len(table.counts) + 1 for row in table.counts)
    assert sum(table.counts[i][i] for i in range(11)) <= found.right


def test_without_a_task_there_is_nothing_to_say() -> None:
    assert exact_match([], []) is None


def test_the_commonest_label_is_said_to_every_task_and_is_as_likely_as_it_is_frequent() -> None:
    tasks = [
        HeldOutTask(str(n), Record("Is it?", label)) for n, label in enumerate(("Yes.", "no", "so"))
    ]

    baseline = commonest_label({"no": 1, "yes": 3}, tasks)

    assert baseline.name == "always 'yes'"
    assert baseline.texts(tasks) == ["yes"] * 3
    assert [answer.log_probabilities for answer in baseline.answers] == [
        (math.log(0.75),),
        (math.log(0.25),),
        (-math.inf,),
    ]


def test_of_two_labels_as_common_the_first_is_said() -> None:
    assert commonest_label({"no": 2, "yes": 2}, []).name == "always 'no'"
