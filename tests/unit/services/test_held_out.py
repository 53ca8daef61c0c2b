"""Which rows are learnt and which are held out, by what the model is to do with them."""

from collections.abc import Sequence

import pytest

from app.errors import InvalidInput
from app.record import DatasetRow, Record
from app.services.held_out import parted, tasks_of
from app.training.options import EvaluationOptions

THIRD = EvaluationOptions(held_out_share=1 / 3)


def instances(count: int) -> Sequence[DatasetRow]:
    """One task's instances; of every third it is not known that they are."""
    return [
        DatasetRow(
            number,
            Record("Is it a city?", "yes", f"{number} {number + 100} {number + 200}"),
            is_classification=number % 3 != 0 or None,
        )
        for number in range(count)
    ]


def test_of_labels_only_classification_rows_are_taken_and_parted_by_their_inputs() -> None:
    sides = parted(instances(30), THIRD, seed=1, task="labels")

    rows = [*sides.learnt, *sides.held_out]
    assert all(row.is_classification for row in rows)
    assert len(rows) == 20
    assert len(sides.held_out) == pytest.approx(7, abs=1)


def test_equal_inputs_are_on_one_side() -> None:
    rows = [
        DatasetRow(
            number, Record("Is it?", "yes", f"{'abcdef'[number % 6]} " * 3), is_classification=True
        )
        for number in range(24)
    ]

    sides = parted(rows, THIRD, seed=1, task="labels")

    learnt, held_out = (
        {row.record.input for row in side} for side in (sides.learnt, sides.held_out)
    )
    assert learnt
    assert held_out
    assert not learnt & held_out


def test_a_version_s_own_split_is_kept() -> None:
    rows = [
        DatasetRow(n, Record(f"Task {n}", "yes"), "test" if n == 4 else "train") for n in range(9)
    ]

    assert [row.position for row in parted(rows, THIRD, seed=1).held_out] == [4]


def test_without_a_classification_row_there_are_no_labels_to_learn() -> None:
    rows = [
        DatasetRow(0, Record("Say it.", "yes")),
        DatasetRow(1, Record("And?", "no"), is_classification=False),
    ]

    with pytest.raises(InvalidInput, match="no classification rows") as caught:
        parted(rows, THIRD, seed=1, task="labels")

    assert str(caught.value.faults[0]).startswith("task: no row says")


def test_the_seed_chooses_which_tasks_are_asked_and_they_keep_their_order() -> None:
    rows = instances(30)

    one, again, other = (tasks_of(rows, 10, seed) for seed in (1, 1, 2))

    places = [int(task.id) for task in one]
    assert places == sorted(places)
    assert one == again != other
    assert len(tasks_of(rows, 100, 1)) == 30
