"""The numbers of a data set against counts made by hand and by slower ways."""

import gzip
import json
import math
import os
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.dataset_row import DatasetRow, Exchange, Record
from app.statistics.collector import StatisticsCollector, statistics_of
from app.statistics.rules import RuleFinder
from app.statistics.schema import LabelDistribution, Statistics


def _row(position: int, instruction: str, output: str = "Yes", **more: Any) -> DatasetRow:
    names = ("input", "history", "is_classification")
    fields = {name: more.pop(name) for name in names if name in more}
    record = Record(instruction, output, **fields)
    return DatasetRow(position, record, **more)


ROWS = [
    _row(0, "Name a river.", "The Rhine flows north.", is_classification=False),
    _row(1, "Is it a fish?", "Yes.", input="a cod", is_classification=True),
    _row(2, "Is it a fish?", "no", input="a cow that swims", is_classification=True),
    _row(3, "Is it a fish?", " NO ", input="a bat", is_classification=True, split="test"),
    _row(4, "Sort these.", "", input=" \n", changes=("no_input",)),
    _row(5, "And then?", "The end.", history=(Exchange("Tell a story.", "Once ..."),)),
]


def test_the_paper_s_table_is_counted() -> None:
    found = statistics_of(ROWS)
    assert (found.rows, found.instructions) == (6, 4)
    assert (found.classification, found.not_classification, found.unknown_class) == (1, 1, 2)
    assert (found.with_input, found.empty_input, found.input_share) == (3, 3, 0.5)
    assert (found.empty_output, found.chats) == (1, 1)
    assert (found.splits, found.mended) == ({"train": 5, "test": 1}, {"no_input": 1})
    assert found.instruction_words.mean == (3 + 4 + 2 + 2) / 4
    assert found.input_words.mean == (2 + 4 + 2) / 3
    assert found.output_words.mean == (4 + 1 + 1 + 1 + 0 + 2) / 6


def test_an_empty_data_set_has_no_means_and_no_shares() -> None:
    found = statistics_of([], RuleFinder())
    assert found.rows == 0
    assert found.input_share is None
    assert found.output_words.mean is None
    assert found.output_words.bins == []
    assert found.verbs.covered_share is None
    assert found.labels.all_rows.whole.entropy_bits is None
    assert found.labels.all_rows.within.mean_evenness is None
    assert found.seed_similarity.mean is None


def test_the_class_comes_from_whichever_row_knows_it() -> None:
    rows = [_row(0, "Is it?"), _row(1, "Is it?", is_classification=True), _row(2, "Is it?")]
    assert statistics_of(rows).classification == statistics_of(reversed(rows)).classification == 1


def test_length_bins_have_no_gap_and_lose_no_text() -> None:
    choice = random.Random(5)
    lengths = [int(choice.random() ** 3 * 6_000) for _ in range(400)]
    found = statistics_of(_row(i, f"w{i}", "x " * n) for i, n in enumerate(lengths)).output_words
    assert found.bins[0].low == 0
    for before, after in zip(found.bins, found.bins[1:], strict=False):
        assert before.high is not None
        assert after.low == before.high + 1
    for each in found.bins:
        high = each.high if each.high is not None else math.inf
        assert each.count == sum(each.low <= n <= high for n in lengths)
    assert found.count == sum(each.count for each in found.bins) == 400
    assert found.longest == max(lengths)
    assert found.median == sorted(lengths)[199]
    assert found.p95 == sorted(lengths)[379]


def test_length_bins_begin_at_fixed_lengths() -> None:
    edges = [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024]
    edges += [1448, 2048, 2896, 4096]
    found = statistics_of([_row(0, "w", "x " * 5_000), _row(1, "w", "x")]).output_words.bins
    assert [each.low for each in found] == edges
    assert found[-1].high is None
    shorter = statistics_of([_row(0, "w", "x " * 7)]).output_words.bins
    assert [(each.low, each.high) for each in shorter][-2:] == [(4, 5), (6, 7)]


