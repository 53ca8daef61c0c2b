"""How likely a model holds the references, from the log probabilities of their tokens."""

import math
from collections.abc import Sequence

from app.evaluation.figures import Estimate, Perplexity
from app.evaluation.intervals import Bootstrap
from app.evaluation.values import Answer

_MOST_LOSS = 700.0
"""e to a higher power is more than a float holds."""


def perplexity(answers: Sequence[Answer], bootstrap: Bootstrap) -> Perplexity | None:
    """Weigh each token alike, and resample whole tasks; None when nothing was measured.

    A task with a token of probability 0, or of none that is a number, is left out and counted: one
    such token would make the whole figure infinite.
    """
    measured = [answer.log_probabilities for answer in answers if answer.log_probabilities]
    whole = [each for each in measured if all(math.isfinite(value) for value in each)]
    impossible = sum(not math.isfinite(value) for each in measured for value in each)
    if not whole:
        return None
    loss = bootstrap.ratio([-math.fsum(each) for each in whole], [len(each) for each in whole])
    return Perplexity(
        tasks=len(whole),
        tokens=sum(len(each) for each in whole),
        loss=loss,
        perplexity=Estimate(
            value=_exp(loss.value),
            low=None if loss.low is None else _exp(loss.low),
            high=None if loss.high is None else _exp(loss.high),
            method=loss.method,
        ),
        impossible_tokens=impossible,
    )


def _exp(loss: float) -> float:
    return math.exp(min(loss, _MOST_LOSS))
