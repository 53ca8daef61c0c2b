"""Thoughts and control tokens are no part of an answer, wherever a chat template puts them."""

import pytest

from app.dataset_row import Record
from app.evaluation.judge import read_judgement
from app.pipeline.replies.final_answer import final_answer
from tests.unit.pipeline.making import (
    asking,
    candidates,
    instance_stage,
    label,
    pairs,
    reply,
    review_stage,
    texts,
)

ANALYSIS = "<|channel|>analysis<|message|>"
FINAL_JSON = "<|channel|>final <|constrain|>json<|message|>"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Four.", "Four."),
        ("", ""),
        ("<think>2 + 2 ...</think>Four.", "Four."),
        ("<think>\n\n</think>\n\nNo", "No"),
        ("<THINK>a</THINK>A", "A"),
        ("<think>a</think>\n<think>b</think>\nA", "A"),
        ("<thinking>a</thinking>\n<reflection>b</reflection>\nA", "A"),
        ("[THINK]x[/THINK]A", "A"),
        ("◁think▷x◁/think▷A", "A"),
        ("<seed:think>x<seed:cot_budget_reflect>y</seed:cot_budget_reflect></seed:think>A", "A"),
        ("<|START_THINKING|>x<|END_THINKING|><|START_RESPONSE|>A<|END_RESPONSE|>", "A"),
        ("<|begin_of_thought|>x<|end_of_thought|><|begin_of_solution|>A<|end_of_solution|>", "A"),
        ("<|inner_prefix|>x<|inner_suffix|>A<|assistant_end|>", "A"),
        ("<|channel>thought\nx<channel|>A<turn|>", "A"),
        ("<\uff5cbegin▁of▁thinking\uff5c>a<\uff5cend▁of▁thinking\uff5c>A", "A"),
        ("A<\uff5cend▁of▁sentence\uff5c>", "A"),
        ("Here is my thought process: x Here is my response: A", "A"),
        ("&lt;think&gt;x&lt;/think&gt;A", "A"),
        ("<think>x</think><answer>A</answer>", "A"),
        ("<unused94>thought\nx<unused95>A", "A"),
        ("<unused94>thought\nx", ""),
        ('<details type="reasoning" done="true">\n<summary>x</summary>\n> y\n</details>\nA', "A"),
        ("Thinking...\nx\n...done thinking.\n\nA", "A"),
        ("\ufeff<think>x</think>A", "A"),
        ("Assistant: <think>x</think>A", "A"),
        ("<think>x</think>A</think>", "A"),
        ("<cot>x</cot>A", "A"),
        ("<thinking_process>x</thinking_process>A", "A"),
        ("[thinking]x[/thinking]A", "A"),
        ("[REASONING]\nx\n[/REASONING]\nA", "A"),
        ("<internal_monologue>x</internal_monologue>A", "A"),
        ("<chain-of-thought>x</chain-of-thought>A", "A"),
        ("<think/>A", "A"),
        ("```thinking\nx\n```\n\nA", "A"),
        ("```reasoning\nx", ""),
        ("\\<think>x\\</think>A", "A"),
        ("<ant_thinking>x</ant_thinking>A", "A"),
        ("<longcat_think>x</longcat_think>A", "A"),
        ("<mm:think>x</mm:think>A", "A"),
        ("<think_fast>x</think_fast>A", "A"),
        ("<|thought_begin|>x<|thought_end|>A", "A"),
        ("<|reasoning_start|>x<|reasoning_end|>A", "A"),
        ("<ctrl94>thought\nx<ctrl95>A", "A"),
        ("<\u601d\u8003>x</\u601d\u8003>A", "A"),
        ("<design_thinking>x</design_thinking>", "<design_thinking>x</design_thinking>"),
        ("[Thinking] of a story", "[Thinking] of a story"),
        ("<details>\nA\n</details>", "<details>\nA\n</details>"),
        ("Thinking...\nA", "Thinking...\nA"),
    ],
)  # fmt: skip
def test_what_follows_the_thoughts_is_the_answer(text: str, answer: str) -> None:
    assert final_answer(text).strip() == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("2 + 2 ...\n</think>\nFour.", "Four."),
        ("so no </think>\nNo", "No"),
        ("thoughts </think> No", "No"),
        ("Hmm, it asks to write.</think>No", "No"),
        ("Okay <b>so</b>\n[/THINK]\nA", "A"),
        ("Okay.\n</think>\n\nWait.\n</think>\nA", "A"),
        ('I need {"instructions": ["..."]} here </think>{"instructions": ["a"]}',
         '{"instructions": ["a"]}'),
    ],
)  # fmt: skip
def test_a_lone_closing_tag_ends_thoughts_whose_beginning_is_in_the_prompt(
    text: str, answer: str
) -> None:
    assert final_answer(text).strip() == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>I write <think> then </think> then</think>\nA", "A"),
        ("<think>I write <think> then stop.</think>\nA", "A"),
        ('<think>the "</think>" tag.</think>\nA', "A"),
        ('<think>\nI need {"instructions": ["..."]}.\n</think>\n{"instructions": ["a"]}',
         '{"instructions": ["a"]}'),
        ("<think>First <input>, then <output>x</output>.</think><input>a</input>",
         "<input>a</input>"),
    ],
)  # fmt: skip
def test_thoughts_may_speak_of_tags_and_of_the_form(text: str, answer: str) -> None:
    assert final_answer(text).strip() == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("1. One task.\n<think>\nb\n</think>\n2. Two", "1. One task.\n\n2. Two"),
        ("Sure.\n<think>\n1. no\n</think>\n1. One", "Sure.\n\n1. One"),
        ("1. One task. <think>Fine so far.</think>\n2. Two", "1. One task. \n2. Two"),
        ("1. One task.\n<think>\nNow 2. foo", "1. One task."),
    ],
)
def test_thoughts_between_the_parts_of_an_answer_are_taken_out(text: str, answer: str) -> None:
    assert final_answer(text).strip() == answer


