"""Our intervals and tests against those of scipy and statsmodels, over random inputs.

The seeds are fixed. Exact methods must agree to the last digits that floats have; methods that draw
must agree to within what the number of draws allows.
"""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa as kappa_by_statsmodels
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from app.evaluation.agreement import cohens_kappa
from app.evaluation.intervals import Bootstrap, wilson
from app.evaluation.metrics import Estimate
from app.evaluation.paired import compare_counts, corrected, randomisation_p, sign_p, tango

Floats = npt.NDArray[np.float64]

LEVELS = (0.5, 0.9, 0.95, 0.99)


def _ends(of: Estimate) -> tuple[float, float]:
    assert of.low is not None
    assert of.high is not None
    return of.low, of.high


def _as_list(values: Floats) -> list[float]:
    return [float(value) for value in values]


def test_wilson_s_interval_is_statsmodels() -> None:
    draw = np.random.default_rng(1)
    for _ in range(300):
        of = int(draw.integers(1, 2_000))
        hits = int(draw.integers(0, of + 1))
        level = LEVELS[draw.integers(len(LEVELS))]
        expected = proportion_confint(hits, of, alpha=1 - level, method="wilson")
        assert _ends(wilson(hits, of, level)) == pytest.approx(expected, abs=1e-9), (hits, of)


@pytest.mark.parametrize(("seed", "tasks"), [(1, 12), (2, 25), (3, 60)])
@pytest.mark.parametrize("kind", ["normal", "skewed", "scores"])
def test_bca_intervals_of_means_are_scipy_s(seed: int, tasks: int, kind: str) -> None:
    draw = np.random.default_rng(seed)
    values = {
        "normal": draw.normal(0.3, 1.0, tasks),
        "skewed": draw.exponential(2.0, tasks),
        "scores": draw.beta(0.5, 2.0, tasks),
    }[kind]
    for level in (0.8, 0.95):
        found = _ends(Bootstrap(level=level, resamples=30_000, seed=seed).mean(_as_list(values)))
        expected = stats.bootstrap(
            (values,), np.mean, confidence_level=level, n_resamples=30_000, method="BCa",
            rng=np.random.default_rng(100 + seed),
        ).confidence_interval  # fmt: skip
        width = expected.high - expected.low
        assert found == pytest.approx((expected.low, expected.high), abs=0.03 * width)


@pytest.mark.parametrize(("seed", "tasks"), [(4, 15), (5, 40)])
def test_bca_intervals_of_ratios_are_scipy_s(seed: int, tasks: int) -> None:
    draw = np.random.default_rng(seed)
    below = draw.integers(1, 60, tasks).astype(float)
    above = below * draw.gamma(2.0, 0.6, tasks)

    def ratio(above: Floats, below: Floats, axis: int = -1) -> Floats:
        return np.asarray(above.sum(axis=axis) / below.sum(axis=axis))

    bootstrap = Bootstrap(resamples=30_000, seed=seed)
    found = _ends(bootstrap.ratio(_as_list(above), _as_list(below)))
    expected = stats.bootstrap(
        (above, below), ratio, paired=True, vectorized=True, n_resamples=30_000, method="BCa",
        rng=np.random.default_rng(100 + seed),
    ).confidence_interval  # fmt: skip
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.03 * width)


def test_mcnemar_s_exact_test_is_statsmodels_and_the_binomial_test_scipy_s() -> None:
    draw = np.random.default_rng(6)
    for _ in range(200):
        better, worse = (int(count) for count in draw.integers(0, 80, 2))
        found = sign_p(better, worse)
        exact = mcnemar([[7, better], [worse, 5]], exact=True).pvalue
        assert found == pytest.approx(exact, rel=1e-9), (better, worse)
        if better + worse:
            by_coin = stats.binomtest(better, better + worse, 0.5).pvalue
            assert found == pytest.approx(by_coin, rel=1e-9), (better, worse)


def _gains(draw: np.random.Generator, tasks: int) -> Floats:
    # Whole 64ths, so that sums are exact in any order: scipy compares them to the last bit.
    gains = np.round(draw.normal(0.3, 1.0, tasks) * 64) / 64
    gains[draw.random(tasks) < 0.2] = 0.0
    return gains


