"""The index against rouge_score itself: same decision, same neighbour, same F to the last bit."""

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from app.similarity import Neighbour, SimilarityIndex, TokenizerName
from app.similarity.tokenizers import tokenize_rouge
from tests.rouge_reference import Reference

MakePool = Callable[[int], list[str]]

modes = pytest.mark.parametrize(
    ("tokenizer", "inclusive"), list(product(["rouge", "unicode"], [False, True]))
)
texts = st.lists(st.sampled_from(list("abcdefgh")), max_size=70).map(" ".join)
thresholds = st.sampled_from([0.7, 0.5, 0.35, 0.9, 1.0]) | st.floats(0.01, 1)


def same_pairs(pairs: Iterable[tuple[str, str]]) -> int:
    """Hold each pair against rouge_score in both modes; return how many were rejected."""
    reference = Reference("rouge")
    rejected = 0
    for one, other in pairs:
        score = reference.score(one, other)
        for inclusive in (False, True):
            index = SimilarityIndex(tokenizer="rouge", inclusive=inclusive)
            index.insert(one)
            beyond = score >= 0.7 if inclusive else score > 0.7
            assert index.nearest(other) == (Neighbour(0, score) if beyond else None), (one, other)
            assert index.most_similar(other, 1) == ([Neighbour(0, score)] if score else [])
            rejected += beyond
    return rejected


def random_pairs(pool: list[str], count: int) -> Iterator[tuple[str, str]]:
    choice = random.Random(7)
    for _ in range(count):
        yield choice.choice(pool), choice.choice(pool)


def near_threshold_pairs(pool: list[str]) -> Iterator[tuple[str, str]]:
    """Yield all pairs whose F is about 0.6 to 0.8, found without the index."""
    numbers: dict[str, int] = {}
    split = [tokenize_rouge(text) for text in pool]
    strings = ["".join(chr(numbers.setdefault(token, len(numbers))) for token in s) for s in split]
    lengths = np.array([len(string) for string in strings], np.float32)
    for start in range(0, len(pool), 64):
        block = strings[start : start + 64]
        before = strings[: start + 64]
        lcs = process.cdist(block, before, scorer=LCSseq.similarity, dtype=np.uint16)
        with np.errstate(invalid="ignore"):
            scores = 2 * lcs / (lengths[start : start + 64, None] + lengths[: start + 64])
        for row, column in np.argwhere(np.abs(scores - 0.7) < 0.1).tolist():
            if column < start + row:
                yield pool[column], pool[start + row]


def test_random_pairs_decide_and_score_as_rouge_score(make_pool: MakePool) -> None:
    same_pairs(random_pairs(make_pool(1000), 1000))


def test_near_threshold_pairs_decide_and_score_as_rouge_score(make_pool: MakePool) -> None:
    assert same_pairs(near_threshold_pairs(make_pool(300))) > 10


@pytest.mark.slow
def test_200_000_random_real_pairs_decide_and_score_as_rouge_score(real_pool: list[str]) -> None:
    same_pairs(random_pairs(real_pool, 200_000))


@pytest.mark.slow
def test_all_near_threshold_real_pairs_decide_and_score_as_rouge_score(
    real_pool: list[str],
) -> None:
    assert same_pairs(near_threshold_pairs(real_pool)) > 1000


@modes
def test_a_replay_rejects_what_rouge_score_rejects_for_the_same_neighbour(
    make_pool: MakePool, tokenizer: TokenizerName, inclusive: bool
) -> None:
    reference, index = (
        Reference(tokenizer),
        SimilarityIndex(tokenizer=tokenizer, inclusive=inclusive),
    )
    accepted: list[str] = []
    for text in make_pool(220):
        answer = reference.nearest(accepted, text, inclusive=inclusive)
        assert index.nearest(text) == answer
        if answer is None:
            accepted.append(text)
            index.insert(text)
    assert len(index) == len(accepted)
    assert 20 < len(accepted) < 200


@given(st.lists(texts, max_size=8), texts, thresholds, st.booleans())
def test_any_tokens_lengths_and_thresholds_decide_as_rouge_score(
    pool: list[str], text: str, threshold: float, inclusive: bool
) -> None:
    index = SimilarityIndex(threshold=threshold, inclusive=inclusive)
    index.extend(pool)
    expected = Reference().nearest(pool, text, threshold=threshold, inclusive=inclusive)
    assert index.nearest(text) == expected


@given(
    st.lists(texts, max_size=8), texts, st.integers(0, 9), st.sampled_from([0.0, 0.2, 0.5, 0.7, 1])
)
def test_the_most_similar_are_rouge_scores(
    pool: list[str], text: str, k: int, floor: float
) -> None:
    index = SimilarityIndex()
    index.extend(pool)
    assert index.most_similar(text, k, floor) == Reference().most_similar(pool, text, k, floor)


@pytest.mark.parametrize("length", [63, 64, 65, 130, 300])
def test_texts_of_more_than_64_tokens_decide_as_rouge_score(length: int) -> None:
    words = [f"w{number}" for number in range(length)]
    pool = [" ".join(words), " ".join([*words, *words]), " ".join(reversed(words))]
    index = SimilarityIndex()
    index.extend(pool)
    decisions = set()
    for kept in range(int(0.5 * length), int(0.75 * length), max(length // 40, 1)):
        text = " ".join(words[:kept] + [f"v{number}" for number in range(length - kept)])
        expected = Reference().nearest(pool, text)
        assert index.nearest(text) == expected
        decisions.add(expected is None)
    assert decisions == {True, False}


def test_more_than_65_535_distinct_tokens_change_no_decision() -> None:
    pool = [" ".join(f"w{10 * line + column}" for column in range(10)) for line in range(7000)]
    index = SimilarityIndex()
    index.extend(pool)
    for line in (0, 1, 6553, 6554, 6999):
        words = pool[line].split()
        assert index.nearest(" ".join(words[:8])) == Neighbour(
            line, Reference().score(pool[line], " ".join(words[:8]))
        )
        assert index.nearest(" ".join(words[:5])) is None
        # Ids that agree in their low 16 bits are still different words.
        assert index.nearest(" ".join(f"w{int(word[1:]) + 65_536}" for word in words)) is None
