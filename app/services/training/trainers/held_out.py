"""Which rows a model learns and on which it is measured, none of one side near one of the other."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.curation.options import SplitOptions
from app.curation.splitting import split
from app.errors import Fault, InvalidInput
from app.evaluation.values import HeldOutTask
from app.record import DatasetRow, Record, SplitName
from app.services.training.contract import TrainingWork
from app.similarity import SimilarityIndex
from app.training.plain.options import EvaluationOptions, Task, TrainingOptions


@dataclass(frozen=True, slots=True)
class Parted:
    """Rows on their two sides."""

    learnt: Sequence[DatasetRow]
    held_out: Sequence[DatasetRow]
    near: int = 0
    """Rows of another data set that are not held out, for each is near one that is learnt."""


@dataclass(frozen=True, slots=True)
class _Matter:
    """Which rows a task is about, and what of two of them must not be near on two sides."""

    holds: Callable[[DatasetRow], bool]
    text: Callable[[Record], str]


_MATTERS: Mapping[Task, _Matter] = {
    "answers": _Matter(lambda _: True, lambda record: record.instruction),
    # All instances of a classification task share its instruction, and differ in their inputs.
    "labels": _Matter(
        lambda row: row.is_classification is True,
        lambda record: record.input or record.instruction,
    ),
}


def sides_of(work: TrainingWork, options: TrainingOptions) -> Parted:
    """Part what a training is given: its version, and the one it is measured on, if it names one.

    Raises:
        InvalidInput: when no row is of the task's kind, or none of those named can be held out.
    """
    own = parted(work.dataset.read(), options.evaluation, options.seed, options.task)
    named = options.evaluation.held_out_dataset_id
    if named is None:
        return own
    matter = _MATTERS[options.task]
    others = [row for row in measured_rows(work.others[named].read()) if matter.holds(row)]
    far = _far_from(own.learnt, others, matter.text)
    if not far:
        why = (
            f"each of its {len(others)} rows is near one that is learnt; an evaluation, which is a "
            "job of its own, asks them all the same"
            if others
            else "no row says that its answer is one of a few labels"
        )
        told = Fault(why, field="evaluation.held_out_dataset_id")
        raise InvalidInput(f"There is nothing to measure on in {work.others[named].name}.", [told])
    return Parted(own.learnt, far, len(others) - len(far))


def parted(
    rows: Iterable[DatasetRow], options: EvaluationOptions, seed: int, task: Task = "answers"
) -> Parted:
    """Take the version's own split, or make one; the same rows and seed give the same sides.

    None is made where another version is measured on.

    Raises:
        InvalidInput: when no row is of the task's kind.
    """
    matter = _MATTERS[task]
    every = [row for row in rows if matter.holds(row)]
    if not every:
        told = Fault("no row says that its answer is one of a few labels", field="task")
        raise InvalidInput("The data set has no classification rows to learn labels from.", [told])
    sides: Sequence[SplitName] = [row.split for row in every]
    wanted = 0.0 if options.held_out_dataset_id is not None else options.held_out_share
    if "test" not in sides and wanted:
        sides = _drawn(every, matter, SplitOptions(test_share=wanted, seed=seed))
    by_side = {
        side: [row for row, its in zip(every, sides, strict=True) if its == side]
        for side in ("train", "test")
    }
    return Parted(by_side["train"], by_side["test"])


def measured_rows(rows: Iterable[DatasetRow]) -> Sequence[DatasetRow]:
    """The rows of a version that a model may be measured on: its test rows, else all."""
    every = list(rows)
    return [row for row in every if row.split == "test"] or every


def replayed(
    work: TrainingWork, options: TrainingOptions, measured: Sequence[DatasetRow]
) -> Sequence[Record]:
    """The general rows that may be learnt beside others, against forgetting; none if unwanted.

    Test rows of their version are not among them, nor is any that is near one measured on.

    Raises:
        InvalidInput: when they are wanted and none is left.
    """
    named = options.data.replay_dataset_id
    if named is None:
        return ()
    train = [row for row in work.others[named].read() if row.split == "train"]
    far = _far_from(measured, train, _MATTERS["answers"].text)
    if not far:
        told = Fault(
            "all of its rows are test rows, or near one that is measured on",
            field="data.replay_dataset_id",
        )
        raise InvalidInput(f"There is nothing to replay in {work.others[named].name}.", [told])
    return [row.record for row in far]


def general_rows(work: TrainingWork, options: EvaluationOptions, seed: int) -> Sequence[DatasetRow]:
    """The rows of which it is told how much a model forgot; none if no version of them is named."""
    named = options.general_dataset_id
    if named is None:
        return ()
    return _chosen(measured_rows(work.others[named].read()), options.general_tasks, seed)


def tasks_of(rows: Sequence[DatasetRow], most: int, seed: int) -> Sequence[HeldOutTask]:
    """Choose at most so many rows by the seed, in their order, as tasks."""
    return [HeldOutTask.of(row) for row in _chosen(rows, most, seed)]


def _chosen(rows: Sequence[DatasetRow], most: int, seed: int) -> Sequence[DatasetRow]:
    if len(rows) <= most:
        return rows
    places = random.Random(f"{seed}/tasks").sample(range(len(rows)), most)
    return [rows[place] for place in sorted(places)]


def _drawn(
    rows: Sequence[DatasetRow], matter: _Matter, wanted: SplitOptions
) -> Sequence[SplitName]:
    drawn = split((matter.text(row.record) for row in rows), wanted)
    if not drawn.test_rows:
        # One instruction for many inputs, such as a classifier's rows have: they tell them apart.
        drawn = split((row.record.request for row in rows), wanted)
    return [drawn.side(place) for place in range(len(rows))]


def _far_from(
    others: Sequence[DatasetRow], rows: Sequence[DatasetRow], text: Callable[[Record], str]
) -> Sequence[DatasetRow]:
    """The rows that are near none of the others, by the measure that parts a version's own rows."""
    far = _far_by(others, rows, text)
    # One instruction for many inputs, here too.
    return far or _far_by(others, rows, lambda record: record.request)


def _far_by(
    others: Sequence[DatasetRow], rows: Sequence[DatasetRow], text: Callable[[Record], str]
) -> Sequence[DatasetRow]:
    index = SimilarityIndex(threshold=SplitOptions().threshold)
    index.extend(text(row.record) for row in others)
    return [row for row in rows if index.nearest(text(row.record)) is None]
