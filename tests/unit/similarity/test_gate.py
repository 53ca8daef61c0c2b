from itertools import product

import numpy as np
import pytest
from rouge_score import scoring

from app.similarity import SimilarityIndex
from app.similarity.gate import Gate, f_measure


def rouge_f(lcs: int, m: int, n: int) -> float:
    return float(scoring.fmeasure(lcs / n, lcs / m))


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("threshold", [0.7, 0.6, 0.5, 0.35, 0.9])
def test_the_least_lcs_passes_and_one_less_does_not_for_all_lengths_up_to_400(
    threshold: float, inclusive: bool
) -> None:
    gate = Gate(threshold, inclusive=inclusive)
    lengths = np.arange(1, 401)
    for m in range(1, 401):
        for n, lcs in enumerate(gate.least_lcs(m, lengths).tolist(), start=1):
            score, below = rouge_f(lcs, m, n), rouge_f(lcs - 1, m, n)
            assert score >= threshold if inclusive else score > threshold, (m, n, lcs)
            assert below < threshold if inclusive else below <= threshold, (m, n, lcs)


def test_the_shortcut_would_decide_716_of_1537_ties_otherwise() -> None:
    gate = Gate(0.7, inclusive=False)
    ties = [
        (m, n, 7 * (m + n) // 20)
        for m, n in product(range(1, 257), repeat=2)
        if (m + n) % 20 == 0 and 7 * (m + n) // 20 <= min(m, n)
    ]
    rejected = [(m, n) for m, n, lcs in ties if gate.least_lcs(m, np.array([n]))[0] == lcs]
    assert len(ties) == 1537
    assert len(rejected) == 716


def test_nine_and_eleven_tokens_with_an_lcs_of_seven_are_too_near() -> None:
    shared = "one two three four five six seven"
    index = SimilarityIndex()
    index.insert(f"{shared} a b")
    near = index.nearest(f"{shared} p q r s")
    assert near is not None
    assert near.score == 0.7000000000000001


def test_ten_and_ten_tokens_with_an_lcs_of_seven_are_not_too_near_unless_inclusive() -> None:
    shared = "one two three four five six seven"
    for inclusive in (False, True):
        index = SimilarityIndex(inclusive=inclusive)
        index.insert(f"{shared} a b c")
        assert (index.nearest(f"{shared} p q r") is not None) == inclusive


def test_our_f_is_rouge_scores_to_the_last_bit() -> None:
    for m, n in product(range(1, 60), repeat=2):
        for lcs in range(min(m, n) + 1):
            assert f_measure(lcs, m, n) == rouge_f(lcs, m, n)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_the_prefix_leaves_out_just_fewer_tokens_than_any_near_text_shares(
    threshold: float,
) -> None:
    gate = Gate(threshold, inclusive=False)
    for m in range(1, 300):
        others = np.arange(1, 4 * m + 1)
        least = gate.least_lcs(m, others)
        possible = least[least <= np.minimum(others, m)]
        fewest = int(possible.min(initial=m + 1))
        assert gate.prefix(m) == m - fewest + 1


@pytest.mark.parametrize(
    ("threshold", "inclusive"),
    [(-0.1, False), (1.1, False), (float("nan"), False), (0.0, True)],
)
def test_a_threshold_that_makes_no_sense_is_refused(threshold: float, inclusive: bool) -> None:
    with pytest.raises(ValueError, match="threshold"):
        SimilarityIndex(threshold=threshold, inclusive=inclusive)
