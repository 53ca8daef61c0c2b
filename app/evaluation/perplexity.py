"""Perplexity of a model on the references, from log probabilities of tokens."""

import math
from collections.abc import Sequence

from app.evaluation.answers import Answer
from app.evaluation.intervals import Bootstrap
from app.evaluation.metrics import Estimate, Perplexity

_NATS_PER_BIT = math.log(2)
_MOST_LOSS = 700.0
"""e to a higher power is more than a float holds."""


def perplexity(answers: Sequence[Answer], bootstrap: Bootstrap) -> Perplexity | None:
    """Return loss and perplexity; each token has the same weight, and whole tasks are resampled.

    Tasks with a token of probability 0 or NaN are left out and counted, because one such token
    would make the result infinite.

    Returns:
        None when nothing was measured.
    """
    measured = [answer.log_probabilities for answer in answers if answer.log_probabilities]
    whole = [each for each in measured if _is_finite(each)]
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
        bits_per_byte=_bits_per_byte(answers, bootstrap),
        impossible_tokens=impossible,
    )


def _bits_per_byte(answers: Sequence[Answer], bootstrap: Bootstrap) -> Estimate | None:
    """Return bits per byte; the end of sequence, if measured, adds bits but no byte."""
    measured = [
        (-math.fsum(answer.log_probabilities) / _NATS_PER_BIT, answer.reference_bytes)
        for answer in answers
        if answer.log_probabilities
        and answer.reference_bytes
        and _is_finite(answer.log_probabilities)
    ]
    if not measured:
        return None
    return bootstrap.ratio([bits for bits, _ in measured], [size for _, size in measured])


def _is_finite(values: Sequence[float]) -> bool:
    return all(math.isfinite(value) for value in values)


def _exp(loss: float) -> float:
    return math.exp(min(loss, _MOST_LOSS))