def test_two_labels_have_a_balance() -> None:
    def whole(labels: str) -> LabelDistribution:
        rows = [_row(i, "q", label, is_classification=True) for i, label in enumerate(labels)]
        return statistics_of(rows).labels.all_rows.whole

    assert (whole("ab").entropy_bits, whole("ab").evenness) == (1, 1)
    assert whole("aaab").evenness == pytest.approx(_entropy(list("aaab")))
    assert (whole("aa").entropy_bits, whole("aa").evenness, whole("").evenness) == (0, 0, None)


def test_only_the_first_200_characters_tell_labels_apart_and_twelve_are_listed() -> None:
    outputs = ["x" * 200 + "a", "x" * 200 + "b", "x" * 199 + "y", *(f"l{i}" for i in range(12))]
    rows = [_row(i, "q", output, is_classification=True) for i, output in enumerate(outputs)]
    whole = statistics_of(rows).labels.all_rows.whole
    assert whole.distinct == 14
    assert [each.text for each in whole.top] == ["x" * 200, "x" * 199 + "y"] + [
        f"l{i}" for i in range(10)
    ]
    assert whole.undercounted_by == 0


def _entropy(labels: list[str]) -> float:
    shares = [n / len(labels) for n in Counter(labels).values()]
    return sum(share * math.log2(1 / share) for share in shares)


def test_label_balance_equals_the_plain_computation() -> None:
    choice = random.Random(8)
    made = [(f"Question {choice.randrange(30)}?", choice.choice("aaabbc")) for _ in range(200)]
    found = statistics_of(
        _row(i, q, a, is_classification=True) for i, (q, a) in enumerate(made)
    ).labels
    by_instruction: dict[str, list[str]] = {}
    for question, answer in made:
        by_instruction.setdefault(question, []).append(answer)
    several = [labels for labels in by_instruction.values() if len(labels) >= 2]
    evenness = [
        _entropy(labels) / math.log2(len(set(labels))) if len(set(labels)) > 1 else 0.0
        for labels in several
    ]
    within, whole = found.all_rows.within, found.all_rows.whole
    assert within.instructions == len(several)
    assert within.one_label_only == sum(len(set(labels)) == 1 for labels in several)
    assert within.mean_evenness == pytest.approx(sum(evenness) / len(evenness))
    shares = [max(Counter(labels).values()) / len(labels) for labels in several]
    assert within.mean_commonest_share == pytest.approx(sum(shares) / len(shares))
    assert sum(each.count for each in within.evenness) == len(several)
    assert whole.entropy_bits == pytest.approx(_entropy([answer for _, answer in made]))
    assert {each.text: each.count for each in whole.top} == Counter(a for _, a in made)


def test_labels_are_equal_without_regard_to_case_space_and_full_stop() -> None:
    top = statistics_of(ROWS).labels.all_rows.whole.top
    assert [(each.text, each.count) for each in top] == [("no", 2), ("yes", 1)]


def test_output_first_stands_against_input_first() -> None:
    def made(way: str | None, labels: str, first: int) -> list[DatasetRow]:
        origin = {"instance_mode": way} if way else {}
        return [
            _row(first + i, f"{way}?", label, is_classification=True, origin=origin)
            for i, label in enumerate(labels)
        ]

    rows = made("output_first", "abab", 0) + made("input_first", "aaaa", 4) + made(None, "b", 8)
    labels = statistics_of(rows).labels
    assert labels.output_first.within.mean_evenness == pytest.approx(1.0)
    assert labels.input_first.within.mean_evenness == 0.0
    assert labels.input_first.within.one_label_only == 1
    assert labels.output_first.whole.top[0].count == 2
    assert (labels.all_rows.whole.rows, labels.way_unknown) == (9, 1)


def test_rows_that_are_no_classification_have_no_labels() -> None:
    rows = [_row(0, "Why?", is_classification=False), _row(1, "Why?", is_classification=None)]
    assert statistics_of(rows).labels.all_rows.whole.rows == 0


