"""Both instance stages of the default profile: what is kept, and each reason something is not."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from app.pipeline.types import ReadInstances
from tests.unit.pipeline.making import INSTRUCTION, asking, instance_stage, pairs, reasons, reply

Pairs = Sequence[tuple[object, object]]
ORDERS = {"input_first": ("input", "output"), "output_first": ("output", "input")}
WAYS = [(stage, form) for stage in ORDERS for form in ("json", "tags")]


def written(way: tuple[str, str], instances: Pairs) -> str:
    """A reply as asked for, its fields in the stage's order."""
    stage, form = way
    named: list[dict[str, Any]] = [
        {name: dict(zip(("input", "output"), pair, strict=True))[name] for name in ORDERS[stage]}
        for pair in instances
    ]
    if form == "json":
        return json.dumps({"instances": named}, ensure_ascii=False)
    return "\n".join(f"<{n}>{value}</{n}>" for one in named for n, value in one.items())


def read_text(text: str, stage: str, finish_reason: str = "stop", most: int = 3) -> ReadInstances:
    options = asking(instances_per_instruction=most).options
    return instance_stage("default", stage).parse(reply(text, finish_reason), INSTRUCTION, options)


def read(way: tuple[str, str], instances: Pairs, most: int = 3) -> ReadInstances:
    return read_text(written(way, instances), way[0], most=most)


@pytest.fixture(params=WAYS, ids=["-".join(way) for way in WAYS])
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    stage, form = request.param
    return stage, form


@pytest.mark.parametrize(
    "output",
    [
        "See Example 3 for more.",
        "### Heading\nExample 1\nOutput: x\nInput: y",
        "Class label: kind\nMeet at 10:30.",
        "1. one\n16. sixteen, as in 16.",
        "Is 5 < 6 > 4? <b>Yes</b>",
        "I like NASA",
    ],
)
def test_an_output_may_hold_what_broke_the_originals(way: tuple[str, str], output: str) -> None:
    result = read(way, [("a", output), ("b", "c")])

    assert pairs(result) == [("a", output), ("b", "c")]
    assert reasons(result) == []


def test_an_input_may_hold_what_broke_the_originals(way: tuple[str, str]) -> None:
    text = "10:30\nInput: x\nOutput: y\n### Example 2"

    assert pairs(read(way, [(text, "c")])) == [(text, "c")]


@pytest.mark.parametrize(
    "nothing",
    ["", " ", "<noinput>", "No input", "no_input", "No-Input.", "(none)", "None", "N/A", "n/a.",
     "[empty]", "No input needed", "no input required."],
)  # fmt: skip
def test_every_way_to_say_no_input_is_an_empty_input(way: tuple[str, str], nothing: str) -> None:
    assert pairs(read(way, [(nothing, "c")])) == [("", "c")]


@pytest.mark.parametrize("something", ["None of it", "no input device", "empty box", "nano", "0"])
def test_an_input_that_only_begins_like_none_stays(way: tuple[str, str], something: str) -> None:
    assert pairs(read(way, [(something, "c")])) == [(something, "c")]


@pytest.mark.parametrize("output", ["", " \n"])
def test_an_empty_output_is_rejected(way: tuple[str, str], output: str) -> None:
    result = read(way, [("a", output), ("b", "c")])

    assert pairs(result) == [("b", "c")]
    assert reasons(result) == ["empty_output"]


def test_an_output_that_is_its_input_is_rejected(way: tuple[str, str]) -> None:
    assert reasons(read(way, [("same", "same")])) == ["echoes_input"]


def test_an_output_that_is_the_instruction_is_rejected(way: tuple[str, str]) -> None:
    assert reasons(read(way, [("a", INSTRUCTION)])) == ["echoes_instruction"]


def test_an_output_that_announces_and_stops_is_rejected(way: tuple[str, str]) -> None:
    assert reasons(read(way, [("a", "Here is the answer:")])) == ["ends_with_colon"]


def test_an_input_that_ends_with_a_colon_stays(way: tuple[str, str]) -> None:
    assert pairs(read(way, [("The next word is:", "c")])) == [("The next word is:", "c")]


def test_the_same_instance_again_is_rejected(way: tuple[str, str]) -> None:
    result = read(way, [("a", "b"), ("a", "b"), ("c", "b")])

    assert pairs(result) == [("a", "b"), ("c", "b")]
    assert reasons(result) == ["repeated"]


def test_a_second_answer_where_there_is_no_input_is_rejected(way: tuple[str, str]) -> None:
    result = read(way, [("", "one"), ("", "two"), ("None", "three")])

    assert pairs(result) == [("", "one")]
    assert reasons(result) == ["repeated", "repeated"]


