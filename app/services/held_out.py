"""Which rows a model learns and on which it is measured, none of one side near one of the other."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.curation.options import SplitOptions
from app.curation.splitting import split
from app.errors import Fault, InvalidInput
from app.evaluation.values import HeldOutTask
from app.record import DatasetRow, Record, SplitName
from app.training.options import EvaluationOptions, Task


@dataclass(frozen=True, slots=True)
class Parted:
    """A version's rows on their two sides."""

    learnt: Sequence[DatasetRow]
    held_out: Sequence[DatasetRow]


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


def parted(
    rows: Iterable[DatasetRow], options: EvaluationOptions, seed: int, task: Task = "answers"
) -> Parted:
    """Take the version's own split, or make one; the same rows and seed give the same sides.

    Raises:
        InvalidInput: when no row is of the task's kind.
    """
    matter = _MATTERS[task]
    every = [row for row in rows if matter.holds(row)]
    if not every:
        told = Fault("no row says that its answer is one of a few labels", field="task")
        raise InvalidInput("The data set has no classification rows to learn labels from.", [told])
    sides: Sequence[SplitName] = [row.split for row in every]
    if "test" not in sides and options.held_out_share:
        sides = _drawn(every, matter, SplitOptions(test_share=options.held_out_share, seed=seed))
    by_side = {
        side: [row for row, its in zip(every, sides, strict=True) if its == side]
        for side in ("train", "test")
    }
    return Parted(by_side["train"], by_side["test"])


def _drawn(
    rows: Sequence[DatasetRow], matter: _Matter, wanted: SplitOptions
) -> Sequence[SplitName]:
    drawn = split((matter.text(row.record) for row in rows), wanted)
    if not drawn.test_rows:
        # One instruction for many inputs, such as a classifier's rows have: they tell them apart.
        drawn = split((row.record.request for row in rows), wanted)
    return [drawn.side(place) for place in range(len(rows))]


def tasks_of(rows: Sequence[DatasetRow], most: int, seed: int) -> Sequence[HeldOutTask]:
    """Choose at most so many rows by the seed, in their order, as tasks."""
    places = range(len(rows))
    if len(rows) > most:
        places_chosen = random.Random(f"{seed}/tasks").sample(places, most)
        return [HeldOutTask.of(rows[place]) for place in sorted(places_chosen)]
    return [HeldOutTask.of(row) for row in rows]
