"""Thoughts, forms of instances, and labels: the data set is that of a model without them."""

import json
from collections.abc import Sequence

import pytest

from app.llm.scripted.behaviours.bodies import content_parts, reasons, thinking_part
from app.llm.scripted.behaviours.combine import Behaviour, on
from app.llm.scripted.behaviours.wordings import (
    instances,
    labels,
    lists,
    needs_long_limit,
    says,
    thinks,
)
from tests.bench import OpenBench
from tests.integration.endpoints.runs import PLAIN, grown

Pairs = Sequence[tuple[str, str]]


def _json_object(items: Sequence[str]) -> str:
    return json.dumps({"instructions": list(items)})


def _trailing_commas(pairs: Pairs) -> str:
    rows = [f'{{"input": {json.dumps(i)}, "output": {json.dumps(o)},}},' for i, o in pairs]
    return f'{{"instances": [{"".join(rows)}],}}'


def _input_output(pairs: Pairs) -> str:
    return "\n\n".join(f"Input: {given}\nOutput: {output}" for given, output in pairs)


def _headings(pairs: Pairs) -> str:
    return "\n\n".join(f"### Input\n{given}\n\n### Output\n{output}" for given, output in pairs)


def _last_tag_unclosed(pairs: Pairs) -> str:
    text = "\n".join(f"<input>{i}</input>\n<output>{o}</output>" for i, o in pairs)
    return text.removesuffix("</output>")


HABITS: dict[str, tuple[Behaviour, ...]] = {
    "think_in_content": (*PLAIN, thinks()),
    "think_restates_schema": (*PLAIN, lists(_json_object), thinks()),
    "content_as_parts": (*PLAIN, content_parts(thinking_part)),
    "reasoning_beside_content": (*PLAIN, reasons()),
    "classify_budget_4_tokens": (*PLAIN, needs_long_limit(180)),
    "json_trailing_commas": (*PLAIN, on(("input_first",), instances(_trailing_commas))),
    "instances_as_Input_Output": (*PLAIN, on(("input_first",), instances(_input_output))),
    "instances_last_tag_unclosed": (*PLAIN, on(("input_first",), instances(_last_tag_unclosed))),
    "instances_under_headings": (*PLAIN, on(("input_first",), instances(_headings))),
    "classify_answer_prefix": (*PLAIN, labels("Answer: {}".format)),
    "classify_sentence": (*PLAIN, labels("The answer is **{}**".format)),
}


@pytest.fixture(scope="module")
def plain_rows() -> dict[str, str]:
    """The rows of a plain model, once they are known."""
    return {}


@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_of_the_model_changes_no_row(
    open_bench: OpenBench, plain_rows: dict[str, str], habit: str
) -> None:
    if not plain_rows:
        seen, plain_rows["all"] = grown(open_bench, *PLAIN)
        assert seen.funnel.unknown == 0
    seen, rows = grown(open_bench, *HABITS[habit])
    assert (seen.status, seen.end_reason) == ("succeeded", "target_met")
    assert seen.funnel.unknown == 0
    assert rows == plain_rows["all"]


def test_a_filter_drops_outputs_in_a_loop(open_bench: OpenBench) -> None:
    loop = "<input></input>\n<output>" + "the " * 1600 + "</output>"
    looping = on(("input_first",), says(lambda _text: loop))
    seen, rows = grown(open_bench, *PLAIN, looping, filters=("default",), dry_after=4)
    assert "the the the" not in rows
    assert "repeated_text" in seen.funnel.instances_rejected
