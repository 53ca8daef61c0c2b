"""Pairs of input and output in JSON, tables, tags and behind labels, however models leave them."""

import json
from pathlib import Path

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


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("Input: a\nOutput: b\nExplanation: a is b.\n\nInput: c\nOutput: d", "ab cd"),
        ("**Input:** a\n**Output:** b\n\n**Explanation:** Both are clear.", "ab"),
        ("Input: a\nOutput: b\n\n*Note: a simple example.*", "ab"),
        ("Input: N/A\nOutput: b\n\n(Note: no input was needed.)", " b"),
        ("#### Input\na\n\n#### Output\nb\n\n---\n\nI hope these examples help you.", "ab"),
        ("Input: a\nOutput: b\n\n---\n\nThese two examples show both labels.", "ab"),
        ("Example 1: A\nInput: a\nOutput: b\n\nExample 2: B\nInput: c\nOutput: d", "ab cd"),
        ("1) Kind\nInput: a\nOutput: b\n\n2) Unkind\nInput: c\nOutput: d", "ab cd"),
        ("**Case 1: A**\nInput: a\nOutput: b\n\n**Case 2: B**\nInput: c\nOutput: d", "ab cd"),
        ("Task: T.\nInput: a\nOutput: b\n\nTask: T.\nInput: c\nOutput: d", "ab cd"),
        ('- **Input**: "a"\n- **Output**: "b"', "ab"),
        ("Input:\n```\na\n```\nOutput:\n```\nb\n```", "ab"),
        ("Eingabe: a\nAusgabe: b", "ab"),
        ("**Input: a**\n**Output: b**", "ab"),
        ("**Input**\n\na\n\n**Output**\n\nb", "ab"),
        ("<input>Input: a</input>\n<output>Output: b</output>", "ab"),
        ('{"input": "<input>a</input>", "output": "<output>b</output>"}', "ab"),
        ("<input>[text]</input>\n<output>[label]</output>", ""),
        (
            "\u8f93\u5165\uff1aa\n\u8f93\u51fa\uff1ab\n\n\u5e0c\u671b\u8fd9\u4e9b\u4f8b\u5b50\u5bf9\u60a8\u6709\u5e2e\u52a9",
            "ab",
        ),
        ("\u0412\u0445\u043e\u0434: a\n\u0412\u044b\u0445\u043e\u0434: b", "ab"),
        ("\u0627\u0644\u0645\u062f\u062e\u0644: a\n\u0627\u0644\u0645\u062e\u0631\u062c: b", "ab"),
    ],
)
def test_what_is_around_a_pair_is_no_part_of_it(text: str, read_as: str) -> None:
    read = instance_stage("default", "input_first").parse(
        reply(text), INSTRUCTION, asking().options
    )

    assert [(one.input or " ") + one.output for one in read.kept] == (
        [read_as] if read_as == " b" else read_as.split()
    )


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ("Write a letter to Tom.", "Dear Tom,\n\nI hope you are well!"),
        ("Choose one and explain why.", "b\nExplanation: It is larger."),
        ("List three cities.", "1. Rome\n\n2. Oslo\n\n3. Paris"),
        ("Write a task list.", "Task: pack bags\nTask: buy tickets"),
        ("Write a recipe.", "Mix it.\n\nNote: serve it cold."),
    ],
)
def test_what_an_output_says_itself_stays(instruction: str, text: str) -> None:
    whole = f"Input: a\nOutput: {text}"

    read = instance_stage("default", "input_first").parse(
        reply(whole), instruction, asking().options
    )

    assert pairs(read) == [("a", text)]


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("input_first", "Input: a\nOutput: b\n\nInput: c\nOutput: the begi"),
        ("output_first", "Output: b\nInput: a\n\nOutput: d\nInput: the begi"),
        ("output_first", "<output>b</output>\n<input>a</input>\n<output>d</output>\n<input>beg"),
    ],
)
def test_a_pair_that_was_cut_off_is_left_out(stage: str, text: str) -> None:
    options = asking().options

    read = instance_stage("default", stage).parse(reply(text, "length"), INSTRUCTION, options)

    assert (pairs(read), reasons(read)) == ([("a", "b")], ["cut_off"])


