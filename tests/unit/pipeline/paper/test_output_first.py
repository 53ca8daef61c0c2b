"""Stage 3b as the paper's code reads it: after each class label its input."""

import pytest

from tests.unit.pipeline.making import INSTRUCTION, asking, instance_stage, pairs, reasons, reply

OPTIONS = asking(profile="paper").options
STAGE = instance_stage("paper", "output_first")


def read(text: str) -> list[tuple[str, str]]:
    return pairs(STAGE.parse(reply(text), INSTRUCTION, OPTIONS))


@pytest.mark.parametrize(
    "text", ["kind\nA fine film.", "class label: kind", "Class label kind", ""]
)
def test_without_a_class_label_there_is_no_instance(text: str) -> None:
    result = STAGE.parse(reply(text), INSTRUCTION, OPTIONS)

    assert pairs(result) == []
    assert reasons(result) == ["no_instance"]
    assert result.rejected[0].text == text


def test_the_first_line_is_the_output_and_the_rest_the_input() -> None:
    assert read("Class label: kind\nA fine film.\nI wept.\n\nClass label: rude\nA waste.") == [
        ("A fine film.\nI wept.", "kind"),
        ("A waste.", "rude"),
    ]


def test_a_label_alone_has_an_empty_input() -> None:
    assert read("Class label: kind") == [("", "kind")]


def test_a_label_may_stand_on_the_line_after_its_marker() -> None:
    assert read("Class label:\n kind \nA fine film.") == [("A fine film.", "kind")]


def test_text_before_the_first_label_is_left_out() -> None:
    assert read("Here they are\nClass label: kind\nA fine film.") == [("A fine film.", "kind")]


def test_example_and_output_mean_nothing_after_a_label() -> None:
    assert read("Class label: kind\nExample 1\nOutput: fine") == [
        ("Example 1\nOutput: fine", "kind")
    ]
