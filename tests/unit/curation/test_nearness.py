from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.filter import Dropped
from app.curation.nearness import NEARNESS_REASONS, Nearness, Repeat
from app.curation.options import NearnessOptions
from app.dataset_row import DatasetRow, Exchange, Record
from tests.rouge_reference import Reference

TEXTS = st.lists(st.sampled_from(["red", "blue", "green", "old", "new"]), max_size=6).map(" ".join)


def rows(*records: Record) -> list[DatasetRow]:
    return [DatasetRow(position, record) for position, record in enumerate(records)]


def test_an_equal_row_is_an_exact_repeat_of_the_first() -> None:
    nearness = Nearness(NearnessOptions())
    record = Record("Name a sea.", "Baltic")
    answers = [nearness.check(row) for row in rows(record, Record("Name a lake.", "Como"), record)]
    assert answers == [None, None, Repeat("exact_repeat", None, 0, 1.0)]


def test_a_row_that_differs_in_any_text_is_no_exact_repeat() -> None:
    nearness = Nearness(NearnessOptions())
    record = Record("Name a sea.", "Baltic")
    others = rows(
        record,
        Record("Name a sea.", "Red"),
        Record("Name a sea.", "Baltic", "x"),
        Record("Name a sea.", "Baltic", system="x"),
        Record("Name a sea.", "Baltic", history=(Exchange("a", "b"),)),
    )
    assert [nearness.check(row) for row in others] == [None] * 5


def test_exact_repeats_stay_if_wanted() -> None:
    nearness = Nearness(NearnessOptions(exact_repeats=False))
    record = Record("Name a sea.", "Baltic")
    assert [nearness.check(row) for row in rows(record, record)] == [None, None]


def test_a_row_near_a_given_data_set_names_its_neighbour() -> None:
    nearness = Nearness(NearnessOptions())
    nearness.keep_away_from("first", ["Name three seas of Europe.", "Boil an egg."])
    nearness.keep_away_from("empty", [])
    nearness.keep_away_from("second", ["Fry an onion.", "Tell me about the moon and its phases."])
    near, far = rows(
        Record("Tell me about the moon and its craters.", "It is grey."),
        Record("Sing a song.", "La la"),
    )
    found = nearness.check(near)
    score = Reference().score(
        "Tell me about the moon and its phases.", "Tell me about the moon and its craters."
    )
    assert found == Repeat("near_duplicate", "second", 1, score)
    assert nearness.check(far) is None


def test_a_near_row_of_this_data_set_is_dropped_only_if_wanted() -> None:
    pair = rows(Record("Name three large seas.", "a"), Record("Name three large seas!", "b"))
    within, without = Nearness(NearnessOptions(within=True)), Nearness(NearnessOptions())
    assert [without.check(row) for row in pair] == [None, None]
    assert [within.check(row) for row in pair] == [None, Repeat("near_duplicate", None, 0, 1.0)]


def test_positions_are_those_of_the_rows_not_of_those_that_stay() -> None:
    nearness = Nearness(NearnessOptions(within=True))
    record = Record("Name three large seas.", "a")
    nearness.check(DatasetRow(10, record))
    nearness.check(DatasetRow(11, record))
    nearness.check(DatasetRow(12, Record("Boil an egg for me.", "b")))
    assert nearness.check(DatasetRow(13, Record("Boil an egg for me!", "c"))) == Repeat(
        "near_duplicate", None, 12, 1.0
    )


def test_a_repeat_is_reported_as_a_filter_reports_it() -> None:
    assert Repeat("near_duplicate", "ds_1", 4, 0.75).dropped == Dropped(
        "near_duplicate", "0.750 to row 4 of ds_1"
    )
    assert Repeat("exact_repeat", None, 4, 1.0).dropped.reason in NEARNESS_REASONS


@given(st.lists(TEXTS, max_size=12), st.lists(TEXTS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_rows_stay_as_rouge_score_decides(texts: list[str], known: list[str]) -> None:
    nearness, judge = Nearness(NearnessOptions(within=True, exact_repeats=False)), Reference()
    nearness.keep_away_from("known", known)
    kept: list[str] = []
    for position, text in enumerate(texts):
        stays = nearness.check(DatasetRow(position, Record(text, str(position)))) is None
        assert stays == (judge.nearest([*known, *kept], text) is None)
        if stays:
            kept.append(text)