@pytest.mark.parametrize(
    "text",
    ["-", "No input required for this task.", "N/A (the task is complete)", "无", "Keine Eingabe",
     "*None*", "no additional input needed"],
)  # fmt: skip
def test_words_for_no_input_are_no_input(text: str) -> None:
    whole = f"<input>{text}</input><output>b</output>"

    read = instance_stage("default", "input_first").parse(
        reply(whole), INSTRUCTION, asking().options
    )

    assert pairs(read) == [("", "b")]


@pytest.mark.parametrize("text", ["(a remark)", "--", "No input device found", "нет", "* a"])
def test_other_words_are_an_input(text: str) -> None:
    whole = f"<input>{text}</input><output>b</output>"

    read = instance_stage("default", "input_first").parse(
        reply(whole), INSTRUCTION, asking().options
    )

    assert pairs(read) == [(text, "b")]


def test_a_last_line_like_a_title_stays_where_the_first_pair_has_none() -> None:
    text = "Input: a\nOutput: Task: x\nTask: y\n\nInput: b\nOutput: Task: z"

    read = instance_stage("default", "input_first").parse(reply(text), "List it.", asking().options)

    assert pairs(read) == [("a", "Task: x\nTask: y"), ("b", "Task: z")]


CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("pairs.jsonl").read_text("utf-8").splitlines()
]


def test_every_form_that_models_write_is_read_or_unreadable() -> None:
    for text, read_as, dropped, stage, finish_reason, instruction in CASES:
        completion = reply(text, finish_reason)

        read = instance_stage("default", stage).parse(completion, instruction, asking().options)

        found = ([list(pair) for pair in pairs(read)], reasons(read))
        assert found == (read_as, dropped), text


FIRST = ("The food was great, thank you.", "Kind")
SECOND = ("What a waste of an evening.", "Not kind")
FURTHER_FORMS = (
    "{roman}. Input: {i}\n   Output: {o}",
    "{n}\ufe0f\u20e3 Input: {i}\nOutput: {o}",
    "\U0001f4e5 Input: {i}\n\U0001f4e4 Output: {o}\n",
    "a) Input: {i}\nOutput: {o}",
    "Input ({n}): {i}\nOutput ({n}): {o}",
    "Step {n}:\nInput: {i}\nOutput: {o}\n",
    "<<INPUT>> {i}\n<<OUTPUT>> {o}\n",
    "<li><b>Input:</b> {i}<br><b>Output:</b> {o}</li>",
    "<p><strong>Input:</strong> {i}</p>\n<p><strong>Output:</strong> {o}</p>",
    "<tr><td>{i}</td><td>{o}</td></tr>",
    "\\item Input: {i}\n\nOutput: {o}",
)


def test_pairs_behind_further_markers_and_in_markup_are_read_and_never_run_into_each_other() -> (
    None
):
    around = {
        "<li>": ("<ol>\n", "\n</ol>"),
        "<tr>": ("<table><tr><th>Input</th><th>Output</th></tr>", "</table>"),
        "\\ite": ("\\begin{enumerate}\n", "\n\\end{enumerate}"),
    }
    stage = instance_stage("default", "input_first")
    for form in FURTHER_FORMS:
        rows = [
            form.format(n=n, i=one[0], o=one[1], roman="I" * n)
            for n, one in enumerate((FIRST, SECOND), start=1)
        ]
        before, after = around.get(form[:4], ("", ""))
        for opening in ("", "Sure! Here are two examples:\n\n"):
            text = opening + before + "\n".join(rows) + after
            read = stage.parse(reply(text), INSTRUCTION, asking().options)
            assert pairs(read) == [FIRST, SECOND], text


def test_an_output_in_html_stays_as_it_is() -> None:
    text = "Input: two fruits\nOutput:\n<ul>\n<li>Apple</li>\n<li>Pear</li>\n</ul>"
    read = instance_stage("default", "input_first").parse(
        reply(text), "Write the list in HTML.", asking().options
    )
    assert pairs(read) == [("two fruits", "<ul>\n<li>Apple</li>\n<li>Pear</li>\n</ul>")]
