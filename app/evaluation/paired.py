"""Paired comparison of two models on the same tasks: difference, interval and p-value.

Pairs are kept together, because overlapping intervals of two models say little about their
difference. Differences of shares have Tango's score interval (1998), which belongs to McNemar's
test and is valid when few tasks differ. Other differences have a bootstrap over pairs. The p-value
is from a randomisation test, which needs no normal distribution and is exact for few tasks.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from app.evaluation.intervals import NORMAL, Bootstrap, Values
from app.evaluation.metrics import Comparison, Estimate

_ALL_SWAPPED = 14
"""Up to this number of differing tasks all swaps are computed; for more, swaps are drawn."""
_DRAWN_SWAPS = 10_000
_SWAPS_AT_ONCE = 2_000_000
_HALVINGS = 80
"""More than the bits of a float."""


def compare(
    metric: str, before: Sequence[float], after: Sequence[float], bootstrap: Bootstrap
) -> Comparison | None:
    """Compare two models by task; higher values are better. None when there are no tasks.

    Raises:
        ValueError: when the numbers of values differ; a defect.
    """
    gains = [new - old for old, new in zip(before, after, strict=True)]
    if not gains:
        return None
    return Comparison(
        metric=metric,
        difference=bootstrap.mean(gains),
        better=sum(gain > 0 for gain in gains),
        worse=sum(gain < 0 for gain in gains),
        equal=sum(gain == 0 for gain in gains),
        p_value=randomisation_p(gains, bootstrap.seed),
    )


def compare_counts(metric: str, better: int, worse: int, equal: int, level: float) -> Comparison:
    """Compare two models by the numbers of tasks where the second is better, worse and equal.

    For right and wrong answers the difference is that of the two shares. At least one task is
    required.
    """
    return Comparison(
        metric=metric,
        difference=tango(better, worse, better + worse + equal, level),
        better=better,
        worse=worse,
        equal=equal,
        p_value=sign_p(better, worse),
    )


def sign_p(better: int, worse: int) -> float:
    """Return the two-sided p-value of the sign test (McNemar's exact test)."""
    differing = better + worse
    # Integers, each computed from the one before: for thousands of tasks floats would overflow.
    ways = tail = 1
    for count in range(min(better, worse)):
        ways = ways * (differing - count) // (count + 1)
        tail += ways
    chances: float = 2 * tail / 2**differing
    return min(1.0, chances)


def randomisation_p(gains: Sequence[float], seed: int) -> float:
    """Return the two-sided p-value of a randomisation test that swaps the answers to tasks.

    Exact for few differing tasks. Otherwise 10,000 swaps are drawn, and the observed one is counted
    as another (Davison and Hinkley 1997, 4.2.5), so that the p-value is never 0.
    """
    sizes = np.asarray([abs(gain) for gain in gains if gain], float)
    # Summing in another order changes the last bits.
    seen = abs(math.fsum(gains)) * (1 - 1e-12)
    if len(sizes) <= _ALL_SWAPPED:
        signs = np.array(list(product((1.0, -1.0), repeat=len(sizes))))
        return float((np.abs(signs @ sizes) >= seen).mean())
    generator = np.random.default_rng(seed)
    chunk = max(1, _SWAPS_AT_ONCE // len(sizes))
    as_far = 1
    for start in range(0, _DRAWN_SWAPS, chunk):
        rows = min(chunk, _DRAWN_SWAPS - start)
        swapped: Values = generator.choice((1.0, -1.0), size=(rows, len(sizes)))
        as_far += int((np.abs(swapped @ sizes) >= seen).sum())
    return as_far / (_DRAWN_SWAPS + 1)


def tango(better: int, worse: int, of: int, level: float = 0.95) -> Estimate:
    """Return the difference of two shares on the same tasks with Tango's score interval.

    Args:
        better: Number of tasks that only the second model has right.
        worse: Number of tasks that only the first model has right.
        of: Number of tasks.
        level: Confidence level.

    Raises:
        ValueError: when there is no task, or there are fewer than differ; a defect.
    """
    if of <= 0 or min(better, worse) < 0 or better + worse > of:
        raise ValueError("a difference of shares is of some tasks")
    z = NORMAL.inv_cdf((1 + level) / 2)
    value = (better - worse) / of

    def score(difference: float) -> float:
        """Return the score statistic of the observed counts for this difference."""
        return _tango_score(better, worse, of, difference)

    return Estimate(
        value=value,
        low=-1.0 if value == -1 else _crossing(-1.0, value, lambda at: score(at) > z),
        high=1.0 if value == 1 else _crossing(value, 1.0, lambda at: score(at) >= -z),
        method="tango",
    )


def _tango_score(better: int, worse: int, of: int, difference: float) -> float:
    """Return the score statistic with the maximum likelihood share of `worse`."""
    linear = (2 * of - better + worse) * difference - better - worse
    constant = -worse * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * of * constant))
    likeliest = (root - linear) / (4 * of)
    variance = of * (2 * likeliest + difference * (1 - difference))
    apart = better - worse - of * difference
    return apart / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, apart)


def _crossing(low: float, high: float, is_below: Callable[[float], bool]) -> float:
    """Return by bisection the point from which `is_below` is false."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Correct the p-values of several comparisons by Holm's method (1979).

    Comparisons with the same figures, such as those of ASCII text by both tokenizers, count once.
    """
    by_figures = {
        (each.difference, each.better, each.worse, each.equal): each for each in comparisons
    }
    ordered = sorted(by_figures.values(), key=lambda each: each.p_value)
    found: dict[float, float] = {}
    highest = 0.0
    for place, each in enumerate(ordered):
        highest = max(highest, min(1.0, each.p_value * (len(ordered) - place)))
        found.setdefault(each.p_value, highest)
    return [each.model_copy(update={"p_corrected": found[each.p_value]}) for each in comparisons]
