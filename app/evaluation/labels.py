"""Exact match of answers, and the confusion matrix of labels."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.evaluation.intervals import wilson
from app.evaluation.metrics import Confusion, ExactMatch
from app.similarity.tokenizers import fold

NORMALISATION = (
    "Differences in case, width and spacing of characters, in quotation marks or asterisks around"
    " the answer, and in a full stop at its end are ignored."
)
_AROUND = "\"'`*_\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
_AROUND += "\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}«»「」"
_STOP = re.compile(r"[.\N{IDEOGRAPHIC FULL STOP}]$")
_MOST_LABELS = 12


def label_of(text: str) -> str:
    """Return a label normalised as described in `NORMALISATION`."""
    bare = _STOP.sub("", fold(text)).strip()
    return _STOP.sub("", bare.strip(_AROUND)).strip() or bare


def is_right(reference: str, answer: str) -> bool:
    """Return True when an answer equals the label; an empty answer never does."""
    return bool(answer.strip()) and label_of(answer) == label_of(reference)


def is_exact(task: HeldOutTask, answer: str) -> bool:
    """Return True when an answer equals the task's reference; an empty answer never does.

    Labels are normalised. In other answers the form may be part of the task, such as upper case,
    so only the white space around them is ignored.
    """
    if task.is_classification:
        return is_right(task.reference, answer)
    said = _as_written(answer)
    return bool(said) and said == _as_written(task.reference)


def _as_written(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def commonest_label(counts: Mapping[str, int], tasks: Sequence[HeldOutTask]) -> Contender:
    """Return a baseline that answers every task with the most common label.

    The probability of a reference is the relative frequency of its label. Of equally common labels
    the first is used.

    Args:
        counts: Rows by label, as `label_of` writes it; at least one.
        tasks: The tasks to answer.
    """
    said, every = max(counts, key=counts.__getitem__), sum(counts.values())

    def likely(task: HeldOutTask) -> float:
        count = counts.get(label_of(task.reference), 0)
        return math.log(count / every) if count else -math.inf

    answers = (Answer(task.id, said, log_probabilities=(likely(task),)) for task in tasks)
    return Contender(f"always {said!r}", tuple(answers))


def exact_match(
    references: Sequence[str], answers: Sequence[str], level: float = 0.95
) -> ExactMatch | None:
    """Count right answers and build the confusion matrix; None when there are no tasks."""
    pairs = list(zip(references, answers, strict=True))
    if not pairs:
        return None
    right = sum(is_right(reference, answer) for reference, answer in pairs)
    return ExactMatch(
        tasks=len(pairs),
        right=right,
        share=wilson(right, len(pairs), level),
        normalisation=NORMALISATION,
        confusion=_confusion([(label_of(r), label_of(a) if a.strip() else None) for r, a in pairs]),
    )


def _confusion(pairs: Sequence[tuple[str, str | None]]) -> Confusion:
    seen = Counter(reference for reference, _ in pairs)
    ordered = sorted(seen, key=lambda label: (-seen[label], label))
    listed = ordered if len(ordered) <= _MOST_LABELS else ordered[: _MOST_LABELS - 1]
    others = len(ordered) - len(listed)
    places = {label: place for place, label in enumerate(listed)}
    width = len(listed) + (1 if others else 0)
    counts = [[0] * (width + 1) for _ in range(width)]
    for reference, answer in pairs:
        row = places.get(reference, width - 1)
        is_label = answer is not None and answer in seen
        column = places.get(answer or "", width - 1) if is_label else width
        counts[row][column] += 1
    return Confusion(labels=listed, counts=counts, other_labels=others)