@pytest.mark.parametrize("tasks", [3, 6, 9, 12])
def test_randomisation_of_few_tasks_is_scipy_s_exact_permutation_test(tasks: int) -> None:
    draw = np.random.default_rng(tasks)
    for _ in range(8):
        gains = _gains(draw, tasks)
        expected = stats.permutation_test(
            (gains, np.zeros(tasks)), lambda one, other, axis: (one - other).sum(axis=axis),
            permutation_type="samples", n_resamples=np.inf, vectorized=True,
        ).pvalue  # fmt: skip
        assert randomisation_p(_as_list(gains), 0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("tasks", [30, 80])
def test_randomisation_of_many_tasks_is_near_scipy_s_permutation_test(tasks: int) -> None:
    draw = np.random.default_rng(tasks)
    for seed in range(4):
        gains = _gains(draw, tasks) * 0.5
        expected = stats.permutation_test(
            (gains, np.zeros(tasks)), lambda one, other, axis: (one - other).sum(axis=axis),
            permutation_type="samples", n_resamples=20_000, vectorized=True,
            rng=np.random.default_rng(seed),
        ).pvalue  # fmt: skip
        # Four standard errors of both draws together.
        error = 4 * math.sqrt(max(expected, 1e-4) * (1 - expected) * (1 / 10_000 + 1 / 20_000))
        assert randomisation_p(_as_list(gains), seed) == pytest.approx(expected, abs=error)


def test_holm_s_correction_is_statsmodels() -> None:
    draw = np.random.default_rng(9)
    # statsmodels collects garbage at each call, which takes a fifth of a second.
    for _ in range(5):
        count = int(draw.integers(1, 12))
        p_values = _as_list(np.round(draw.beta(0.4, 3.0, count), 4))
        # Different counts, so that none is taken for the same question as another.
        compared = [
            compare_counts(f"m{place}", place, 0, 40, 0.95).model_copy(update={"p_value": p})
            for place, p in enumerate(p_values)
        ]
        found = [each.p_corrected for each in corrected(compared)]
        expected = _as_list(multipletests(p_values, method="holm")[1])
        assert found == pytest.approx(expected, abs=1e-12), p_values


@pytest.mark.parametrize(("is_weighted", "weights"), [(False, None), (True, "linear")])
def test_kappa_is_statsmodels(*, is_weighted: bool, weights: str | None) -> None:
    draw = np.random.default_rng(10)
    for _ in range(100):
        table = draw.integers(0, 12, (4, 4)) + np.eye(4, dtype=int)
        pairs = [(i, j) for i in range(4) for j in range(4) for _ in range(table[i, j])]
        expected = kappa_by_statsmodels(table, wt=weights, return_results=False)
        assert cohens_kappa(pairs, is_weighted=is_weighted) == pytest.approx(expected, abs=1e-12)


def _score_by_likelihood(better: int, worse: int, of: int, difference: float) -> float:
    """Return Tango's statistic from a search for the likeliest share of `worse`.

    Neither scipy nor statsmodels has the interval for paired shares; this one uses scipy's search
    instead of the closed form that ours has.
    """

    def unlikelihood(share: float) -> float:
        chances = (share + difference, share, 1 - 2 * share - difference)
        counts = (better, worse, of - better - worse)
        terms = [n * math.log(p) for n, p in zip(counts, chances, strict=True) if n]
        return -sum(terms)

    low, high = max(0.0, -difference), (1 - difference) / 2
    share = float(
        optimize.minimize_scalar(
            unlikelihood, bounds=(low + 1e-12, high - 1e-12), method="bounded",
            options={"xatol": 1e-12},
        ).x
    )  # fmt: skip
    variance = of * (2 * share + difference - difference**2)
    return (better - worse - of * difference) / math.sqrt(variance)


def test_tango_s_interval_is_where_the_score_reaches_the_normal_quantile() -> None:
    draw = np.random.default_rng(11)
    for _ in range(60):
        of = int(draw.integers(12, 200))
        better, worse = (int(count) for count in draw.integers(1, of // 3 + 1, 2))
        level = LEVELS[draw.integers(len(LEVELS))]
        quantile = stats.norm.ppf((1 + level) / 2)
        value = (better - worse) / of
        low = optimize.brentq(
            lambda at, b=better, w=worse, n=of, q=quantile: _score_by_likelihood(b, w, n, at) - q,
            -1 + 1e-9, value,
        )  # fmt: skip
        high = optimize.brentq(
            lambda at, b=better, w=worse, n=of, q=quantile: _score_by_likelihood(b, w, n, at) + q,
            value, 1 - 1e-9,
        )  # fmt: skip
        found = tango(better, worse, of, level)
        assert found.value == pytest.approx(value)
        assert _ends(found) == pytest.approx((low, high), abs=1e-5), (better, worse, of)
