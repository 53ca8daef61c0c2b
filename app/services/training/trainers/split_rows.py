"""The split of rows into training and held-out rows, without near-duplicates across the split."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.curation.options import SplitOptions
from app.curation.splitting import split
from app.dataset_row import DatasetRow, Record, SplitName
from app.errors import Fault, InvalidInput
from app.evaluation.answers import HeldOutTask
from app.services.training.contract import TrainingWork
from app.similarity import SimilarityIndex
from app.training.plain.option_groups import EvaluationOptions
from app.training.plain.options import Task, TrainingOptions


@dataclass(frozen=True, slots=True)
class RowSplit:
    """Training rows and held-out rows."""

    training: Sequence[DatasetRow]
    held_out: Sequence[DatasetRow]
    near_duplicates: int = 0
    """Rows of a separate evaluation data set that were dropped as near-duplicates of training rows.
    """


@dataclass(frozen=True, slots=True)
class _TaskRows:
    """The rows a task uses, and the text that is compared for near-duplicates."""

    holds: Callable[[DatasetRow], bool]
    text: Callable[[Record], str]


_TASK_ROWS: Mapping[Task, _TaskRows] = {
    "answers": _TaskRows(lambda _: True, lambda record: record.instruction),
    # All rows of a classification task share its instruction, so their inputs are compared.
    "labels": _TaskRows(
        lambda row: row.is_classification is True,
        lambda record: record.input or record.instruction,
    ),
}


def split_for_training(work: TrainingWork, options: TrainingOptions) -> RowSplit:
    """Split the data set of a training; held-out rows may come from another data set.

    Raises:
        InvalidInput: no row suits the task, or no row of the other data set can be held out.
    """
    own = split_dataset(work.dataset.read(), options.evaluation, options.seed, options.task)
    named = options.evaluation.held_out_dataset_id
    if named is None:
        return own
    task_rows = _TASK_ROWS[options.task]
    others = [
        row for row in evaluation_rows(work.other_datasets[named].read()) if task_rows.holds(row)
    ]
    far = _without_near_duplicates(own.training, others, task_rows.text)
    if not far:
        why = (
            f"each of its {len(others)} rows is a near-duplicate of a training row; an evaluation "
            "job can still use them"
            if others
            else "no row is a classification row"
        )
        fault = Fault(why, field="evaluation.held_out_dataset_id")
        raise InvalidInput(
            f"There is no row to evaluate on in {work.other_datasets[named].name}.", [fault]
        )
    return RowSplit(own.training, far, len(others) - len(far))


def split_dataset(
    rows: Iterable[DatasetRow], options: EvaluationOptions, seed: int, task: Task = "answers"
) -> RowSplit:
    """Use the split of the version, or make one; the same rows and seed give the same split.

    No row is held out when the options name another data set for the evaluation.

    Raises:
        InvalidInput: no row suits the task.
    """
    task_rows = _TASK_ROWS[task]
    suited = [row for row in rows if task_rows.holds(row)]
    if not suited:
        fault = Fault(
            "no row is marked as a classification row; import the file with `--classification`, or"
            " with a column is_classification",
            field="task",
        )
        raise InvalidInput("The data set has no classification rows to train on.", [fault])
    sides: Sequence[SplitName] = [row.split for row in suited]
    wanted = 0.0 if options.held_out_dataset_id is not None else options.held_out_share
    if "test" not in sides and wanted:
        sides = _make_split(suited, task_rows, SplitOptions(test_share=wanted, seed=seed))
    by_side = {
        side: [row for row, its in zip(suited, sides, strict=True) if its == side]
        for side in ("train", "test")
    }
    return RowSplit(by_side["train"], by_side["test"])


def evaluation_rows(rows: Iterable[DatasetRow]) -> Sequence[DatasetRow]:
    """Return the rows of a version to evaluate on: its test rows, or all rows without a split."""
    all_rows = list(rows)
    return [row for row in all_rows if row.split == "test"] or all_rows


def replay_rows(
    work: TrainingWork, options: TrainingOptions, evaluated: Sequence[DatasetRow]
) -> Sequence[Record]:
    """Return the general rows to train on; empty without a replay data set.

    Test rows of that data set are excluded, and near-duplicates of evaluated rows.

    Raises:
        InvalidInput: no row is left.
    """
    named = options.data.replay_dataset_id
    if named is None:
        return ()
    train = [row for row in work.other_datasets[named].read() if row.split == "train"]
    far = _without_near_duplicates(evaluated, train, _TASK_ROWS["answers"].text)
    if not far:
        fault = Fault(
            "all of its rows are test rows, or near-duplicates of evaluated rows",
            field="data.replay_dataset_id",
        )
        raise InvalidInput(
            f"There is no row to replay in {work.other_datasets[named].name}.", [fault]
        )
    return [row.record for row in far]


def general_rows(work: TrainingWork, options: EvaluationOptions, seed: int) -> Sequence[DatasetRow]:
    """Return the rows used to measure forgetting; empty without a general data set."""
    named = options.general_dataset_id
    if named is None:
        return ()
    return _draw(evaluation_rows(work.other_datasets[named].read()), options.general_tasks, seed)


def draw_tasks(
    rows: Sequence[DatasetRow], limit: int, seed: int, source_of: Callable[[DatasetRow], str]
) -> Sequence[HeldOutTask]:
    """Draw at most `limit` rows with the seed, in their order, as tasks with their sources."""
    return [HeldOutTask.of(row, source_of(row)) for row in _draw(rows, limit, seed)]


def _draw(rows: Sequence[DatasetRow], limit: int, seed: int) -> Sequence[DatasetRow]:
    if len(rows) <= limit:
        return rows
    chosen = random.Random(f"{seed}/tasks").sample(range(len(rows)), limit)
    return [rows[index] for index in sorted(chosen)]


def _make_split(
    rows: Sequence[DatasetRow], task_rows: _TaskRows, wanted: SplitOptions
) -> Sequence[SplitName]:
    drawn = split((task_rows.text(row.record) for row in rows), wanted)
    if not drawn.test_rows:
        # When all rows share one instruction, as a classifier's do, compare instruction and input.
        drawn = split((row.record.request for row in rows), wanted)
    return [drawn.side(index) for index in range(len(rows))]


def _without_near_duplicates(
    others: Sequence[DatasetRow], rows: Sequence[DatasetRow], text: Callable[[Record], str]
) -> Sequence[DatasetRow]:
    """Return the rows without a near-duplicate among the others."""
    far = _compare_text(others, rows, text)
    # Here, too, rows may share one instruction.
    return far or _compare_text(others, rows, lambda record: record.request)


def _compare_text(
    others: Sequence[DatasetRow], rows: Sequence[DatasetRow], text: Callable[[Record], str]
) -> Sequence[DatasetRow]:
    index = SimilarityIndex(threshold=SplitOptions().threshold)
    index.extend(text(row.record) for row in others)
    return [row for row in rows if index.nearest(text(row.record)) is None]
