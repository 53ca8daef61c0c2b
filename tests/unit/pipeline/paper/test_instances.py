"""What both instance stages of the paper's code drop, by either way of writing a reply."""

from collections.abc import Sequence

import pytest

from app.pipeline.types import ReadInstances
from tests.unit.pipeline.making import INSTRUCTION, asking, instance_stage, pairs, reasons, reply

Pairs = Sequence[tuple[str, str]]


def written(stage: str, instances: Pairs) -> str:
    if stage == "output_first":
        return "".join(f"Class label: {output}\n{text}\n\n" for text, output in instances)
    return "".join(
        f"Example {n}\nInput: {text}\nOutput: {output}\n\n"
        for n, (text, output) in enumerate(instances, start=1)
    )


def read(
    stage: str, instances: Pairs, finish_reason: str = "stop", most: int | None = None
) -> ReadInstances:
    options = asking(profile="paper", instances_per_instruction=most).options
    answer = reply(written(stage, instances), finish_reason)
    return instance_stage("paper", stage).parse(answer, INSTRUCTION, options)


@pytest.fixture(params=["input_first", "output_first"])
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_last_instance_goes_when_the_reply_is_cut_off(stage: str) -> None:
    result = read(stage, [("a", "b"), ("c", "d")], "length")

    assert pairs(result) == [("a", "b")]
    assert reasons(result) == ["cut_off"]


def test_the_only_instance_goes_when_the_reply_is_cut_off(stage: str) -> None:
    result = read(stage, [("a", "b")], "length")

    assert (pairs(result), reasons(result)) == ([], ["cut_off"])


def test_an_input_that_equals_its_output_is_dropped(stage: str) -> None:
    result = read(stage, [("a", "a"), ("c", "d")])

    assert pairs(result) == [("c", "d")]
    assert reasons(result) == ["echoes_input"]


def test_an_empty_output_is_dropped() -> None:
    result = read("input_first", [("a", ""), ("c", "d")])

    assert pairs(result) == [("c", "d")]
    assert reasons(result) == ["empty_output"]


def test_an_empty_class_label_is_dropped() -> None:
    options = asking(profile="paper").options
    text = "Class label:\n\nClass label: rude\nA waste."

    result = instance_stage("paper", "output_first").parse(reply(text), INSTRUCTION, options)

    assert pairs(result) == [("A waste.", "rude")]
    assert reasons(result) == ["echoes_input"]


@pytest.mark.parametrize("instance", [("a:", "b"), ("a", "b:"), ("a :", "b")])
def test_a_colon_at_the_end_of_input_or_output_is_dropped(
    stage: str, instance: tuple[str, str]
) -> None:
    result = read(stage, [instance, ("c", "d")])

    assert pairs(result) == [("c", "d")]
    assert reasons(result) == ["ends_with_colon"]


def test_a_colon_elsewhere_stays(stage: str) -> None:
    assert pairs(read(stage, [("at 10:30", "x: y")])) == [("at 10:30", "x: y")]


def test_one_input_with_two_outputs_drops_all_instances_of_the_task(stage: str) -> None:
    result = read(stage, [("a", "b"), ("c", "d"), ("a", "e")])

    assert pairs(result) == []
    assert reasons(result) == ["contradiction"] * 3


def test_an_empty_input_with_two_outputs_is_no_contradiction() -> None:
    options = asking(profile="paper").options
    text = "Example 1\nA kind one.\nExample 2\nA rude one."

    result = instance_stage("paper", "input_first").parse(reply(text), INSTRUCTION, options)

    assert pairs(result) == [("", "A kind one."), ("", "A rude one.")]


def test_a_dropped_instance_contradicts_nothing(stage: str) -> None:
    result = read(stage, [("a", "b"), ("a", "c:")])

    assert pairs(result) == [("a", "b")]
    assert reasons(result) == ["ends_with_colon"]


def test_an_instance_that_was_cut_off_contradicts_nothing(stage: str) -> None:
    assert pairs(read(stage, [("a", "b"), ("a", "c")], "length")) == [("a", "b")]


def test_a_contradiction_counts_before_the_limit_does(stage: str) -> None:
    instances = [(f"text {n}", "b") for n in range(5)] + [("text 0", "c")]

    assert pairs(read(stage, instances)) == []


def test_exact_repeats_go_but_for_the_first(stage: str) -> None:
    result = read(stage, [("a", "b"), ("c", "d"), ("a", "b")])

    assert pairs(result) == [("a", "b"), ("c", "d")]
    assert reasons(result) == ["repeated"]


@pytest.mark.parametrize(("asked", "kept"), [(None, 5), (1, 1), (4, 4), (5, 5), (20, 5)])
def test_the_first_five_are_kept_and_never_more(stage: str, asked: int | None, kept: int) -> None:
    instances = [(f"text {n}", f"label {n}") for n in range(7)]

    result = read(stage, instances, most=asked)

    assert pairs(result) == instances[:kept]
    assert reasons(result) == ["surplus"] * (7 - kept)


def test_a_dropped_instance_is_kept_as_text_with_its_input_and_output() -> None:
    assert read("input_first", [("ä", "ä")]).rejected[0].text == '{"input": "ä", "output": "ä"}'
