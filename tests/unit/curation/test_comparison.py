import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.comparison import ComparisonSummary, RowChange, compare, summarise
from app.dataset_row import DatasetRow, Exchange, Record

VERSIONS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12)


def version(*records: Record) -> list[DatasetRow]:
    return [DatasetRow(position, record) for position, record in enumerate(records)]


def made(pairs: list[tuple[str, str]]) -> list[DatasetRow]:
    return version(*(Record(question, answer) for question, answer in pairs))


def summary(old: list[DatasetRow], new: list[DatasetRow]) -> ComparisonSummary:
    return summarise(compare(old, new), old_rows=len(old), new_rows=len(new))


def test_equal_versions_differ_in_nothing() -> None:
    rows = made([("a", "x"), ("a", "x"), ("b", "y")])
    assert list(compare(rows, rows)) == []
    assert summary(rows, rows) == ComparisonSummary(0, 0, 0, 3)


def test_order_plays_no_part() -> None:
    pairs = [("a", "x"), ("b", "y"), ("c", "z")]
    assert list(compare(made(pairs), made(pairs[::-1]))) == []


def test_a_row_with_another_answer_is_changed() -> None:
    old, new = made([("a", "x"), ("b", "y")]), made([("b", "z"), ("a", "x")])
    assert list(compare(old, new)) == [RowChange("changed", Record("b", "z"), 1, 0)]


def test_rows_are_added_and_removed() -> None:
    old, new = made([("a", "x"), ("b", "y")]), made([("b", "y"), ("c", "z")])
    assert list(compare(old, new)) == [
        RowChange("added", Record("c", "z"), None, 1),
        RowChange("removed", Record("a", "x"), 0, None),
    ]


@pytest.mark.parametrize(
    "other",
    [
        Record("a", "x", "in"),
        Record("a", "x", system="s"),
        Record("a", "x", history=(Exchange("u", "v"),)),
    ],
)
def test_what_asks_otherwise_is_another_row(other: Record) -> None:
    old, new = version(Record("a", "x")), version(other)
    assert [each.kind for each in compare(old, new)] == ["added", "removed"]


def test_repeats_are_counted() -> None:
    twice, thrice = made([("a", "x")] * 2), made([("a", "x")] * 3)
    assert summary(twice, thrice) == ComparisonSummary(1, 0, 0, 2)
    assert summary(thrice, twice) == ComparisonSummary(0, 1, 0, 2)


def test_of_rows_that_ask_the_same_the_first_becomes_the_first() -> None:
    old, new = (
        made([("a", "x"), ("a", "y"), ("a", "z")]),
        made([("a", "y"), ("a", "p"), ("a", "q")]),
    )
    assert list(compare(old, new)) == [
        RowChange("changed", Record("a", "p"), 0, 1),
        RowChange("changed", Record("a", "q"), 2, 2),
    ]


@given(VERSIONS, VERSIONS)
@settings(max_examples=200)
def test_the_changes_lead_from_the_old_version_to_the_new(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    old, new = made(before), made(after)
    changes = list(compare(old, new))
    rows = Counter(before)
    for each in changes:
        if each.old_position is not None:
            rows[before[each.old_position]] -= 1
        if each.new_position is not None:
            rows[after[each.new_position]] += 1
            assert each.record == new[each.new_position].record
        if each.kind == "changed":
            assert each.old_position is not None
            assert before[each.old_position][0] == each.record.instruction
    assert +rows == Counter(after)
    assert min(rows.values(), default=0) >= 0


@given(VERSIONS, VERSIONS)
@settings(max_examples=200)
def test_as_few_rows_as_can_be_differ(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    counted = summary(made(before), made(after))
    same = Counter(before) & Counter(after)
    assert counted.same == sum(same.values())
    left = Counter(question for question, _ in (Counter(before) - same).elements())
    came = Counter(question for question, _ in (Counter(after) - same).elements())
    assert counted.changed == sum((left & came).values())


def test_changes_of_other_versions_are_refused() -> None:
    changes = list(compare(made([("a", "x")]), made([("b", "x")])))
    with pytest.raises(ValueError, match="do not fit"):
        summarise(changes, old_rows=0, new_rows=1)


class _Rows:
    """Many rows made as they are asked for, so that only the comparison takes memory."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed

    def __iter__(self) -> Iterator[DatasetRow]:
        choice = random.Random(self._seed)
        for position in range(self._count):
            yield DatasetRow(position, Record(str(position), str(choice.getrandbits(32))))


def test_a_row_takes_some_tens_of_bytes() -> None:
    count = 6_000
    tracemalloc.start()
    kinds = Counter(each.kind for each in compare(_Rows(count, 1), _Rows(count, 2)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kinds == {"changed": count}
    # All rows differ, the worst there is: two tables, two distinct rows for each place.
    assert peak / count < 300
