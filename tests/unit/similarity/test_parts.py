"""No part of the funnel may lose an entry that is beyond the threshold."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import LCSseq

from app.similarity.entries import Entries
from app.similarity.gate import Gate, f_measure
from app.similarity.postings import Postings
from app.similarity.vocabulary import Vocabulary

words = st.sampled_from(list("abcdefghijklmnopqrst"))
texts = st.lists(words, min_size=1, max_size=90)
gates = st.builds(Gate, st.floats(0.01, 1), inclusive=st.booleans())


def near(gate: Gate, query: list[str], pool: list[list[str]]) -> set[int]:
    return {
        sequence
        for sequence, other in enumerate(pool)
        if gate.passes(f_measure(LCSseq.similarity(query, other), len(query), len(other)))
    }


@given(st.lists(texts, max_size=8), texts, gates)
def test_the_postings_name_every_near_entry(
    pool: list[list[str]], query: list[str], gate: Gate
) -> None:
    vocabulary, postings = Vocabulary(), Postings(gate)
    for sequence, text in enumerate(pool):
        postings.add(vocabulary.learn(text).ids, sequence)
    found = postings.find(vocabulary.sketch(query).ids, limit=1000)
    assert found is not None
    assert near(gate, query, pool) <= set(found.tolist())


@given(st.lists(texts, max_size=8), texts, gates)
def test_scan_and_narrow_let_every_near_entry_pass(
    pool: list[list[str]], query: list[str], gate: Gate
) -> None:
    vocabulary, entries = Vocabulary(), Entries()
    for text in pool:
        entries.append(vocabulary.learn(text))
    sketch = vocabulary.sketch(query)
    scanned = entries.scan(sketch, gate)
    suspects = entries.narrow(sketch, gate, scanned)
    assert near(gate, query, pool) <= {each.sequence for each in suspects} <= set(scanned.tolist())
    for sequence, least, ids in suspects:
        lcs = LCSseq.similarity(query, pool[sequence])
        assert ids == vocabulary.sketch(pool[sequence]).ids
        assert (lcs >= least) == (sequence in near(gate, query, pool))


@given(st.lists(texts, max_size=8), texts)
def test_postings_give_up_beyond_the_limit(pool: list[list[str]], query: list[str]) -> None:
    vocabulary, postings = Vocabulary(), Postings(Gate(0.7, inclusive=False))
    for sequence, text in enumerate(pool):
        postings.add(vocabulary.learn(text).ids, sequence)
    ids = vocabulary.sketch(query).ids
    found = postings.find(ids, limit=1000)
    assert found is not None
    assert postings.find(ids, limit=len(found)) is not None
    if len(found):
        assert postings.find(ids, limit=len(found) - 1) is None


def test_most_entries_are_never_verified(make_pool: Callable[[int], list[str]]) -> None:
    vocabulary, entries, gate = Vocabulary(), Entries(), Gate(0.7, inclusive=False)
    pool = [text.split() for text in make_pool(2000)]
    for text in pool:
        entries.append(vocabulary.learn(text))
    verified = 0
    for text in pool[::20]:
        sketch = vocabulary.sketch(text)
        verified += len(entries.narrow(sketch, gate, entries.scan(sketch, gate)))
    assert verified < 0.02 * 100 * len(pool)


def test_postings_under_the_newest_words_name_few_entries(
    make_pool: Callable[[int], list[str]],
) -> None:
    vocabulary, postings = Vocabulary(), Postings(Gate(0.7, inclusive=False))
    pool = [text.split() for text in make_pool(2000)]
    for sequence, text in enumerate(pool):
        postings.add(vocabulary.learn(text).ids, sequence)
    named = 0
    for text in pool[::20]:
        found = postings.find(vocabulary.sketch(text).ids, limit=10**9)
        assert found is not None
        named += len(set(found.tolist()))
    assert named / 100 < 0.35 * len(pool), named
