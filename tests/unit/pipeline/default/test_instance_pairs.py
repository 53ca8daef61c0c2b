"""Pairs of input and output are read in JSON, in tags and behind labels, however they are left."""

import pytest

from tests.unit.pipeline.making import INSTRUCTION, asking, instance_stage, pairs, reasons, reply


@pytest.mark.parametrize(
    ("text", "read_as", "stage"),
    [
        ("Input: a\nOutput: b", [("a", "b")], "input_first"),
        ("**Input:** a\n**Output:** b", [("a", "b")], "input_first"),
        (
            "Example 1\nInput: a\nOutput: b\n\nExample 2\nInput: c\nOutput: d",
            [("a", "b"), ("c", "d")],
            "input_first",
        ),
        (
            "## Example 1:\nInput: a\n**Output**: b\n\n---\n## Example 2\nInput: c\n**Output**: d",
            [("a", "b"), ("c", "d")],
            "input_first",
        ),
        (
            "1. Input: a\n   Output: b\n2. Input: c\n   Output: d",
            [("a", "b"), ("c", "d")],
            "input_first",
        ),
        ("Input 1: a\nOutput 1: b", [("a", "b")], "input_first"),
        ("Input:\na\n\nOutput:\nb\n\nLet me know if you'd like more!", [("a", "b")], "input_first"),
        ("Output: b", [("", "b")], "input_first"),
        ("Input: a\nAnswer: b", [("a", "b")], "input_first"),
        ("<input>a</input>\n<output>b", [("a", "b")], "input_first"),
        ("<input>a\n<output>b</output>", [("a", "b")], "input_first"),
        ("<input>a\n<output>b\n<input>c\n<output>d", [("a", "b"), ("c", "d")], "input_first"),
        ("<INPUT>a</INPUT><OUTPUT>b</OUTPUT>", [("a", "b")], "input_first"),
        ("```xml\n<input>a</input>\n<output>b</output>\n```", [("a", "b")], "input_first"),
        ("```\n<input>a</input>\n<output>b\n```", [("a", "b")], "input_first"),
        ("<input>a</input>\n<output>b</outp", [("a", "b")], "input_first"),
        (
            "<example>\n<input>a</input>\n<output>b</output>\n</example>",
            [("a", "b")],
            "input_first",
        ),
        ('{"instances": [{"input": "a", "output": "b",},],}', [("a", "b")], "input_first"),
        ('[{"input": "a", "output": "b"}]', [("a", "b")], "input_first"),
        ('{"input": "a", "output": "b"}', [("a", "b")], "input_first"),
        (
            '{"input": "a", "output": "b"}\n{"input": "c", "output": "d"}',
            [("a", "b"), ("c", "d")],
            "input_first",
        ),
        ("{'instances': [{'input': 'a', 'output': 'b'}]}", [("a", "b")], "input_first"),
        ('{"examples": [{"Input": "a", "Output": "b"}]}', [("a", "b")], "input_first"),
        ('{"example_1": {"input": "a", "output": "b"}}', [("a", "b")], "input_first"),
        (
            '<input></input><output>{"instances": [{"input": "x", "output": "y"}]}</output>',
            [("", '{"instances": [{"input": "x", "output": "y"}]}')],
            "input_first",
        ),
        (
            "<input>a</input><output><think>hm</think>b<|im_end|></output>",
            [("a", "b")],
            "input_first",
        ),
        (
            "<input>a</input>\n<output>Input: x\nOutput: y</output>",
            [("a", "Input: x\nOutput: y")],
            "input_first",
        ),
        ("<output>b</output><input>a", [("a", "b")], "output_first"),
        ("Output: b\nInput: a", [("a", "b")], "output_first"),
        ("Class label: b\nInput: a", [("a", "b")], "output_first"),
    ],
)
def test_a_pair_is_read_in_every_usual_form(
    text: str, read_as: list[tuple[str, str]], stage: str
) -> None:
    read = instance_stage("default", stage).parse(reply(text), INSTRUCTION, asking().options)

    assert (pairs(read), reasons(read)) == (read_as, [])


@pytest.mark.parametrize(
    "text", ["<input>a</input>\n<output>b", '{"instances": [{"input": "a", "output": "b']
)
def test_an_output_that_was_cut_off_is_not_read(text: str) -> None:
    options = asking().options

    read = instance_stage("default", "input_first").parse(
        reply(text, "length"), INSTRUCTION, options
    )

    assert (pairs(read), reasons(read)) == ([], ["cut_off"])
