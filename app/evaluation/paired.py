"""Two models on the same tasks: how far apart they are, and how easily chance alone does that.

Pairs are never taken apart: two intervals that overlap say little about a difference. Shares of
yes and no have Tango's score interval (1998), the one that belongs to McNemar's test and stays
honest where hardly a task differs; all else has a bootstrap over pairs. Whether it may be chance is
told by a randomisation test, which needs no bell curve and is exact for few tasks.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from app.evaluation.intervals import NORMAL, Bootstrap, Values
from app.evaluation.metrics import Comparison, Estimate

_ALL_SWAPPED = 14
"""So many tasks that differ are swapped in all ways; more of them in drawn ones."""
_DRAWN_SWAPS = 10_000
_SWAPS_AT_ONCE = 2_000_000
_HALVINGS = 80
"""More than a float of a share has digits."""


def compare(
    metric: str, before: Sequence[float], after: Sequence[float], bootstrap: Bootstrap
) -> Comparison | None:
    """Compare two models pair by pair; higher is better. None when there is no task.

    Raises:
        ValueError: when the two have not as many values; a defect.
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
    """Compare two models by the tasks that the second did better, worse and as well; one or more.

    Of right and wrong answers the difference is that of the two shares.
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
    """How often a fair coin parts so many tasks as unevenly, or more so: McNemar's exact test."""
    differing = better + worse
    # Whole numbers, each from the one before: of thousands of tasks none is within a float's reach.
    ways = tail = 1
    for count in range(min(better, worse)):
        ways = ways * (differing - count) // (count + 1)
        tail += ways
    chances: float = 2 * tail / 2**differing
    return min(1.0, chances)


def randomisation_p(gains: Sequence[float], seed: int) -> float:
    """How often swapping the two answers to tasks at random brings a sum as far from 0.

    Exact for few tasks that differ; of more, 10,000 swaps are drawn, of which the one that was seen
    counts as one (Davison and Hinkley 1997, 4.2.5), so that it is never 0.
    """
    sizes = np.asarray([abs(gain) for gain in gains if gain], float)
    # Summing in another order moves the last bits.
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
        better: Tasks that only the second has right.
        worse: Tasks that only the first has right.
        of: All tasks.
        level: The part of such intervals that hold the true difference.

    Raises:
        ValueError: when there is no task, or there are fewer than differ; a defect.
    """
    if of <= 0 or min(better, worse) < 0 or better + worse > of:
        raise ValueError("a difference of shares is of some tasks")
    z = NORMAL.inv_cdf((1 + level) / 2)
    value = (better - worse) / of

    def score(difference: float) -> float:
        """How many standard errors what was seen lies above this difference."""
        return _tango_score(better, worse, of, difference)

    return Estimate(
        value=value,
        low=-1.0 if value == -1 else _crossing(-1.0, value, lambda at: score(at) > z),
        high=1.0 if value == 1 else _crossing(value, 1.0, lambda at: score(at) >= -z),
        method="tango",
    )


def _tango_score(better: int, worse: int, of: int, difference: float) -> float:
    """The score statistic, the share of `worse` being the likeliest for that difference."""
    linear = (2 * of - better + worse) * difference - better - worse
    constant = -worse * difference * (1 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * of * constant))
    likeliest = (root - linear) / (4 * of)
    variance = of * (2 * likeliest + difference * (1 - difference))
    apart = better - worse - of * difference
    return apart / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, apart)


def _crossing(low: float, high: float, is_below: Callable[[float], bool]) -> float:
    """Halve an interval down to where what is true below becomes false."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Correct for looking at several: Holm's method (1979), which needs no independence.

    Two that are the same figures, as those of ASCII text by both tokenizers, are one question.
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
