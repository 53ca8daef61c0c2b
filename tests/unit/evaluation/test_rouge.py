"""ROUGE of answers: rouge_score's own figures, and the same idea for other scripts."""

import random

import pytest
from rouge_score import rouge_scorer

from app.evaluation.intervals import Bootstrap
from app.evaluation.metrics import TokenizerName
from app.evaluation.rouge import Score, rouge_figures, score

PAIRS = [
    ("The cat sat on the mat.", "A cat was sitting on the mat."),
    ("one two three four five six seven", "seven six five four three two one"),
    ("same words", "same words"),
    ("nothing alike", "entirely different"),
    ("a", "a a a a a"),
    ("", "said something"),
    ("should have been said", ""),
    ("!!!", "???"),
    ("Running runners ran quickly", "He runs; the runner's quick run"),
    ("42 is the answer", "the answer is 42"),
    ("naïve café — ÜBER", "naive cafe uber"),
]


def made_up_pairs() -> list[tuple[str, str]]:
    draw = random.Random(4)
    words = ["a", "the", "of", "to", "cat", "dog", "runs", "run", "running", "1", "2", "tree"]
    return [
        (" ".join(draw.choices(words, k=draw.randint(0, 40))),
         " ".join(draw.choices(words, k=draw.randint(0, 40))))
        for _ in range(300)
    ]  # fmt: skip


@pytest.mark.parametrize("tokenizer", ["rouge", "rouge_stemmed"])
def test_every_figure_equals_rouge_scores_own(tokenizer: TokenizerName) -> None:
    own = rouge_scorer.RougeScorer(
        ["rouge1", "rouge2", "rougeL"], use_stemmer=tokenizer == "rouge_stemmed"
    )
    for reference, answer in PAIRS + made_up_pairs():
        found, wanted = score(reference, answer, tokenizer), own.score(reference, answer)
        for one, kind in (
            (found.rouge1, "rouge1"), (found.rouge2, "rouge2"), (found.rouge_l, "rougeL"),
        ):  # fmt: skip
            theirs = wanted[kind]
            assert one == Score(theirs.precision, theirs.recall, theirs.fmeasure), (kind, reference)


def test_the_stemmer_makes_a_difference() -> None:
    plain = score("the trees", "the tree", "rouge").rouge1.f
    assert score("the trees", "the tree", "rouge_stemmed").rouge1.f > plain


def test_ascii_text_scores_the_same_by_the_unicode_tokenizer() -> None:
    for reference, answer in made_up_pairs():
        assert score(reference, answer, "unicode") == score(reference, answer, "rouge")


def test_scripts_that_rouge_score_cannot_see_score_by_the_unicode_tokenizer() -> None:
    for reference, answer in [("北京是首都", "首都是北京"), ("кошка спит", "кошка не спит")]:
        blind, seeing = score(reference, answer, "rouge"), score(reference, answer, "unicode")
        assert (blind.rouge_l.f, blind.is_seen) == (0, False)
        assert 0 < seeing.rouge_l.f < 1
        assert seeing.is_seen


def test_precision_is_over_the_answer_and_recall_over_the_reference() -> None:
    found = score("one two three four", "one two").rouge1
    assert (found.precision, found.recall) == (1.0, 0.5)


def test_texts_too_long_for_rouge_scores_table_score_the_same() -> None:
    draw = random.Random(3)
    reference = " ".join(str(draw.randint(0, 60)) for _ in range(1_050))
    answer = " ".join(str(draw.randint(0, 60)) for _ in range(1_020))
    wanted = rouge_scorer.RougeScorer(["rougeL"]).score(reference, answer)["rougeL"]
    found = score(reference, answer).rouge_l
    assert found == Score(wanted.precision, wanted.recall, wanted.fmeasure)


def test_an_essay_against_an_essay_takes_no_minutes() -> None:
    draw = random.Random(1)
    essay = " ".join(str(draw.randint(0, 500)) for _ in range(20_000))
    assert score(essay, essay).rouge_l.f == 1


def test_means_are_over_tasks_and_count_references_without_a_token() -> None:
    scores = [score("a b", "a b"), score("a b", "c"), score("北京", "北京")] * 4
    figures = rouge_figures(scores, "rouge", Bootstrap(resamples=200))
    assert figures.rouge1.f.value == pytest.approx(1 / 3)
    assert (figures.tasks, figures.unseen_references) == (12, 4)
    assert figures.rouge1.f.low is not None
    assert figures.rouge1.f.low < 1 / 3
