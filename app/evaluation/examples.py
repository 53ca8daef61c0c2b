"""Example answers of an evaluation: those that changed most."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.evaluation.answers import HeldOutTask
from app.evaluation.evaluation_result import ExampleAnswer
from app.evaluation.labels import is_right
from app.evaluation.rouge import score

_EACH_WAY = 5
_MOST_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class _Change:
    place: int
    before: float
    after: float

    @property
    def gain(self) -> float:
        return self.after - self.before


def examples(
    tasks: Sequence[HeldOutTask], base: Sequence[str], tuned: Sequence[str]
) -> tuple[list[ExampleAnswer], list[ExampleAnswer]]:
    """Return up to five tasks with the greatest gain and five with the greatest loss.

    Changes are measured by exact match for classification, otherwise by ROUGE-L F. Among equal
    changes, different instructions come first, then earlier tasks, so that examples are diverse.
    """
    changes = [
        _Change(place, _score(task, base[place]), _score(task, tuned[place]))
        for place, task in enumerate(tasks)
    ]
    better, worse = (
        [
            _example(tasks[each.place], (base[each.place], tuned[each.place]), each)
            for each in _greatest(tasks, changed)
        ]
        for changed in (
            [change for change in changes if change.gain > 0],
            [change for change in changes if change.gain < 0],
        )
    )
    return better, worse


def _greatest(tasks: Sequence[HeldOutTask], changes: Sequence[_Change]) -> Sequence[_Change]:
    ordered = sorted(changes, key=lambda change: (-abs(change.gain), change.place))
    seen: Counter[tuple[float, str]] = Counter()
    again = {}
    for change in ordered:
        kind = change.gain, tasks[change.place].record.instruction
        again[change.place] = seen[kind]
        seen[kind] += 1
    varied = sorted(ordered, key=lambda each: (-abs(each.gain), again[each.place], each.place))
    return varied[:_EACH_WAY]


def _score(task: HeldOutTask, text: str) -> float:
    if task.is_classification:
        return float(is_right(task.reference, text))
    return score(task.reference, text, "unicode").rouge_l.f


def _example(task: HeldOutTask, texts: tuple[str, str], change: _Change) -> ExampleAnswer:
    return ExampleAnswer(
        task_id=task.id,
        instruction=task.record.instruction[:_MOST_CHARACTERS],
        input=task.record.input[:_MOST_CHARACTERS],
        reference=task.reference[:_MOST_CHARACTERS],
        base=texts[0][:_MOST_CHARACTERS],
        tuned=texts[1][:_MOST_CHARACTERS],
        metric="exact match" if task.is_classification else "ROUGE-L F",
        base_score=change.before,
        tuned_score=change.after,
    )
