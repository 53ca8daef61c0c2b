import pytest

from app.curation.overlap import SeedOverlap, histogram
from app.similarity.reference import Reference

SEEDS = ["Name three seas of Europe.", "Boil an egg for me.", "Write a poem about the moon."]


def test_the_nearest_seed_is_the_one_that_rouge_score_finds() -> None:
    overlap, judge = SeedOverlap(SEEDS), Reference()
    for text in ("Write a song about the moon.", "Boil me an egg.", "Name the seas.", "a the of"):
        assert overlap.nearest(text) == next(iter(judge.most_similar(SEEDS, text, 1)), None)


def test_scores_are_yielded_one_by_one() -> None:
    endless = (f"Write a poem about the {word}." for word in iter(lambda: "sun", None))
    scores = SeedOverlap(SEEDS).scores(endless)
    assert next(scores) == Reference().score(SEEDS[2], "Write a poem about the sun.")


def test_what_shares_no_word_scores_nothing() -> None:
    assert list(SeedOverlap(SEEDS).scores(["Xylophone?", SEEDS[1], ""])) == [0.0, 1.0, 0.0]
    assert list(SeedOverlap([]).scores(["Anything"])) == [0.0]


@pytest.mark.parametrize(("score", "bin_of_it"), [(0.0, 0), (0.049, 0), (0.05, 1), (1.0, 19)])
def test_a_histogram_has_equal_parts_and_the_last_is_closed(score: float, bin_of_it: int) -> None:
    counts = histogram([score])
    assert len(counts) == 20
    assert counts[bin_of_it] == 1
    assert sum(counts) == 1
