"""The answers that changed most: figures say how much, these say what."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.evaluation.labels import is_right
from app.evaluation.result import ExampleAnswer
from app.evaluation.rouge import score
from app.evaluation.values import HeldOutTask

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

    Measured by exact match for classification, else by ROUGE-L F; the earlier task wins a tie.
    """
    changes = [
        _Change(place, _score(task, base[place]), _score(task, tuned[place]))
        for place, task in enumerate(tasks)
    ]
    gained = sorted((c for c in changes if c.gain > 0), key=lambda c: (-c.gain, c.place))
    lost = sorted((c for c in changes if c.gain < 0), key=lambda c: (c.gain, c.place))
    better, worse = (
        [
            _example(tasks[each.place], (base[each.place], tuned[each.place]), each)
            for each in chosen[:_EACH_WAY]
        ]
        for chosen in (gained, lost)
    )
    return better, worse


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
