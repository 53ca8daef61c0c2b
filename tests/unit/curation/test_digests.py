import random
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from app.curation.digests import DigestTable, digest, question_texts
from app.dataset_row import Exchange, Record

# Few enough to meet each other often, and most of them in the same slots.
KEYS = st.sampled_from([1, 2, (1 << 64) + 1, (1 << 65) + 1, (1 << 128) - 1, 77, (78 << 64) + 2])


@given(st.lists(st.tuples(KEYS, st.integers(-5, 5))))
def test_a_table_answers_as_a_dict_does(changes: list[tuple[int, int]]) -> None:
    table, judge = DigestTable(), dict[int, int]()
    for key, number in changes:
        table[key] = number
        judge[key] = number
    assert len(table) == len(judge)
    assert all(table[key] == number for key, number in judge.items())


def test_a_table_grows_and_keeps_what_it_has() -> None:
    choice = random.Random(1)
    keys = [choice.getrandbits(128) for _ in range(20_000)]
    table = DigestTable()
    for number, key in enumerate(keys):
        table[key] = number + 1
    assert [table[key] for key in keys] == list(range(1, 20_001))
    assert table[choice.getrandbits(128)] == 0


def test_an_entry_takes_some_tens_of_bytes() -> None:
    choice = random.Random(1)
    tracemalloc.start()
    table = DigestTable()
    for _ in range(50_000):
        table[choice.getrandbits(128)] = 1
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / len(table) < 45


def test_where_one_text_ends_and_the_next_begins_is_part_of_the_digest() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    assert digest(["a", ""]) != digest(["a"])
    assert digest(["a"]) == digest(["a"])


def test_any_text_has_a_digest() -> None:
    assert digest(["\ud800"]) != digest(["\udfff"])


def test_the_earlier_turns_are_part_of_what_is_asked() -> None:
    alone = Record("And Peru?", "Lima")
    with_history = Record("And Peru?", "Lima", history=(Exchange("Capital of Chile?", "Santiago"),))
    system = Record("And Peru?", "Lima", system="Be brief.")
    assert len({digest(question_texts(each)) for each in (alone, with_history, system)}) == 3
