"""What people said of the models' answers, and how far two of them agree."""

from collections.abc import Iterable, Sequence

from app.evaluation.figures import (
    Agreement,
    ModelLevels,
    ReviewerFigures,
    ReviewFigures,
)
from app.evaluation.intervals import wilson
from app.evaluation.sheet import LEVELS, Level, Rating, Review


def review_figures(reviews: Sequence[Review], level: float = 0.95) -> ReviewFigures:
    """Count the levels of each model by reviewer; of exactly two reviewers, tell the agreement."""
    return ReviewFigures(
        reviewers=[
            ReviewerFigures(
                reviewer=review.reviewer,
                rated=len(review.ratings),
                unrated=review.unrated,
                models=_by_model(review.ratings, level),
            )
            for review in reviews
        ],
        agreement=agreement(reviews[0], reviews[1]) if len(reviews) == 2 else None,
    )


def _by_model(ratings: Sequence[Rating], level: float) -> list[ModelLevels]:
    names = sorted({rating.model for rating in ratings})
    return [_levels(name, [r.level for r in ratings if r.model == name], level) for name in names]


def _levels(model: str, levels: Sequence[Level], level: float) -> ModelLevels:
    counts = {each: levels.count(each) for each in LEVELS}
    return ModelLevels(
        model=model,
        counts={str(name): count for name, count in counts.items()},
        satisfying=wilson(counts["A"], len(levels), level),
        acceptable=wilson(counts["A"] + counts["B"], len(levels), level),
    )


def agreement(one: Review, other: Review) -> Agreement:
    """Compare two people's ratings of the answers that both rated."""
    theirs = {(rating.task_id, rating.model): rating.level for rating in other.ratings}
    pairs = [
        (rating.level, theirs[rating.task_id, rating.model])
        for rating in one.ratings
        if (rating.task_id, rating.model) in theirs
    ]
    return Agreement(
        both_rated=len(pairs),
        same=sum(a == b for a, b in pairs),
        kappa=cohens_kappa(pairs),
        weighted_kappa=cohens_kappa(pairs, is_weighted=True),
    )


def cohens_kappa(
    pairs: Iterable[tuple[Level, Level]], *, is_weighted: bool = False
) -> float | None:
    """Agreement beyond chance: 1 whole, 0 no more than chance gives, below 0 less.

    Args:
        pairs: Two people's levels of the same answers.
        is_weighted: Whether A against B counts as a third of A against D (linear weights).

    Returns:
        None where it is not defined: no pair, or both gave one and the same level throughout.
    """
    listed = [(LEVELS.index(one), LEVELS.index(other)) for one, other in pairs]
    if not listed:
        return None
    places = range(len(LEVELS))
    ones = [sum(one == place for one, _ in listed) for place in places]
    others = [sum(other == place for _, other in listed) for place in places]
    seen = sum(_apart(one, other, is_weighted=is_weighted) for one, other in listed)
    by_chance = sum(
        ones[i] * others[j] * _apart(i, j, is_weighted=is_weighted) for i in places for j in places
    )
    return None if by_chance == 0 else 1 - seen * len(listed) / by_chance


def _apart(one: int, other: int, *, is_weighted: bool) -> int:
    return abs(one - other) if is_weighted else int(one != other)
