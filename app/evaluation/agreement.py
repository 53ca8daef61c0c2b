"""Ratings by people, and their agreement with each other and with a judge."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product
from typing import Literal, TypeAlias

from app.evaluation.intervals import wilson
from app.evaluation.metrics import (
    Agreement,
    Comparison,
    JudgeFigures,
    ModelLevels,
    ReviewerFigures,
    ReviewFigures,
)
from app.evaluation.paired import compare_counts
from app.evaluation.review_sheet import LEVELS, Level, Rating, Review

Preference: TypeAlias = Literal["loss", "tie", "win"]
_PLACES: Mapping[str, int] = {"loss": 0, "tie": 1, "win": 2}
"""Results of a pair for the tuned model, on one scale; others were not judged."""


def review_figures(
    reviews: Sequence[Review],
    models: Sequence[str],
    judge: JudgeFigures | None = None,
    level: float = 0.95,
) -> ReviewFigures:
    """Count the ratings of each reviewer by model, and compute their agreement.

    Args:
        reviews: A sheet each.
        models: The names of the models, the base model first.
        judge: Results of a judge model for the same answers; None: there is none.
        level: Confidence level of the intervals.
    """
    agreed = [agreement(*two) for two in combinations(reviews, 2)]
    if judge is not None and len(models) == 2:
        agreed += [agreement_with_judge(review, models, judge) for review in reviews]
    return ReviewFigures(
        reviewers=[_reviewer(review, models, level) for review in reviews],
        agreements=[each for each in agreed if each.both_rated],
    )


def _reviewer(review: Review, models: Sequence[str], level: float) -> ReviewerFigures:
    by_model = {
        name: [rating.level for rating in review.ratings if rating.model == name] for name in models
    }
    return ReviewerFigures(
        reviewer=review.reviewer,
        rated=len(review.ratings),
        unrated=review.unrated,
        models=[_levels(name, levels, level) for name, levels in by_model.items() if levels],
        preference=_preference(review, models, level) if len(models) == 2 else None,
    )


def _levels(model: str, levels: Sequence[Level], level: float) -> ModelLevels:
    counts = {each: levels.count(each) for each in LEVELS}
    return ModelLevels(
        model=model,
        counts={str(name): count for name, count in counts.items()},
        satisfying=wilson(counts["A"], len(levels), level),
        acceptable=wilson(counts["A"] + counts["B"], len(levels), level),
    )


def _preference(review: Review, models: Sequence[str], level: float) -> Comparison | None:
    said = list(preferences(review.ratings, models).values())
    if not said:
        return None
    counts = said.count("win"), said.count("loss"), said.count("tie")
    return compare_counts("level of the answer", *counts, level)


def preferences(ratings: Iterable[Rating], models: Sequence[str]) -> Mapping[str, Preference]:
    """Return, by task, which of its two answers a reviewer rated better, if both are rated."""
    base, tuned = ({r.task_id: r.level for r in ratings if r.model == name} for name in models)
    return {
        # A stands before D.
        task: "tie" if before == tuned[task] else "win" if tuned[task] < before else "loss"
        for task, before in base.items()
        if task in tuned
    }


def agreement(one: Review, other: Review) -> Agreement:
    """Return the agreement of two reviewers on the answers that both rated."""
    theirs = {(rating.task_id, rating.model): rating.level for rating in other.ratings}
    pairs = [
        (LEVELS.index(rating.level), LEVELS.index(theirs[rating.task_id, rating.model]))
        for rating in one.ratings
        if (rating.task_id, rating.model) in theirs
    ]
    return _agreed(one.reviewer, other.reviewer, "answers", pairs)


def agreement_with_judge(review: Review, models: Sequence[str], judge: JudgeFigures) -> Agreement:
    """Return the agreement of a reviewer and the judge on the pairs that both rated."""
    theirs = preferences(review.ratings, models)
    pairs = [
        (_PLACES[said], _PLACES[judge.outcomes[task]])
        for task, said in theirs.items()
        if judge.outcomes.get(task) in _PLACES
    ]
    return _agreed(review.reviewer, f"the judge {judge.judge}", "pairs", pairs)


def _agreed(
    one: str, other: str, rated: Literal["answers", "pairs"], pairs: Sequence[tuple[int, int]]
) -> Agreement:
    return Agreement(
        one=one,
        other=other,
        rated=rated,
        both_rated=len(pairs),
        same=sum(a == b for a, b in pairs),
        kappa=cohens_kappa(pairs),
        weighted_kappa=cohens_kappa(pairs, is_weighted=True),
    )


def cohens_kappa(pairs: Sequence[tuple[int, int]], *, is_weighted: bool = False) -> float | None:
    """Return Cohen's kappa: 1 is full agreement, 0 is agreement by chance.

    Args:
        pairs: Two ratings of each item, as places on one scale.
        is_weighted: Use linear weights: a difference of two places counts twice.

    Returns:
        None when it is not defined: there are no pairs, or all ratings are the same.
    """
    ones, others = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    seen = sum(_apart(one, other, is_weighted=is_weighted) for one, other in pairs)
    by_chance = sum(
        ones[one] * others[other] * _apart(one, other, is_weighted=is_weighted)
        for one, other in product(ones, others)
    )
    return None if by_chance == 0 else 1 - seen * len(pairs) / by_chance


def _apart(one: int, other: int, *, is_weighted: bool) -> int:
    return abs(one - other) if is_weighted else int(one != other)
