"""Two models on the same tasks: intervals that hold the truth, no claim that chance can make."""

import math

import numpy as np
import pytest

from app.evaluation.intervals import Bootstrap
from app.evaluation.metrics import Comparison
from app.evaluation.paired import (
    compare,
    compare_counts,
    corrected,
    randomisation_p,
    sign_p,
    tango,
)

BOOTSTRAP = Bootstrap()


def of_p(p_value: float, place: int) -> Comparison:
    return compare_counts(f"m{place}", place, 0, 40, 0.95).model_copy(update={"p_value": p_value})


def test_a_small_gain_on_every_task_is_seen_through_a_large_spread() -> None:
    before = [float(value) for value in np.random.default_rng(2).uniform(0, 1, 60)]
    after = [value + 0.02 + 0.001 * (place % 3) for place, value in enumerate(before)]
    found = compare("rougeL", before, after, BOOTSTRAP)
    assert found is not None
    assert found.difference.low is not None
    assert found.difference.low > 0
    assert (found.better, found.worse, found.equal) == (60, 0, 0)
    assert found.p_value < 0.001
    # Apart, the two intervals overlap almost whole.
    apart = BOOTSTRAP.mean(before), BOOTSTRAP.mean(after)
    assert apart[1].low < apart[0].value  # type: ignore[operator] # both have an interval


def test_no_difference_is_not_sold_as_one() -> None:
    generator = np.random.default_rng(8)
    before, after = generator.uniform(size=50), generator.uniform(size=50)
    found = compare("f", list(map(float, before)), list(map(float, after)), BOOTSTRAP)
    assert found is not None
    assert found.difference.low is not None
    assert found.difference.high is not None
    assert found.difference.low < 0 < found.difference.high
    assert found.p_value > 0.05
    same = compare("f", [0.5, 0.2], [0.5, 0.2], BOOTSTRAP)
    assert same is not None
    assert (same.equal, same.p_value) == (2, 1)
    assert compare("f", [], [], BOOTSTRAP) is None


def test_two_models_must_have_answered_the_same_tasks() -> None:
    with pytest.raises(ValueError, match="zip"):
        compare("f", [1.0], [], BOOTSTRAP)


@pytest.mark.parametrize(("better", "worse", "p_value"), [
    (0, 0, 1.0), (1, 1, 1.0), (2, 0, 0.5), (5, 0, 0.0625), (6, 0, 0.03125), (1, 9, 22 / 1024),
])  # fmt: skip
def test_a_sign_test_is_the_coin_s_own(better: int, worse: int, p_value: float) -> None:
    assert sign_p(better, worse) == p_value
    # Right and wrong answers are but one kind of gain.
    assert randomisation_p([1.0] * better + [-1.0] * worse + [0.0] * 3, 0) == p_value


def test_ten_thousand_tasks_are_not_too_many_for_the_coin() -> None:
    assert sign_p(5_000, 5_000) == 1
    assert 0 < sign_p(5_400, 4_600) < 1e-10


def test_swaps_that_are_drawn_agree_with_all_of_them_and_are_never_none() -> None:
    gains = [float(value) for value in np.random.default_rng(4).normal(0.5, 1.0, 14)]
    exact = randomisation_p(gains, 0)
    # The same sum, over two more tasks that hardly differ: those are drawn.
    drawn = randomisation_p([*gains, 1e-9, -1e-9], 0)
    assert drawn == pytest.approx(exact, abs=0.01)
    assert randomisation_p([1.0] * 40, 0) == 1 / 10_001
    assert randomisation_p(gains * 3, 1) == randomisation_p(gains * 3, 1)


@pytest.mark.slow
def test_chance_alone_is_taken_for_a_difference_no_more_often_than_promised() -> None:
    generator, rounds = np.random.default_rng(6), 1_000
    for tasks in (5, 12):
        found = [
            randomisation_p([float(value) for value in generator.normal(size=tasks)], 0)
            for _ in range(rounds)
        ]
        # 1,000 rounds of exactly 5 % stay under 7 % in 99.8 of 100 tries.
        assert sum(p_value <= 0.05 for p_value in found) / rounds < 0.07


def test_tango_s_interval_is_the_published_one() -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 2635), of 36, 12, 2 and 0 pairs: 0.0611 to 0.3447.
    found = tango(12, 2, 50)
    assert found.value == 0.2
    assert found.low == pytest.approx(0.0611, abs=5e-5)
    assert found.high == pytest.approx(0.3447, abs=5e-5)
    turned = tango(2, 12, 50)
    assert found.low is not None
    assert found.high is not None
    assert turned.low == pytest.approx(-found.high)
    assert turned.high == pytest.approx(-found.low)


@pytest.mark.parametrize(("better", "worse"), [(9, 2), (8, 2), (4, 0), (3, 0), (20, 8), (20, 9)])
def test_tango_s_interval_leaves_out_zero_where_mcnemar_s_score_does(
    better: int, worse: int
) -> None:
    score = (better - worse) / math.sqrt(better + worse)
    assert (tango(better, worse, 60).low or 0.0) > 0 or score < 1.96
    assert (tango(better, worse, 60).low or 0.0) < 0 or score > 1.95


def test_two_of_two_is_no_proof_and_none_of_twenty_leaves_doubt() -> None:
    two = tango(2, 0, 2)
    assert two.value == two.high == 1
    assert two.low is not None
    assert two.low < 0
    # By hand: z * z / (20 + z * z).
    none = tango(0, 0, 20)
    assert none.high == pytest.approx(0.1611, abs=1e-4)
    assert none.low == pytest.approx(-0.1611, abs=1e-4)
    assert tango(0, 7, 7).low == -1


@pytest.mark.parametrize("shares", [(0.3, 0.1), (0.6, 0.02)])
@pytest.mark.parametrize("tasks", [10, 40])
def test_tango_s_interval_holds_the_truth_about_95_times_in_100(
    shares: tuple[float, float], tasks: int
) -> None:
    generator, held, rounds = np.random.default_rng(3), 0, 500
    for _ in range(rounds):
        better, worse, _rest = generator.multinomial(tasks, [*shares, 1 - sum(shares)])
        found = tango(int(better), int(worse), tasks)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= shares[0] - shares[1] <= found.high
    assert held / rounds > 0.92


def test_a_difference_of_nothing_is_a_defect() -> None:
    for better, worse, of in ((0, 0, 0), (2, 2, 3), (-1, 0, 3)):
        with pytest.raises(ValueError, match="some tasks"):
            tango(better, worse, of)


def test_looking_at_several_is_corrected_for() -> None:
    found = corrected([of_p(0.04, 1), of_p(0.01, 2), of_p(0.03, 3)])
    # Holm: 0.01 * 3, 0.03 * 2, and never less than the one before.
    assert [each.p_corrected for each in found] == pytest.approx([0.06, 0.03, 0.06])
    assert corrected([]) == []
    assert [each.p_corrected for each in corrected([of_p(0.7, 1), of_p(0.8, 2)])] == [1.0, 1.0]


def test_the_same_figures_by_two_tokenizers_are_one_question() -> None:
    one = of_p(0.02, 4)
    twin = one.model_copy(update={"metric": "by another tokenizer"})
    found = corrected([one, twin, of_p(0.5, 1)])
    assert [each.p_corrected for each in found] == [0.04, 0.04, 0.5]
