"""A megabyte of the worst kind is read to its right result, in time that grows with its length.

A pattern that reads a text again from each of its places would need hours for these.
"""

import pytest

from app.dataset_row import Record
from app.pipeline.types import Completion, ReadCandidates
from tests.unit.pipeline.making import (
    INSTRUCTION,
    asking,
    candidates,
    dropped,
    instance_stage,
    pairs,
    reasons,
    reply,
    review_stage,
    texts,
)

LENGTH = 1_000_000


def filled(piece: str, before: str = "", after: str = "", *, length: int = LENGTH) -> Completion:
    """A reply of a megabyte of `piece`, or of another length in characters."""
    return reply(before + piece * (length // len(piece)) + after)


def read(profile: str, completion: Completion) -> ReadCandidates:
    return candidates(profile, completion)


@pytest.mark.parametrize(
    "piece",
    ["1", "\u0661", "1.", "1.1. ", "4", " ", "\n", "*", "[", '"', "<", "Input 1 1 1 ", "\x00"],
)
@pytest.mark.parametrize("profile", ["paper", "default", "alpaca"])
def test_a_megabyte_of_nothing_is_no_instruction(profile: str, piece: str) -> None:
    result = read(profile, filled(piece))

    assert len(result.items) == 1
    assert len(texts(result)) == (1 if profile == "paper" else 0)


def test_a_megabyte_of_open_brackets_is_no_json_list() -> None:
    assert dropped(read("default", filled("[", '{"instructions": '))) == ["unreadable"]


def test_a_megabyte_of_one_json_string_never_closed_is_no_item() -> None:
    assert dropped(read("default", filled("a", '{"instructions": ["b b b b", "'))) == ["unreadable"]


@pytest.mark.parametrize(("item", "read_as"), [("[],", 1), ('"",', 200)])
def test_a_hundred_thousand_json_items_are_read_up_to_the_limit(item: str, read_as: int) -> None:
    result = read(
        "default", filled(item, '{"instructions": ["Count the vowels.",', "]}", length=300_000)
    )

    assert len(texts(result)) == read_as
    assert len(result.items) == 201
    assert dropped(result)[-1] == "too_many_items"


def test_a_megabyte_of_block_marks_is_that_many_unreadable_blocks() -> None:
    result = read("alpaca", filled("###"))

    assert set(dropped(result)) == {"unreadable"}
    assert len(result.items) == LENGTH // 3 + 1


def test_a_megabyte_of_blocks_with_their_numbers_is_read() -> None:
    blocks = [
        f" Count.\n{n}. Input:\n{n}\n{n}. Output:\n{n}\n###\n{n + 1}. Instruction:"
        for n in range(4, 20_004)
    ]

    result = read("alpaca", reply("".join(blocks)))

    assert texts(result) == ["Count."] * 20_000
    assert dropped(result) == ["unreadable"]


@pytest.mark.parametrize(
    "piece", ["<input>", "<output>", "<input><output>", "</input>", "<input></output>", "<INPUT><"]
)
@pytest.mark.parametrize("stage", ["input_first", "output_first"])
def test_a_megabyte_of_tags_never_closed_is_no_instance(stage: str, piece: str) -> None:
    options = asking().options

    result = instance_stage("default", stage).parse(filled(piece), INSTRUCTION, options)

    assert (pairs(result), reasons(result)) == ([], ["unreadable"])


def test_one_instance_is_found_behind_a_megabyte_of_tags_never_closed() -> None:
    completion = filled("<input>", after="<output>b</output>")

    result = instance_stage("default", "input_first").parse(
        completion, INSTRUCTION, asking().options
    )

    assert pairs(result) == [("", "b")]


@pytest.mark.parametrize("stage", ["input_first", "output_first"])
def test_thousands_of_default_instances_are_read_up_to_the_number_asked_for(stage: str) -> None:
    first, then = ("input", "output") if stage == "input_first" else ("output", "input")
    completion = reply(
        "".join(f"<{first}>{first} {n}</{first}><{then}>{then} {n}</{then}>" for n in range(5_000))
    )

    result = instance_stage("default", stage).parse(completion, INSTRUCTION, asking().options)

    assert pairs(result) == [(f"input {n}", f"output {n}") for n in range(3)]
    assert reasons(result) == ["surplus"] * 4_997


@pytest.mark.parametrize(
    ("before", "piece", "after"),
    [
        ("Output: b Input", " ", "x"),
        ("Output: b Input", "1", "x"),
        ("Output: b Input 1", " ", "1"),
        ("Output: b ", "Input 1 1 1 ", ""),
        ("Output: b Output", " ", "x"),
    ],
)
def test_a_megabyte_that_nearly_is_a_marker_is_text(before: str, piece: str, after: str) -> None:
    options = asking(profile="paper").options

    result = instance_stage("paper", "input_first").parse(
        filled(piece, before, after), INSTRUCTION, options
    )

    ((_, output),) = pairs(result)
    assert len(output) >= LENGTH - 20


@pytest.mark.parametrize(
    ("piece", "kept"),
    [
        ("Input: ", []),
        ("Output: ", []),
        ("Example ", []),
        ("Example 1 a ", [("", "a")]),
        ("1", []),
    ],
)
def test_a_megabyte_of_paper_markers_is_read(piece: str, kept: list[tuple[str, str]]) -> None:
    options = asking(profile="paper").options

    result = instance_stage("paper", "input_first").parse(filled(piece), INSTRUCTION, options)

    assert pairs(result) == kept


@pytest.mark.parametrize(
    ("stage", "written"),
    [
        ("input_first", "Example 1\nInput: a{0}\nOutput: b{0}\n"),
        ("output_first", "Class label: b{0}\na{0}\n"),
    ],
)
def test_a_megabyte_of_different_paper_instances_is_read(stage: str, written: str) -> None:
    options = asking(profile="paper", instances_per_instruction=5).options
    completion = reply("".join(written.format(n) for n in range(25_000)))

    result = instance_stage("paper", stage).parse(completion, INSTRUCTION, options)

    assert pairs(result) == [(f"a{n}", f"b{n}") for n in range(5)]
    assert reasons(result) == ["surplus"] * 24_995


@pytest.mark.parametrize(
    "piece",
    [
        "{", '{"score": ', '{"a":', "[", "<score>", "<reason>", "<score></reason>", "</score>", "<",
        "score", "score: ", "score score score ", "Score 12345678901", "score\n\n", "1/", " ", '"',
    ],
)  # fmt: skip
def test_a_megabyte_of_half_a_verdict_is_no_verdict(piece: str) -> None:
    options = asking(profile="judge").options

    result = review_stage("judge").parse(filled(piece), Record(INSTRUCTION, "old"), options)

    assert (result.output, result.is_readable) == (None, False)


def test_a_score_is_found_behind_a_megabyte_of_tags_never_closed() -> None:
    completion = filled("<reason>", after="<score>5</score>")
    options = asking(profile="judge").options

    result = review_stage("judge").parse(completion, Record(INSTRUCTION, "old"), options)

    assert result.output == "old"
