from collections.abc import Callable

import pytest

from app.similarity import Neighbour, SimilarityIndex
from tests.rouge_reference import Reference

MakePool = Callable[[int], list[str]]


def test_sequence_numbers_count_from_zero() -> None:
    index = SimilarityIndex()
    assert [index.insert(text) for text in ("a", "a", "")] == [0, 1, 2]
    assert len(index) == 3


def test_the_earliest_of_equally_near_entries_is_the_neighbour() -> None:
    index = SimilarityIndex()
    index.extend(["x y z", "a b c d", "a b c e", "a b c f"])
    assert index.nearest("a b c") == Neighbour(1, Reference().score("a b c", "a b c d"))


def test_a_nearer_entry_wins_over_an_earlier_one() -> None:
    index = SimilarityIndex()
    index.extend(["a b c d", "a b c"])
    assert index.nearest("a b c") == Neighbour(1, 1.0)


def test_only_entries_since_a_sequence_number_count(make_pool: MakePool) -> None:
    pool = make_pool(400)
    index, reference = SimilarityIndex(), Reference()
    index.extend(pool)
    for since in (0, 1, 150, 390, 400, 500):
        for text in pool[::40]:
            near = reference.nearest(pool[since:], text)
            expected = near and Neighbour(near.sequence + since, near.score)
            assert index.nearest_since(text, since) == expected


def test_looking_up_changes_nothing(make_pool: MakePool) -> None:
    index = SimilarityIndex()
    index.extend(make_pool(50))
    unheard = "xylophones nobody ever inserted"
    before = index.most_similar(unheard, 50)
    assert index.nearest(unheard) is None
    assert index.most_similar(unheard, 50) == before
    assert len(index) == 50
    assert index.insert(unheard) == 50
    assert index.nearest(unheard) == Neighbour(50, 1.0)


def test_catching_up_is_inserting_one_by_one(make_pool: MakePool) -> None:
    together, singly = SimilarityIndex(), SimilarityIndex()
    together.extend(make_pool(50))
    for text in make_pool(50):
        singly.insert(text)
    assert len(together) == len(singly) == 50
    for text in make_pool(90):
        assert together.nearest(text) == singly.nearest(text)
        assert together.most_similar(text, 5) == singly.most_similar(text, 5)


def test_the_most_similar_of_a_larger_pool_are_rouge_scores(make_pool: MakePool) -> None:
    pool = make_pool(300)
    index, reference = SimilarityIndex(), Reference()
    index.extend(pool)
    for text in pool[::60]:
        for k, floor in ((10, 0.0), (300, 0.0), (10, 0.45), (1, 0.7)):
            assert index.most_similar(text, k, floor) == reference.most_similar(
                pool, text, k, floor
            )


def test_a_floor_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold"):
        SimilarityIndex().most_similar("a", 1, floor=1.5)


@pytest.mark.parametrize("inclusive", [False, True])
def test_texts_without_tokens_are_near_only_if_their_folded_texts_are_equal(
    inclusive: bool,
) -> None:
    index = SimilarityIndex(inclusive=inclusive)
    index.extend(["", "!?", "a b c", "\ud800", "😀"])
    assert index.nearest("  ") == Neighbour(0, 1.0)
    assert index.nearest(" !?\n") == Neighbour(1, 1.0)
    assert index.nearest("\ud800") == Neighbour(3, 1.0)
    assert index.nearest("😀") == Neighbour(4, 1.0)
    assert index.nearest("!!") is None
    assert index.nearest("\ud801") is None
    assert index.nearest_since("", 1) is None
    assert index.most_similar("😀", 3) == [Neighbour(4, 1.0)]


def test_a_script_the_rouge_tokenizer_cannot_see_is_compared_as_a_whole() -> None:
    index = SimilarityIndex(tokenizer="rouge")
    index.extend(["写一首诗", "画一幅画"])
    assert index.nearest("写一首诗") == Neighbour(0, 1.0)
    assert index.nearest("写一首歌") is None


def test_scripts_without_spaces_are_compared_by_character() -> None:
    index = SimilarityIndex()
    index.insert("写一首关于春天的诗")
    assert index.nearest("写一首关于秋天的诗") == Neighbour(0, 8 / 9)
    assert index.nearest("今天天气怎么样") is None


MEGABYTE = 1_000_000

AWKWARD = {
    "empty": "",
    "only white space": " \t\n\u3000",
    "only punctuation": "!?…" * 10,
    "lone surrogates": "\udc00a\ud800 b\udfff",
    "null characters": "\0\0a\0",
    "one letter a megabyte long": "a" * MEGABYTE,
    "one word over and over": "word " * (MEGABYTE // 5),
    "a megabyte of different words": " ".join(map(str, range(MEGABYTE // 7))),
    "a megabyte of Han": "写一首关于春天的诗" * (MEGABYTE // 27),
    "a megabyte of punctuation": "?!" * (MEGABYTE // 2),
    "a megabyte of combining marks": "a" + "\u0301\u0316" * (MEGABYTE // 4),
    "characters that unfold to eighteen": "\ufdfa" * (MEGABYTE // 30),
}


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD.keys())
def test_awkward_text_is_accepted_once_and_then_a_near_duplicate(
    make_pool: MakePool, text: str
) -> None:
    index = SimilarityIndex()
    index.extend(make_pool(100))
    assert index.nearest(text) is None
    sequence = index.insert(text)
    assert index.nearest(text) == Neighbour(sequence, 1.0)
    assert index.most_similar(text, 1) == [Neighbour(sequence, 1.0)]
    assert index.nearest("Name three primary colors.") is None


def test_all_near_entries_are_found_in_order(make_pool: MakePool) -> None:
    pool = make_pool(300)
    index, reference = SimilarityIndex(), Reference()
    index.extend(pool)
    for text in [*pool[::30], "", "words that nobody has inserted"]:
        scored = [Neighbour(at, reference.score(other, text)) for at, other in enumerate(pool)]
        assert index.near(text) == [each for each in scored if each.score > 0.7]


def test_every_text_without_tokens_that_is_equal_is_near_with_the_score_1() -> None:
    index = SimilarityIndex()
    index.extend(["?!", "a b", "?!", "!?"])
    assert index.near("?!") == [Neighbour(0, 1.0), Neighbour(2, 1.0)]
    assert index.nearest("?!") == Neighbour(0, 1.0)
    assert index.nearest_since("?!", 1) == index.nearest_since("?!", 2) == Neighbour(2, 1.0)
    assert index.nearest_since("?!", 3) is None
    assert index.most_similar("?!", 1) == [Neighbour(0, 1.0)]
    assert index.most_similar("?!", -1) == index.most_similar("a", -1) == []
    surest = SimilarityIndex(threshold=1.0)
    surest.insert("?!")
    assert (surest.near("?!"), surest.nearest("?!")) == ([], None)


def test_every_near_entry_is_returned_in_order() -> None:
    index = SimilarityIndex()
    index.extend(["a b c d", "x y z", "a b c", "a b c e", "a b"])
    assert [each.sequence for each in index.near("a b c")] == [0, 2, 3, 4]
