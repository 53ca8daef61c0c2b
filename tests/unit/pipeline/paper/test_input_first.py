"""Stage 3a as the paper's code reads it: examples, each an input and then an output."""

import pytest

from tests.unit.pipeline.making import INSTRUCTION, asking, instance_stage, pairs, reasons, reply

OPTIONS = asking(profile="paper").options
STAGE = instance_stage("paper", "input_first")


def read(text: str) -> list[tuple[str, str]]:
    return pairs(STAGE.parse(reply(text), INSTRUCTION, OPTIONS))


@pytest.mark.parametrize(
    "mark", ["Example 2", "Example2.", "Example 2.", "Example", "Example\n22."]
)
def test_a_reply_is_split_at_example_and_a_number(mark: str) -> None:
    assert read(f"Example 1\nInput: a\nOutput: b\n{mark}\nInput: c\nOutput: d") == [
        ("a", "b"),
        ("c", "d"),
    ]


def test_without_example_an_output_marker_makes_one_instance() -> None:
    assert read("Input: a\nOutput: b") == [("a", "b")]


@pytest.mark.parametrize("marker", ["Output:", "Output 1:", "Output12 :", "Output  1  :"])
def test_the_output_marker_may_bear_a_number_and_spaces(marker: str) -> None:
    assert read(f"Input: a\n{marker} b") == [("a", "b")]


@pytest.mark.parametrize("text", ["A kind review.", "Input: a", "output: b", "Outputs: b", "", " "])
def test_without_example_and_output_there_is_no_instance(text: str) -> None:
    result = STAGE.parse(reply(text), INSTRUCTION, OPTIONS)

    assert pairs(result) == []
    assert reasons(result) == ["no_instance"]
    assert result.rejected[0].text == text


@pytest.mark.parametrize("marker", ["Input:", "Input 1:", "Input2 :", " Input  3  :"])
def test_a_leading_input_marker_is_cut(marker: str) -> None:
    assert read(f"Example 1\n{marker} a\nOutput: b") == [("a", "b")]


def test_an_input_needs_no_marker() -> None:
    assert read("The film was fine.\nOutput: kind") == [("The film was fine.", "kind")]


def test_an_input_marker_inside_an_input_stays() -> None:
    assert read("Press Input: here.\nOutput: b") == [("Press Input: here.", "b")]


def test_the_output_ends_at_a_following_input_marker() -> None:
    assert read("Input: a\nOutput: b\nInput 2: c\nOutput: d") == [("a", "b")]


def test_the_output_ends_at_a_following_output_marker() -> None:
    assert read("Input: a\nOutput: b\nOutput: d") == [("a", "b")]


def test_a_part_without_output_marker_is_all_output_with_an_empty_input() -> None:
    assert read("Example 1\nA kind review.\nExample 2\nA rude one.") == [
        ("", "A kind review."),
        ("", "A rude one."),
    ]


def test_a_part_without_output_marker_still_ends_at_an_input_marker() -> None:
    assert read("Example 1\nA kind review.\nInput: c") == [("", "A kind review.")]


def test_text_before_the_first_example_is_a_part_as_well() -> None:
    assert read("Here they are\nExample 1\nInput: a\nOutput: b") == [
        ("", "Here they are"),
        ("a", "b"),
    ]


def test_empty_parts_are_no_instances() -> None:
    result = STAGE.parse(reply("Example 1\n \nExample 2\nOutput: b"), INSTRUCTION, OPTIONS)

    assert pairs(result) == [("", "b")]
    assert reasons(result) == []


def test_example_inside_an_output_splits_it_which_is_a_known_fault() -> None:
    assert read("Input: a\nOutput: See Example 3 for more.") == [("a", "See"), ("", "for more.")]


def test_an_input_and_an_output_over_several_lines_are_kept_whole() -> None:
    assert read("Input: a\n\nb\nOutput: c\n\nd\n") == [("a\n\nb", "c\n\nd")]
