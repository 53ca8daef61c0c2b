"""Hints for the columns of other people's files: one for each usual name."""

import json

import pytest

from app.formats.foreign.column_hints import columns_hint


def hinted(*columns: str) -> dict[str, str | None]:
    """Return the mapping that is advised; empty: none."""
    hint = columns_hint(set(columns))
    if not hint:
        return {}
    mapping: dict[str, str | None] = json.loads(hint.split("'", 1)[1].removesuffix("'"))
    return mapping


ASKED = (
    *("prompt", "question", "query", "problem", "task", "user", "human", "request", "instructions"),
    *("user_prompt", "q", "input", "inputs", "input_text", "source", "text"),
)
ANSWERED = (
    *("response", "answer", "completion", "target", "solution", "reply", "assistant", "gpt", "bot"),
    *("model_answer", "chosen_response", "generation", "outputs", "label_text", "targets"),
    *("answers", "output_text", "a"),
)


@pytest.mark.parametrize("name", ASKED)
def test_a_usual_name_of_the_instruction_is_known(name: str) -> None:
    assert hinted(name, "output", "id") == {"instruction": name, "input": None}
    assert hinted(name.upper(), "output") == {"instruction": name.upper(), "input": None}


@pytest.mark.parametrize("name", ANSWERED)
def test_a_usual_name_of_the_output_is_known(name: str) -> None:
    assert hinted("instruction", f" {name} ", "id") == {"output": f" {name} ", "input": None}


def test_the_more_telling_name_is_taken() -> None:
    both = {"instruction": "question", "output": "answer", "input": None}
    assert hinted("question", "text", "source", "answer", "targets") == both


def test_the_input_and_the_system_message_are_found_too() -> None:
    assert hinted("q", "input", "a") == {"instruction": "q", "output": "a"}
    for name in ("context", "passage"):
        found = {"instruction": "q", "output": "a", "input": name}
        assert hinted("q", name, "a") == found
        assert hinted("q", name, "a", "system") == found
        for system in ("system_prompt", "system_message"):
            assert hinted("q", name, "a", system) == found | {"system": system}


@pytest.mark.parametrize(
    "columns",
    [("instruction", "input", "output"), ("question",), ("answer",), ("text",), ("x", "y"), ()],
)
def test_without_a_pair_or_with_alpacas_own_names_there_is_no_hint(
    columns: tuple[str, ...],
) -> None:
    assert hinted(*columns) == {}
