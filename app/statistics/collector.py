"""Collection of a data set's statistics, row by row: the paper's table 1 and more.

Memory: about 100 bytes for each distinct instruction (to know it again) and 17 for each
classification row; some 120 MB for 1,000,000 rows that are all different. All else is bounded.
"""

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from app.dataset_row import DatasetRow, SplitName
from app.statistics.diversity import VerbTally
from app.statistics.labels import LabelTally, Way
from app.statistics.lengths import LengthTally, ScoreTally
from app.statistics.schema import Statistics
from app.statistics.verbs import VerbFinder

_UNKNOWN, _NOT, _CLASSIFICATION = 0, 1, 2
_CLASSES = {None: _UNKNOWN, False: _NOT, True: _CLASSIFICATION}
_SPLITS: tuple[SplitName, ...] = get_args(SplitName)
_WAYS: dict[str, Way] = {"output_first": "output_first", "input_first": "input_first"}


class StatisticsCollector:
    """Counts rows one by one.

    Args:
        finder: Finds verbs and nouns; None: they are not counted.
        verbs_of_every: Verbs are counted in every n-th distinct instruction only.
    """

    def __init__(self, finder: VerbFinder | None = None, verbs_of_every: int = 1) -> None:
        self._rows = 0
        self._classes: dict[int, int] = {}
        self._empty_inputs = 0
        self._empty_outputs = 0
        self._chats = 0
        self._splits: Counter[str] = Counter()
        self._mended: Counter[str] = Counter()
        self._instruction_words = LengthTally()
        self._input_words = LengthTally()
        self._output_words = LengthTally()
        self._scores = ScoreTally()
        self._verbs = VerbTally(finder, verbs_of_every)
        self._labels = LabelTally()

    def add(self, row: DatasetRow, seed_score: float | None = None) -> None:
        """Count one row; `seed_score` is its ROUGE-L F to the nearest seed, or None if unknown."""
        record = row.record
        self._rows += 1
        self._splits[row.split] += 1
        self._mended.update(row.changes)
        self._chats += bool(record.history)
        self._scores.add(seed_score)
        self._add_input(record.input)
        self._empty_outputs += not record.output.strip()
        self._output_words.add(record.output)
        # Python's own hash: salted anew in each process, so it is used for equality only.
        instruction = hash(record.instruction)
        self._add_instruction(instruction, record.instruction, row.is_classification)
        if row.is_classification:
            way = _WAYS.get(str(row.origin.get("instance_mode")))
            self._labels.add(instruction, record.output, way)

    def _add_input(self, text: str) -> None:
        if text.strip():
            self._input_words.add(text)
        else:
            self._empty_inputs += 1

    def _add_instruction(self, key: int, text: str, is_classification: bool | None) -> None:
        known = self._classes.get(key)
        if known is None:
            self._instruction_words.add(text)
            self._verbs.add(text)
        # The first row with a known class decides, so the order of unknown ones does not matter.
        if not known:
            self._classes[key] = _CLASSES[is_classification]

    def statistics(self) -> Statistics:
        """Return the statistics so far; more rows may follow."""
        classes = Counter(self._classes.values())
        inputs = self._input_words.lengths()
        return Statistics(
            rows=self._rows,
            instructions=len(self._classes),
            classification=classes[_CLASSIFICATION],
            not_classification=classes[_NOT],
            unknown_class=classes[_UNKNOWN],
            with_input=inputs.count,
            empty_input=self._empty_inputs,
            input_share=inputs.count / self._rows if self._rows else None,
            empty_output=self._empty_outputs,
            chats=self._chats,
            splits={name: self._splits[name] for name in _SPLITS if self._splits[name]},
            mended=dict(self._mended),
            instruction_words=self._instruction_words.lengths(),
            input_words=inputs,
            output_words=self._output_words.lengths(),
            seed_similarity=self._scores.similarity(),
            verbs=self._verbs.diversity(),
            labels=self._labels.labels(),
        )


def statistics_of(rows: Iterable[DatasetRow], finder: VerbFinder | None = None) -> Statistics:
    """Return the statistics of rows, without similarity to seeds."""
    counting = StatisticsCollector(finder)
    for row in rows:
        counting.add(row)
    return counting.statistics()
