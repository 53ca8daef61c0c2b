"""Quantiles, and the bins of scores."""

import pytest

from app.statistics.labels import LabelTally, label_of
from app.statistics.lengths import LengthTally, ScoreTally, score_place


@pytest.mark.parametrize(
    ("lengths", "median", "p95"),
    [([], None, None), ([3], 3, 3), ([1, 2], 1, 2), ([1, 2, 3], 2, 3), ([*range(1, 21)], 10, 19),
     ([*range(1, 22)], 11, 20), ([0, 0, 5], 0, 5)],
)  # fmt: skip
def test_a_quantile_is_the_smallest_length_not_exceeded_by_its_share(
    lengths: list[int], median: int | None, p95: int | None
) -> None:
    tally = LengthTally()
    for length in lengths:
        tally.add("x " * length)
    found = tally.lengths()
    assert (found.median, found.p95, found.longest) == (median, p95, max(lengths, default=None))


@pytest.mark.parametrize(
    ("score", "place"),
    [(-1.0, 0), (0.0, 0), (0.0999, 0), (0.1, 1), (0.3, 3), (0.7, 7), (0.6999999, 6), (0.99, 9),
     (1.0, 9), (1.5, 9)],
)  # fmt: skip
def test_a_score_is_in_one_of_ten_bins(score: float, place: int) -> None:
    assert score_place(score) == place


def test_scores_have_a_mean_and_bins_of_a_tenth() -> None:
    tally = ScoreTally()
    assert tally.similarity().bins == []
    for score in (0.25, 0.75, None):
        tally.add(score)
    found = tally.similarity()
    assert (found.mean, found.scored, found.unknown) == (0.5, 2, 1)
    assert [(each.low, each.high) for each in found.bins] == [
        (place / 10, (place + 1) / 10) for place in range(10)
    ]


@pytest.mark.parametrize(
    ("output", "label"),
    [("Yes.", "yes"), ("Yes . ", "yes"), ("yes..", "yes."), ("x" * 201, "x" * 200),
     (" " * 399 + "ab", "a"), (" " * 400 + "a", "")],
)  # fmt: skip
def test_a_label_is_folded_and_of_at_most_200_characters(output: str, label: str) -> None:
    assert label_of(output) == label


def test_fifty_thousand_labels_are_counted_exactly() -> None:
    tally = LabelTally()
    for number in range(50_000):
        tally.add(0, str(number), None)
    assert tally.labels().all_rows.whole.undercounted_by == 0
    tally.add(0, "more", "output_first")
    found = tally.labels()
    assert found.all_rows.whole.undercounted_by == 1
    assert found.output_first.whole.top[0].text == "more"
    assert (found.way_unknown, found.all_rows.whole.rows) == (50_000, 50_001)
    assert (found.output_first.whole.entropy_bits, found.output_first.whole.evenness) == (0.0, 0.0)