def test_one_input_with_two_outputs_drops_all_instances(way: tuple[str, str]) -> None:
    result = read(way, [("a", "b"), ("c", "d"), ("a", "e")])

    assert pairs(result) == []
    assert reasons(result) == ["contradiction"] * 3


def test_a_contradiction_counts_beyond_the_number_asked_for(way: tuple[str, str]) -> None:
    result = read(way, [("a", "b"), ("c", "d"), ("a", "e")], most=2)

    assert (pairs(result), reasons(result)) == ([], ["contradiction"] * 3)


def test_more_than_asked_for_is_surplus(way: tuple[str, str]) -> None:
    result = read(way, [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")], most=2)

    assert pairs(result) == [("a", "1"), ("b", "2")]
    assert reasons(result) == ["surplus", "surplus"]


@pytest.mark.parametrize("text", ["", "I cannot do that.", "Input: a", '{"instances": []}'])
@pytest.mark.parametrize("stage", ORDERS)
def test_a_reply_without_an_instance_is_unreadable_and_kept(stage: str, text: str) -> None:
    result = read_text(text, stage)

    assert (pairs(result), reasons(result)) == ([], ["unreadable"])
    assert result.rejected[0].text == text


def test_a_reply_cut_off_keeps_its_whole_instances(way: tuple[str, str]) -> None:
    whole = written(way, [("a", "b"), ("c", "d")])
    begun = whole[: whole.rindex("c" if way[0] == "input_first" else "d") + 1]

    result = read_text(begun, way[0], "length")

    assert pairs(result) == [("a", "b")]
    assert reasons(result) == ["cut_off"]
    assert result.rejected[0].text == begun[-500:]


def test_a_rejected_instance_is_kept_as_text_with_its_input_and_output(
    way: tuple[str, str],
) -> None:
    assert read(way, [("ä", "ä")]).rejected[0].text == '{"input": "ä", "output": "ä"}'


@pytest.mark.parametrize("stage", ORDERS)
def test_json_values_that_are_no_text_become_text(stage: str) -> None:
    values: Pairs = [(7, 42), ([1, "é"], {"a": True}), (False, 1.5)]

    result = read((stage, "json"), values)

    assert pairs(result) == [("7", "42"), ('[1, "é"]', '{"a": true}'), ("false", "1.5")]


@pytest.mark.parametrize("stage", ORDERS)
def test_null_in_json_is_nothing_there(stage: str) -> None:
    result = read((stage, "json"), [(None, "c"), ("a", None)])

    assert pairs(result) == [("", "c")]
    assert reasons(result) == ["empty_output"]


@pytest.mark.parametrize("stage", ORDERS)
def test_items_in_json_that_are_no_objects_have_no_output(stage: str) -> None:
    result = read_text('{"instances": ["a", 1, [2], null, {"input": "a", "output": "b"}]}', stage)

    assert pairs(result) == [("a", "b")]
    assert reasons(result) == ["empty_output"] * 4


@pytest.mark.parametrize("stage", ORDERS)
def test_the_order_of_fields_in_json_does_not_matter(stage: str) -> None:
    text = '{"instances": [{"input": "a", "output": "b"}, {"output": "d", "input": "c"}]}'

    assert pairs(read_text(text, stage)) == [("a", "b"), ("c", "d")]


def test_tags_are_read_in_any_case_past_text_between_them() -> None:
    text = "Sure!\n<INPUT>a</input> gives <Output> b </OUTPUT>\n\nAnother: <output>c</output>"

    assert pairs(read_text(text, "input_first")) == [("a", "b"), ("", "c")]


def test_a_label_without_input_stands_for_itself_in_output_first() -> None:
    text = "<output>kind</output><output>rude</output><input>a</input>"

    assert pairs(read_text(text, "output_first")) == [("", "kind"), ("a", "rude")]


def test_inputs_written_first_in_output_first_are_not_paired_with_the_next_label() -> None:
    text = "<input>a</input><output>kind</output><input>b</input><output>rude</output>"

    assert pairs(read_text(text, "output_first")) == [("a", "kind"), ("b", "rude")]


@pytest.mark.parametrize("stage", ORDERS)
def test_the_schema_asks_for_the_fields_in_the_stages_order(stage: str) -> None:
    wanted = asking(json_schema=True, instances_per_instruction=4)
    prompt = instance_stage("default", stage).build_request(INSTRUCTION, wanted).prompt

    schema = getattr(prompt, "schema", None)

    assert schema is not None
    assert schema["properties"]["instances"]["maxItems"] == 4
    item = schema["properties"]["instances"]["items"]
    assert tuple(item["properties"]) == tuple(item["required"]) == ORDERS[stage]
