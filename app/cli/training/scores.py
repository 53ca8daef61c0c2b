"""Main scores of an evaluation, for a table."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from app.evaluation.evaluation_result import Evaluation
from app.evaluation.metrics import ModelFigures, chief_rouge


class Score(NamedTuple):
    """A score of the base model and of the tuned model; None: not measured."""

    name: str
    base: float | None
    tuned: float | None


def scores_of(evaluation: Evaluation | None) -> Sequence[Score]:
    """Return the main scores in the evaluation of a training job.

    Returns:
        Empty when there is no evaluation, or none of two models.
    """
    if evaluation is None or len(evaluation.models) != 2:
        return ()
    base, tuned = evaluation.models
    every = [Score(name, read(base), read(tuned)) for name, read in _FIGURES.items()]
    return [score for score in every if score.tuned is not None]


def _exact(model: ModelFigures) -> float | None:
    return None if model.exact is None else model.exact.share.value


def _rouge_l(model: ModelFigures) -> float | None:
    chief = chief_rouge(model)
    return None if chief is None else chief.rouge_l.f.value


def _loss(model: ModelFigures) -> float | None:
    return None if model.perplexity is None else model.perplexity.loss.value


_FIGURES: Mapping[str, Callable[[ModelFigures], float | None]] = {
    "exact match": _exact,
    "ROUGE-L F": _rouge_l,
    "loss": _loss,
}
