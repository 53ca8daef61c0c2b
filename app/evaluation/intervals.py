"""Confidence intervals: seeded bootstrap over tasks, and Wilson's interval for shares.

Bootstrap intervals are BCa (bias-corrected and accelerated; Efron 1987), which need no normal
distribution and stay valid under monotone transformations, such as from mean log probability to
perplexity. They are too narrow for few tasks and empty when all tasks are alike, so none is given
then. Shares have Wilson's interval, which is valid for 20 of 20, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from app.evaluation.metrics import Estimate

Values = npt.NDArray[np.float64]

NORMAL = NormalDist()
_DRAWS_AT_ONCE = 2_000_000
_FEWEST_TASKS = 10
"""With fewer tasks, a 95 % interval contains the true value in less than 90 % of cases."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """A bootstrap; the same seed and tasks give the same intervals on every machine."""

    level: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def mean(self, values: Sequence[float]) -> Estimate:
        """Return the mean of values with its interval; see `ratio`."""
        return self.ratio(values, [1.0] * len(values))

    def ratio(self, numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
        """Return the ratio of two sums over tasks, with its interval.

        There is no interval for fewer than ten tasks, or when all tasks are alike.

        Raises:
            ValueError: when there is no task, or the denominators sum to zero; a defect.
        """
        above, below = np.asarray(numerators, float), np.asarray(denominators, float)
        if len(above) == 0 or below.sum() == 0:
            raise ValueError("a ratio needs a denominator")
        value = float(above.sum() / below.sum())
        if len(above) < _FEWEST_TASKS:
            return Estimate(value=value)
        found = self._bca(value, self._resampled(above, below), _left_out(above, below))
        if found is None:
            return Estimate(value=value)
        return Estimate(value=value, low=found[0], high=found[1], method="bca")

    def _resampled(self, above: Values, below: Values) -> Values:
        """Return the ratio in each resample of the tasks."""
        generator = np.random.default_rng(self.seed)
        tasks = len(above)
        chunk = max(1, _DRAWS_AT_ONCE // tasks)
        drawn = []
        for start in range(0, self.resamples, chunk):
            rows = min(chunk, self.resamples - start)
            places = generator.integers(0, tasks, size=(rows, tasks))
            drawn.append((above[places].sum(axis=1), below[places].sum(axis=1)))
        sums = np.concatenate([a for a, _ in drawn]), np.concatenate([b for _, b in drawn])
        # A resample without any token has no ratio.
        said = sums[1] != 0
        return np.asarray(sums[0][said] / sums[1][said])

    def _bca(self, value: float, drawn: Values, left_out: Values) -> tuple[float, float] | None:
        # Summing in another order changes the last bits: equal values must not count as lower.
        near = np.isclose(drawn, value, rtol=1e-12, atol=1e-15)
        if near.all():
            return None
        below = float((drawn[~near] < value).sum() + near.sum() / 2) / len(drawn)
        bias = NORMAL.inv_cdf(min(max(below, 0.5 / len(drawn)), 1 - 0.5 / len(drawn)))
        deviations = left_out.mean() - left_out
        spread = float((deviations**2).sum()) ** 1.5
        acceleration = float((deviations**3).sum()) / (6 * spread) if spread else 0.0
        ends = (1 - self.level) / 2, (1 + self.level) / 2
        low, high = (_adjusted(end, bias, acceleration) for end in ends)
        return float(np.quantile(drawn, low)), float(np.quantile(drawn, high))


def _left_out(above: Values, below: Values) -> Values:
    """Return the ratio without each of the tasks in turn (the jackknife)."""
    rest = below.sum() - below
    said = rest != 0
    return np.asarray((above.sum() - above)[said] / rest[said])


def _adjusted(end: float, bias: float, acceleration: float) -> float:
    moved = bias + NORMAL.inv_cdf(end)
    return NORMAL.cdf(bias + moved / (1 - acceleration * moved))


def wilson(hits: int, of: int, level: float = 0.95) -> Estimate:
    """Return a share with Wilson's score interval, which is valid for 0 of 9 and 9 of 9, too.

    Raises:
        ValueError: when `of` is 0 or `hits` is out of range; a defect.
    """
    if of <= 0 or not 0 <= hits <= of:
        raise ValueError("a share is of something")
    z = NORMAL.inv_cdf((1 + level) / 2)
    share, grown = hits / of, 1 + z * z / of
    middle = (share + z * z / (2 * of)) / grown
    reach = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / grown
    low = 0.0 if hits == 0 else middle - reach
    high = 1.0 if hits == of else middle + reach
    return Estimate(value=share, low=low, high=high, method="wilson")
