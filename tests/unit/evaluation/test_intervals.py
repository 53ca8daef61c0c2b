"""Intervals hold what they promise: coverage on made-up data, seeds, and edges."""

import math

import numpy as np
import pytest

from app.evaluation.intervals import Bootstrap, wilson


def coverage(kind: str, tasks: int, rounds: int = 400) -> float:
    """Return the share of intervals, over this many fresh data sets, that hold the true value."""
    generator = np.random.default_rng(11)
    held = 0
    for round_ in range(rounds):
        if kind == "skewed":
            values, truth = generator.exponential(2.0, tasks), 2.0
        elif kind == "scores":
            values, truth = generator.beta(2, 5, tasks), 2 / 7
        else:
            values, truth = generator.normal(0.3, 1.0, tasks), 0.3
        found = Bootstrap(seed=round_, resamples=600).mean([float(value) for value in values])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    return held / rounds


@pytest.mark.parametrize(("kind", "tasks"), [("bell", 40), ("scores", 40), ("skewed", 60)])
def test_a_95_percent_interval_holds_the_truth_about_95_times_in_100(kind: str, tasks: int) -> None:
    # 400 rounds of exactly 95 % lie within 92.9 and 97.1 % in 95 of 100 tries; BCa of so few tasks
    # is known to hold a little less than it says.
    assert 0.90 <= coverage(kind, tasks) <= 0.98


def test_a_lower_level_gives_a_narrower_interval_that_holds_less() -> None:
    values = [float(value) for value in np.random.default_rng(1).normal(size=50)]
    wide, narrow = Bootstrap(level=0.95).mean(values), Bootstrap(level=0.5).mean(values)
    assert wide.low < narrow.low < narrow.high < wide.high  # type: ignore[operator] # both are there


def test_the_interval_is_the_one_that_scipy_gives() -> None:
    # Said by scipy 1.17.1 for method="BCa" with 200,000 resamples; its percentile method says 0.60
    # to 6.74.
    found = Bootstrap(resamples=100_000).mean([0.1, 0.2, 0.3, 0.4, 0.6, 0.9, 1.4, 2.2, 4.1, 19.0])
    assert found.low == pytest.approx(0.86, abs=0.01)
    assert found.high == pytest.approx(9.84, abs=0.4)


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    values = [0.1, 0.9, 0.4, 0.7, 0.2, 0.8, 0.3, 0.35, 0.6, 0.55]
    assert Bootstrap(seed=3).mean(values) == Bootstrap(seed=3).mean(values)
    assert Bootstrap(seed=3).mean(values) != Bootstrap(seed=4).mean(values)


def test_few_tasks_and_tasks_that_are_all_alike_have_no_interval() -> None:
    assert Bootstrap().mean([0.1, 0.4, 0.7] * 3).low is None
    assert Bootstrap().mean([*[0.1, 0.4, 0.7] * 3, 0.2]).low is not None
    # Twenty of twenty are no proof that the next one is alike.
    assert Bootstrap().mean([0.1] * 20).low is None


def test_a_ratio_weighs_by_its_denominators() -> None:
    found = Bootstrap().ratio([10.0, 1.0], [10.0, 2.0])
    assert found.value == pytest.approx(11 / 12)


def test_wilson_leaves_doubt_where_all_are_right() -> None:
    # 20 of 20 by hand: low = 1 / (1 + z*z/20).
    z = 1.959963984540054
    found = wilson(20, 20)
    assert found.high == 1
    assert found.low == pytest.approx(1 / (1 + z * z / 20))
    assert wilson(0, 20).high == pytest.approx(1 - 1 / (1 + z * z / 20))


def test_wilson_of_the_issues_prototype() -> None:
    found = wilson(5, 112)
    assert found.value == 5 / 112
    assert found.low == pytest.approx(0.0192, abs=5e-4)
    assert found.high == pytest.approx(0.1002, abs=5e-4)


def test_a_share_of_nothing_is_a_defect() -> None:
    with pytest.raises(ValueError, match="share"):
        wilson(0, 0)


def test_a_resample_without_a_token_is_left_out() -> None:
    found = Bootstrap().ratio([*[0.0] * 9, 3.0, 4.0], [*[0.0] * 9, 2.0, 2.0])
    assert found.low is not None
    assert math.isfinite(found.low)
