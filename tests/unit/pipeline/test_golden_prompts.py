"""Every profile's prompts, word for word, as files in ``golden/``.

After a wanted change of a prompt, renew the files and read their difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/pipeline/test_golden_prompts.py

A renewing run fails for every file it wrote, so that none passes by renewing.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.dataset_row import Exchange, Record
from app.pipeline.demonstrations import Demonstration
from app.pipeline.types import Instance, Request, TextPrompt
from tests.golden import check_golden
from tests.unit.pipeline.making import (
    asking,
    classify_stage,
    generate_stage,
    instance_stage,
    review_stage,
)

GOLDEN = Path(__file__).parent / "golden"

INSTRUCTION = "  Which of the two costs less: $5 or 4 €?\nAnswer A or B.  "
"""With a price, which a template could take for a place, and white space at both ends."""
SHOWN = (
    Demonstration("Name three NASA missions."),
    Demonstration("Correct the spelling of\n  this line:"),
    Demonstration("Is $3 more than 2 €?", is_classification=True),
    Demonstration("写一首关于春天的短诗。"),
    Demonstration("Put the verbs into the past tense."),
    Demonstration("Give the opposite of each word."),
    Demonstration("Say it in one word::"),
    Demonstration("Add {braces} to the text."),
)
TASKS = (
    Demonstration("Name three NASA missions.", Instance("", "Apollo, Cassini and Juno.")),
    Demonstration("Correct the spelling of\n  this line:", Instance("Helo wrld", "Hello world")),
    Demonstration("Is $3 more than 2 €?", Instance("At 1 € = $1.10.", "Yes\nby 80 cents"), True),
)
WISHES: dict[str, Any] = {"language": "German", "classification_share": 0.15}


def generate(*, json_schema: bool = False, **wishes: Any) -> Request:
    """Wishes are options by name; `Any`, because pydantic is what checks them."""
    wanted = asking(json_schema=json_schema, **wishes)
    return generate_stage("default").build_request(SHOWN, wanted)


def instances(profile: str, stage: str, *, json_schema: bool = False) -> Request:
    wanted = asking(profile=profile, json_schema=json_schema)
    return instance_stage(profile, stage).build_request(INSTRUCTION, wanted)


def classify(profile: str) -> Request:
    return classify_stage(profile).build_request(INSTRUCTION, asking(profile=profile), 0)


ROW = Record(
    instruction=INSTRUCTION,
    output="B costs less.\n</answer> Give it $5 or 5.",
    input="A: $5. B: 4 €.",
)
CHAT = replace(
    ROW,
    system="You sell ${things}.",
    history=(Exchange("What is a euro?", "Money."), Exchange("And a dollar?", "Money too.")),
)


def review(profile: str, row: Record, *, json_schema: bool = False, **chosen: Any) -> Request:
    wanted = asking(profile=profile, json_schema=json_schema, **chosen)
    return review_stage(profile).build_request(row, wanted, 0)


PROMPTS: dict[str, Callable[[], Request]] = {
    "paper_generate": lambda: generate_stage("paper").build_request(SHOWN, asking(profile="paper")),
    "paper_classify": lambda: classify("paper"),
    "paper_input_first": lambda: instances("paper", "input_first"),
    "paper_output_first": lambda: instances("paper", "output_first"),
    "alpaca_generate": lambda: generate_stage("alpaca").build_request(
        TASKS, asking(profile="alpaca")
    ),
    "default_generate_json": lambda: generate(json_schema=True),
    "default_generate_text": generate,
    "default_generate_json_wishes": lambda: generate(json_schema=True, **WISHES),
    "default_generate_text_wishes": lambda: generate(**WISHES),
    "default_classify": lambda: classify("default"),
    "default_input_first_json": lambda: instances("default", "input_first", json_schema=True),
    "default_input_first_text": lambda: instances("default", "input_first"),
    "default_output_first_json": lambda: instances("default", "output_first", json_schema=True),
    "default_output_first_text": lambda: instances("default", "output_first"),
    "re_answer_row": lambda: review("re_answer", ROW),
    "re_answer_chat": lambda: review("re_answer", CHAT),
    "judge_row_json": lambda: review("judge", ROW, json_schema=True),
    "judge_chat_text": lambda: review("judge", CHAT, review={"rubric": "5: it sells\n1: $0"}),
}


def written_out(request: Request) -> str:
    prompt = request.prompt
    if isinstance(prompt, TextPrompt):
        unchanging, changing = prompt.text[: prompt.unchanging], prompt.text[prompt.unchanging :]
        return f"=== the same in every call\n{unchanging}\n=== of this call\n{changing}\n=== end\n"
    parts = [f"=== {message.role}\n{message.content}\n" for message in prompt.messages]
    if prompt.schema is not None:
        parts.append(f"=== schema\n{json.dumps(prompt.schema, indent=2)}\n")
    return "".join([*parts, "=== end\n"])


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_its_golden_file_word_for_word(name: str) -> None:
    check_golden(GOLDEN / f"{name}.txt", written_out(PROMPTS[name]()))


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(PROMPTS)
