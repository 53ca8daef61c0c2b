"""Which rows are learnt and which are held out, by what the model is to do with them."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.dataset_row import DatasetRow, Record
from app.errors import InvalidInput
from app.evaluation.answers import HeldOutTask
from app.services.training.contract import RowSource, TrainingWork
from app.services.training.trainers.split_rows import (
    draw_tasks,
    general_rows,
    replay_rows,
    split_dataset,
    split_for_training,
)
from app.training.plain.option_groups import EvaluationOptions
from app.training.plain.options import TrainingOptions

THIRD = EvaluationOptions(held_out_share=1 / 3)


def instances(count: int) -> Sequence[DatasetRow]:
    """One task's instances; of every third it is not known that they are."""
    return [
        DatasetRow(
            number,
            Record(
                "Is it a city?",
                "yes",
                f"{number} {number + 100} {number + 200}",
                is_classification=number % 3 != 0 or None,
            ),
        )
        for number in range(count)
    ]


def test_of_labels_only_classification_rows_are_taken_and_parted_by_their_inputs() -> None:
    sides = split_dataset(instances(30), THIRD, seed=1, task="labels")

    rows = [*sides.training, *sides.held_out]
    assert all(row.is_classification for row in rows)
    assert len(rows) == 20
    assert len(sides.held_out) == pytest.approx(7, abs=1)


def test_equal_inputs_are_on_one_side() -> None:
    rows = [
        DatasetRow(
            number,
            Record("Is it?", "yes", f"{'abcdef'[number % 6]} " * 3, is_classification=True),
        )
        for number in range(24)
    ]

    sides = split_dataset(rows, THIRD, seed=1, task="labels")

    learnt, held_out = (
        {row.record.input for row in side} for side in (sides.training, sides.held_out)
    )
    assert learnt
    assert held_out
    assert not learnt & held_out


def test_a_version_s_own_split_is_kept() -> None:
    rows = [
        DatasetRow(n, Record(f"Task {n}", "yes"), "test" if n == 4 else "train") for n in range(9)
    ]

    assert [row.position for row in split_dataset(rows, THIRD, seed=1).held_out] == [4]


def test_without_a_classification_row_there_are_no_labels_to_learn() -> None:
    rows = [
        DatasetRow(0, Record("Say it.", "yes")),
        DatasetRow(1, Record("And?", "no", is_classification=False)),
    ]

    with pytest.raises(InvalidInput, match="no classification rows") as caught:
        split_dataset(rows, THIRD, seed=1, task="labels")

    assert str(caught.value.faults[0]).startswith("task: no row is")


def test_the_seed_chooses_which_tasks_are_asked_and_they_keep_their_order() -> None:
    rows = instances(30)

    def drawn(most: int, seed: int) -> Sequence[HeldOutTask]:
        return draw_tasks(rows, most, seed, lambda row: f"source {row.position % 2}")

    one, again, other = (drawn(10, seed) for seed in (1, 1, 2))

    places = [int(task.id) for task in one]
    assert places == sorted(places)
    assert one == again != other
    assert len(drawn(100, 1)) == 30
    assert {task.source for task in one} == {"source 0", "source 1"}


def work_of(
    rows: Sequence[DatasetRow], others: Mapping[str, Sequence[DatasetRow]], **options: Any
) -> tuple[TrainingWork, TrainingOptions]:
    sources = {
        name: RowSource(f"{name}, version 1", partial(iter, its)) for name, its in others.items()
    }
    work = TrainingWork(
        job_id="training_1",
        kind="training",
        options={},
        dataset=RowSource("ours, version 1", partial(iter, rows)),
        other_datasets=sources,
        folder=Path(),
        cache=Path(),
    )
    return work, TrainingOptions.model_validate(options)


def reported(word: str, count: int, *, test: Collection[int] = ()) -> Sequence[DatasetRow]:
    """Rows that are near none of another word, nor of each other."""
    return [
        DatasetRow(n, Record(f"{word} w{n}", f"{n}"), "test" if n in test else "train")
        for n in range(count)
    ]


NAMED = {"evaluation": {"held_out_dataset_id": "exam"}}