@pytest.mark.parametrize(
    "text", ["<think>2 + 2 and so on", "<|channel|>analysis<|message|>x", "analysisWe need to.",
             "[THINK]x", "Here is my thought process: x"]
)  # fmt: skip
def test_thoughts_that_never_end_are_no_answer(text: str) -> None:
    assert final_answer(text) == ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (f"{ANALYSIS}x<|end|><|start|>assistant<|channel|>final<|message|>A<|return|>", "A"),
        (f"<|start|>assistant{ANALYSIS}x<|end|><|start|>assistant{FINAL_JSON}{{}}<|return|>", "{}"),
        ("analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>A", "A"),
        ("I think so.<|end|><|start|>assistant<|channel|>final<|message|>A", "A"),
        ("<|channel|>final<|message|>A<|return|>", "A"),
        ("analysisWe need a number.assistantfinalfour", "four"),
        ("finalYes", "Yes"),
        ("<|begin|>assistant<|think|>a<|end|><|begin|>assistant<|content|>A<|end|>", "A"),
    ],
)  # fmt: skip
def test_of_channels_the_final_one_is_the_answer(text: str, answer: str) -> None:
    assert final_answer(text).strip() == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<|im_start|>assistant\n<think>x</think>A<|im_end|>", "A"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>", "A"),
        ("assistant\n\n1. A", "1. A"),
        ("[/INST] A </s>", "A"),
        ("A<|endoftext|>", "A"),
        ("A<end_of_turn>\n<start_of_turn>user\nhi", "A"),
        ("A<|im_end|>\n<|im_start|>user\nThanks<|im_end|>", "A"),
    ],
)
def test_control_tokens_at_the_edges_are_no_part_of_the_answer(text: str, answer: str) -> None:
    assert final_answer(text).strip() == answer


@pytest.mark.parametrize(
    "text",
    [
        "Write <think> and </think>.",
        "The tag </think> ends it.",
        "1. Explain what is meant by </think>\n2. Name two rivers.",
        "1. Explain the tags `<think>` and `</think>` to me.\n2. Name two rivers.",
        "1. Explain this:\n<think>\nfoo\n</think>\n2. Name two rivers.",
        "```xml\n<think>a</think>\n```\nThat is how it looks.",
        "<input></input><output>Use <think> to begin and </think> to end.</output>",
        "Explain what <|im_end|> means.",
        "Analysis of the poem: good.",
        "analysis is fun",
        "finally it is",
        "<s>old</s> new",
        "new <s>old</s>",
    ],
)
def test_an_answer_about_such_tags_stays_whole(text: str) -> None:
    assert final_answer(text) == text


def test_tags_that_the_request_speaks_of_stay_in_the_answer() -> None:
    text = "This is how:\n\n<think>\nHmm.\n</think>\n\nDone."

    assert final_answer(text, about="Show me how a model uses <think>.") == text
    assert final_answer("<think>\nHmm.\n</think>\nDone.", about="Use <think>.").strip() == "Done."


@pytest.mark.parametrize("piece", ["<think>", "</think>", "<think>a", "\n</think>", "<|channel|>"])
def test_a_megabyte_of_tags_is_read(piece: str) -> None:
    assert len(final_answer(f"x {piece * (1_000_000 // len(piece))}")) <= 1_000_003


def test_no_reader_takes_a_thought_for_an_answer() -> None:
    row, instruction = Record("2 + 2?", "5"), "Name the colour."
    thought = (
        '<think>1. No. {"score": 5} <output>x</output> {"verdict": "first"} Yes or Task: no</think>'
    )
    judged = review_stage("judge").parse(
        reply(f'{thought}{{"reason": "", "score": 2}}'), row, asking(profile="judge").options
    )
    answered = review_stage("re_answer").parse(
        reply(f"{thought}\n4"), row, asking(profile="re_answer").options
    )
    made = instance_stage("default", "input_first").parse(
        reply(f"{thought}<input>sky</input><output>blue</output>"), instruction, asking().options
    )

    assert judged.output is None
    assert judged.is_readable
    assert answered.output == "4"
    assert pairs(made) == [("sky", "blue")]
    assert texts(candidates("default", reply(f"{thought}\n1. Name a river."))) == ["Name a river."]
    assert label("default", reply(f"{thought}No")).is_classification is False
    assert read_judgement("a", "base_first", reply(f"{thought}Verdict: tie")).verdict == "tie"


def test_a_reply_of_thoughts_alone_is_unreadable_and_kept_as_it_came() -> None:
    text = "<think>1. Name a river.\n2. Name a city."
    (item,) = candidates("default", reply(text)).items

    assert (item.text, getattr(item, "reason", None)) == (text, "unreadable")
