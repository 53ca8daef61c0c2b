"""The scores with every text of a pool: rouge_score's own, for texts with and without tokens."""

import numpy as np
import pytest

from app.similarity.all_scores import AllScores, highest
from app.similarity.gate import f_measure
from app.similarity.tokenizers import TokenizerName
from tests.rouge_reference import Reference

TEXTS = [
    "Name three primary colors.",
    "Name the three colors of the flag of France.",
    "name THREE primary colors!",
    "Write a short poem about the sea.",
    "Write a poem. Write a song. Write a poem.",
    "",
    "…",
    "给出三种原色。",
    "给出三种原色的名称。",
    "Nenne drei Grundfarben.",
]
QUERIES = [*TEXTS, "Name four primary colors of the sea.", "Quite unheard-of words.", "?!"]


def scored(tokenizer: TokenizerName, texts: list[str]) -> AllScores:
    scores = AllScores(tokenizer)
    for text in texts:
        scores.insert(text)
    return scores


@pytest.mark.parametrize("tokenizer", ["rouge", "unicode"])
def test_every_score_is_that_of_rouge_score_bit_for_bit(tokenizer: TokenizerName) -> None:
    scores, reference = scored(tokenizer, TEXTS), Reference(tokenizer)

    for query in QUERIES:
        expected = [reference.score(text, query) for text in TEXTS]
        assert scores.of(query).tolist() == expected, query


def test_an_empty_pool_has_no_scores() -> None:
    assert scored("rouge", []).of("Name three primary colors.").tolist() == []
    assert scored("rouge", []).of("").tolist() == []


def test_the_highest_come_first_and_of_equal_ones_the_earlier() -> None:
    scores = np.array([0.1, 0.5, 0.0, 0.9, 0.5, 0.0])

    assert [highest(scores, k) for k in range(1, 5)] == [[3], [3, 1], [3, 1, 4], [3, 1, 4, 0]]
    assert highest(scores, 5) == [3, 1, 4, 0, 2]
    assert highest(scores, 6) == highest(scores, 9) == [3, 1, 4, 0, 2, 5]
    assert highest(scores, 0) == []


def test_more_words_than_there_are_code_points_are_told_apart() -> None:
    scores = AllScores("rouge")
    for first in range(0, 0x110000, 0x8000):
        scores.insert(" ".join(f"w{n}" for n in range(first, first + 0x8000)))
    scores.insert("beyond them all w1")
    scores.insert("beyond others w2 w3")

    assert scores.of("beyond them all w1").tolist()[-2:] == [1.0, 0.25]
    assert scores.of("w2 and w3").tolist()[-2:] == [0.0, f_measure(2, 3, 4)]
