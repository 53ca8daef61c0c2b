"""Levels counted by model, and the agreement of two people."""

import pytest

from app.evaluation.agreement import agreement, cohens_kappa, review_figures
from app.evaluation.judge import judge_figures
from app.evaluation.metrics import JudgedOutcome
from app.evaluation.review_sheet import LEVELS, Level, Rating, Review


def pairs(**counts: int) -> list[tuple[int, int]]:
    """Return the given number of pairs for each two levels, such as ``AB``."""
    places = {str(level): place for place, level in enumerate(LEVELS)}
    return [
        (places[name[0]], places[name[1]]) for name, count in counts.items() for _ in range(count)
    ]


def review(reviewer: str, **levels: Level) -> Review:
    """Ratings of the tasks 1, 2, ... of models m and n, named as ``m1``."""
    ratings = [Rating(task_id=k[1:], model=k[0], level=level) for k, level in levels.items()]
    return Review(reviewer=reviewer, ratings=ratings, unrated=0)


def test_kappa_of_the_textbooks_example_is_its_own() -> None:
    # 20 and 15 agreed, 5 and 10 not: 0.7 seen, 0.5 by chance.
    assert cohens_kappa(pairs(AA=20, AB=5, BA=10, BB=15)) == pytest.approx(0.4)


def test_kappa_is_one_for_whole_agreement_and_below_zero_for_less_than_chance() -> None:
    assert cohens_kappa(pairs(AA=3, BB=2, DD=1)) == 1
    assert cohens_kappa(pairs(AB=5, BA=5)) == pytest.approx(-1)
    assert cohens_kappa(pairs(AA=1, AB=1, BA=1, BB=1)) == pytest.approx(0)


def test_weighted_kappa_forgives_neighbours() -> None:
    near, far = pairs(AA=5, DD=5, AB=3), pairs(AA=5, DD=5, AD=3)
    weighted = cohens_kappa(near, is_weighted=True), cohens_kappa(far, is_weighted=True)
    assert weighted[0] is not None
    assert weighted[1] is not None
    assert weighted[0] > weighted[1]
    # By hand: 3 of 1 apart over 13; by chance 2.923 apart on average over 13 * 13 pairs.
    ones, others = [8, 0, 0, 5], [5, 3, 0, 5]
    by_chance = sum(ones[i] * others[j] * abs(i - j) for i in range(4) for j in range(4)) / 13**2
    assert weighted[0] == pytest.approx(1 - (3 / 13) / by_chance)


def test_kappa_is_not_defined_where_both_always_say_the_same() -> None:
    assert cohens_kappa(pairs(AA=9)) is None
    assert cohens_kappa([]) is None


def test_agreement_is_over_the_answers_that_both_rated() -> None:
    one = review("ann", m1="A", m2="B", n1="C", n2="D")
    other = review("bob", m1="A", n1="D", n2="D", m3="A")
    found = agreement(one, other)
    assert (found.both_rated, found.same) == (3, 2)


def test_levels_are_counted_by_model_with_shares_and_intervals() -> None:
    one = review("ann", m1="A", m2="B", m3="D", n1="A", n2="A", n3="C")
    figures = review_figures([one, one], ["n", "m"])
    # The base model first, whatever the alphabet says.
    second, first = figures.reviewers[0].models
    assert (first.model, first.counts) == ("m", {"A": 1, "B": 1, "C": 0, "D": 1})
    assert first.acceptable.value == pytest.approx(2 / 3)
    assert second.satisfying.value == pytest.approx(2 / 3)
    assert second.satisfying.low is not None
    assert [each.kappa for each in figures.agreements] == [1]
    assert review_figures([one], ["m", "n"]).agreements == []


def test_which_of_two_answers_a_person_prefers_is_paired_by_task() -> None:
    one = review("ann", m1="D", n1="A", m2="B", n2="B", m3="A", n3="C", m4="A", n5="A")
    preference = review_figures([one], ["m", "n"]).reviewers[0].preference
    assert preference is not None
    # Tasks 4 and 5 have one rated answer each: they say nothing of the two.
    assert (preference.better, preference.worse, preference.equal) == (1, 1, 1)
    assert preference.difference.value == 0
    assert preference.p_value == 1
    assert review_figures([one], ["m"]).reviewers[0].preference is None


def test_every_two_of_three_people_are_compared() -> None:
    three = [review(name, m1="A", m2=level) for name, level in zip("abc", LEVELS, strict=False)]
    found = review_figures(three, ["m", "n"]).agreements
    assert [(each.one, each.other, each.same) for each in found] == [
        ("a", "b", 1), ("a", "c", 1), ("b", "c", 1),
    ]  # fmt: skip


def test_a_person_and_the_judge_are_compared_by_the_pairs_that_both_saw() -> None:
    outcomes: dict[str, JudgedOutcome] = {
        "1": "win", "2": "tie", "3": "loss", "4": "win", "5": "failed", "6": "identical",
    }  # fmt: skip
    judge = judge_figures("j", [], [], 0.95).model_copy(update={"outcomes": outcomes})
    one = review(
        "ann",
        m1="D", n1="A", m2="B", n2="B", m3="A", n3="C", m4="A", n4="C",
        m5="A", n5="B", m6="C", n6="C", m7="A", n7="B",
    )  # fmt: skip
    (found,) = review_figures([one], ["m", "n"], judge).agreements
    assert (found.one, found.other, found.rated) == ("ann", "the judge j", "pairs")
    # Nobody judged 5, 6 and 7.
    assert (found.both_rated, found.same) == (4, 3)
    # Ann says win, tie, loss, loss; the judge win, tie, loss, win: by chance 5 of 16 agree.
    assert found.kappa == pytest.approx(1 - (1 / 4) / (11 / 16))
    assert found.weighted_kappa is not None
    # A loss against a win is the worst of disagreements.
    assert found.weighted_kappa == pytest.approx(1 - (2 / 4) / (16 / 16))