def test_scores_to_seeds_go_into_ten_bins_and_unknown_ones_aside() -> None:
    counting = StatisticsCollector()
    for position, score in enumerate([0.0, 0.05, 0.7, 0.7000000000000001, 0.6999, 1.0, None]):
        counting.add(_row(position, f"i{position}"), score)
    found = counting.statistics().seed_similarity
    assert [each.count for each in found.bins] == [2, 0, 0, 0, 0, 0, 1, 2, 0, 1]
    assert (found.scored, found.unknown) == (6, 1)


def test_verbs_are_counted_over_distinct_instructions() -> None:
    texts = ["Write a poem.", "Write a poem.", "Write the story.", "Name a river.", "Why?"]
    found = statistics_of((_row(i, text) for i, text in enumerate(texts)), RuleFinder()).verbs
    assert (found.method, found.looked_at, found.found) == ("rules", 4, 3)
    assert [(each.verb, each.count) for each in found.verbs] == [("write", 2), ("name", 1)]
    assert [noun.text for noun in found.verbs[0].nouns] == ["poem", "story"]
    assert (found.covered, found.covered_share) == (3, 0.75)


def test_only_twenty_verbs_with_four_nouns_are_listed_and_cover_less_than_all() -> None:
    verbs = ["write", "name", "list", "sort", "find", "make", "give", "edit", "fix", "pick", "plan"]
    verbs += [
        "show",
        "solve",
        "state",
        "tell",
        "trace",
        "try",
        "turn",
        "use",
        "verify",
        "rank",
        "rate",
    ]
    nouns = ["poem", "river", "story", "word", "list", "song"]
    texts = [f"{verb} the {noun}" for verb in verbs for noun in nouns]
    found = statistics_of((_row(i, text) for i, text in enumerate(texts)), RuleFinder()).verbs
    assert (len(found.verbs), {len(each.nouns) for each in found.verbs}) == (20, {4})
    assert (found.found, found.covered) == (22 * 6, 20 * 4)
    assert (found.distinct_verbs, found.distinct_pairs) == (22, 22 * 6)


def test_without_a_finder_nothing_is_looked_at() -> None:
    found = statistics_of(ROWS).verbs
    assert (found.method, found.looked_at, found.covered_share) == ("none", 0, None)


def test_the_statistics_are_json_and_read_back_equal() -> None:
    found = statistics_of(ROWS, RuleFinder())
    assert Statistics.model_validate_json(found.model_dump_json()) == found


def test_every_field_is_described_or_speaks_for_itself() -> None:
    described = Statistics.model_json_schema()["properties"]
    assert described["instructions"]["description"].startswith("Distinct instructions")


def test_lone_surrogates_and_control_characters_are_counted_like_any_text() -> None:
    rows = [_row(0, "\ud800 a", "\x00", is_classification=True), _row(1, "\x85", "\ud800")]
    assert statistics_of(rows, RuleFinder()).rows == 2


def _synthetic(size: int) -> Iterator[DatasetRow]:
    for i in range(size):
        instruction = f"Write the number {i} as a word."
        labelled = i % 4 == 0
        yield _row(i, instruction, "yes" if i % 8 else "no", is_classification=labelled)


@pytest.mark.parametrize("size", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_memory_is_bounded_by_distinct_instructions(size: int) -> None:
    tracemalloc.start()
    try:
        found = statistics_of(_synthetic(size), RuleFinder() if size < 100_000 else None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.rows, found.instructions, found.classification) == (size, size, size // 4)
    assert found.labels.all_rows.whole.rows == size // 4
    assert peak <= 5_000_000 + 160 * size


@pytest.mark.slow
def test_the_published_figures_of_alpaca_are_found_in_its_file() -> None:
    named = os.environ.get("SEEDBED_POOL_FILE")
    if named is None or "alpaca" not in Path(named).name:
        pytest.skip("SEEDBED_POOL_FILE names no Alpaca file")
    with gzip.open(named, "rt", encoding="utf-8") as lines:
        rows = (
            _row(i, columns["instruction"], columns["output"], input=columns["input"])
            for i, columns in enumerate(map(json.loads, lines))
        )
        found = statistics_of(rows, RuleFinder())
    assert (found.rows, found.with_input, found.empty_output) == (52_002, 20_679, 28)
    assert found.unknown_class == found.instructions == 52_002
    assert found.verbs.found > 35_000