def test_a_named_version_is_held_out_and_all_of_ones_own_is_learnt() -> None:
    sides = split_for_training(
        *work_of(reported("Spell", 9), {"exam": reported("Ask", 4)}, **NAMED)
    )

    assert len(sides.training) == 9
    assert [row.record.instruction for row in sides.held_out] == [f"Ask w{n}" for n in range(4)]
    assert sides.near_duplicates == 0


def test_of_a_named_version_that_is_split_the_test_rows_are_held_out() -> None:
    exam = reported("Ask", 6, test=(1, 4))

    sides = split_for_training(*work_of(reported("Spell", 9, test=(2,)), {"exam": exam}, **NAMED))

    assert [row.position for row in sides.held_out] == [1, 4]
    # What the version itself keeps from tuning stays kept.
    assert [row.position for row in sides.training] == [0, 1, 3, 4, 5, 6, 7, 8]


def test_a_named_row_that_is_near_one_to_learn_is_not_held_out() -> None:
    near = DatasetRow(4, Record("Spell w3!", "other words"))

    sides = split_for_training(
        *work_of(reported("Spell", 9), {"exam": [*reported("Ask", 4), near]}, **NAMED)
    )

    assert [row.position for row in sides.held_out] == [0, 1, 2, 3]
    assert sides.near_duplicates == 1


def test_named_rows_of_one_instruction_are_told_apart_by_what_it_is_about() -> None:
    def numbers(begin: int) -> Sequence[DatasetRow]:
        return [
            DatasetRow(n, Record("Add.", "0", f"{n} and {n * 7} and {n * 13}"))
            for n in range(begin, begin + 5)
        ]

    sides = split_for_training(
        *work_of(numbers(1), {"exam": [*numbers(100), *numbers(1)]}, **NAMED)
    )

    assert [row.position for row in sides.held_out] == [100, 101, 102, 103, 104]
    assert sides.near_duplicates == 5


def test_a_named_version_of_which_everything_is_learnt_is_refused() -> None:
    work, options = work_of(reported("Spell", 9), {"exam": reported("Spell", 5)}, **NAMED)

    with pytest.raises(InvalidInput, match="no row to evaluate on in exam, version 1") as caught:
        split_for_training(work, options)

    assert str(caught.value.faults[0]).startswith(
        "evaluation.held_out_dataset_id: each of its 5 rows is a near-duplicate"
    )


def test_of_labels_the_named_classification_rows_are_held_out() -> None:
    exam = [
        DatasetRow(
            n, Record("Is it?", "yes", f"{n} {n * 3} {n * 5}", is_classification=n > 200 or None)
        )
        for n in range(198, 204)
    ]

    sides = split_for_training(*work_of(instances(30), {"exam": exam}, task="labels", **NAMED))

    assert [row.position for row in sides.held_out] == [201, 202, 203]


def replay_of(
    general: Sequence[DatasetRow], evaluate_models: Sequence[DatasetRow]
) -> Sequence[Record]:
    data = {"replay_share": 0.5, "replay_dataset_id": "general"}
    return replay_rows(*work_of([], {"general": general}, data=data), evaluate_models)


def test_what_is_measured_on_is_not_replayed_nor_is_a_test_row() -> None:
    general = reported("Say", 9, test=(0, 1))

    replay = replay_of(general, [general[3], *reported("Spell", 4)])

    assert replay == [general[n].record for n in (2, 4, 5, 6, 7, 8)]


def test_where_nothing_is_left_to_replay_it_is_said() -> None:
    general = reported("Say", 3)

    with pytest.raises(InvalidInput, match="no row to replay in general, version 1") as caught:
        replay_of(general, general)

    assert caught.value.faults[0].field == "data.replay_dataset_id"


def test_general_rows_to_be_measured_on_are_test_rows_where_there_are_some() -> None:
    for rows, places in (
        (reported("Say", 9, test=(3, 5)), [3, 5]),
        (reported("Say", 4), [0, 1, 2, 3]),
    ):
        work, options = work_of([], {"general": rows}, evaluation={"general_dataset_id": "general"})

        found = general_rows(work, options.evaluation, seed=1)

        assert [row.position for row in found] == places
