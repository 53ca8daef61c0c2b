from collections.abc import Callable

import pytest

from app.similarity import SimilarityIndex

MakePool = Callable[[int], list[str]]


def test_an_index_from_a_snapshot_answers_and_grows_alike(make_pool: MakePool) -> None:
    pool = [*make_pool(300), "", "!?", "\ud800", "写一首诗", "\ud800 lone"]
    index = SimilarityIndex(threshold=0.6, inclusive=True)
    index.extend(pool)
    copy = SimilarityIndex.from_bytes(index.to_bytes())
    more = make_pool(120)
    assert copy.nearest_each(pool) == index.nearest_each(pool)
    assert copy.nearest_each(more) == index.nearest_each(more)
    assert copy.to_bytes() == index.to_bytes()


def test_an_empty_index_has_a_snapshot() -> None:
    assert len(SimilarityIndex.from_bytes(SimilarityIndex().to_bytes())) == 0


def test_a_snapshot_keeps_its_tokenizer() -> None:
    index = SimilarityIndex(tokenizer="rouge")
    index.insert("写 poem")
    copy = SimilarityIndex.from_bytes(index.to_bytes())
    assert copy.tokenizer == "rouge"
    assert copy.nearest("画 poem") is not None


def test_a_snapshot_is_smaller_than_a_third_of_the_texts(make_pool: MakePool) -> None:
    pool = make_pool(2000)
    index = SimilarityIndex()
    index.extend(pool)
    assert len(index.to_bytes()) < sum(map(len, pool)) / 3


def test_anything_but_a_whole_snapshot_is_refused(make_pool: MakePool) -> None:
    index = SimilarityIndex()
    index.extend(make_pool(20))
    whole = index.to_bytes()
    for damaged in (b"", b"text", whole[:-1], whole[:40], whole[:40] + b"?" + whole[41:]):
        with pytest.raises(ValueError, match="snapshot"):
            SimilarityIndex.from_bytes(damaged)
