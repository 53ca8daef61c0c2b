"""Lists of new tasks as models write them: each task is read, and nothing else."""

import json
from collections.abc import Iterator, Mapping, Sequence

import pytest

from app.llm.scripted.behaviours.combine import by_model, on, playing
from app.llm.scripted.behaviours.wordings import ListShape, cuts, lists, numbered, says, wrapped
from app.llm.scripted.server import ScriptedServer, scripted_server
from tests.integration.endpoints.stage_calls import candidates, read_tasks, rejected, tasks_of


def _titled(mark: str) -> ListShape:
    """Return a numbered list whose items have a title: their first two words."""
    return lambda items: "\n".join(
        mark.format(n=n, title=" ".join(item.split()[:2])) + item for n, item in enumerate(items, 1)
    )


def _with_remarks(items: Sequence[str]) -> str:
    return "\n".join(
        f"{n}. {item}\n"
        "   - Category: open generation, medium difficulty level\n"
        "   - Expected output: a short paragraph of about eighty words"
        for n, item in enumerate(items, 1)
    )


SHAPES: Mapping[str, ListShape] = {
    "list_title_bold": _titled("{n}. **{title}**: "),
    "list_chatty_tail": wrapped("", "\n\nLet me know if you'd like more tasks!"),
    "list_sub_bullets": _with_remarks,
    "list_dunhao": numbered("{n}、"),
    "list_nbsp": numbered("{n}.\N{NO-BREAK SPACE}"),
    "list_ideographic_space": numbered("{n}.\N{IDEOGRAPHIC SPACE}"),
    "list_round": numbered("({n}) "),
    "list_heading_number": numbered("### {n}. "),
    "list_no_space": numbered("{n}."),
    "list_no_numbers": numbered(""),
    "list_blank_lines": numbered("", between="\n\n"),
    "list_instruction_n": numbered("Instruction {n}: "),
    "list_n_dash": numbered("{n} - "),
    "list_endash": numbered("\N{EN DASH} "),
    "list_number_own_line": numbered("{n}.\n"),
    "list_quote": numbered("> {n}. "),
    "list_tag": lambda items: "\n".join(f"<task>{item}</task>" for item in items),
    "number_sign": numbered("#{n} "),
    "number_word": numbered("No. {n}: "),
    "task_heading": numbered("### Task {n}\n", between="\n\n"),
    "letters": lambda items: "\n".join(f"{'abcdefgh'[n]}) {item}" for n, item in enumerate(items)),
    "chinese_label": numbered("任务{n}\N{FULLWIDTH COLON}"),
    "control_token": wrapped("Sure! Here are 8 new tasks:\n\n", "<|im_end|>"),
    "json_lines": lambda items: "\n".join(json.dumps({"instruction": item}) for item in items),
    "json_bare_array": lambda items: json.dumps(list(items)),
}
OWN_OPTIONS = (
    "1. Choose the best of these options for a dinner:\n"
    "- pizza with cheese\n- soup with bread\n"
    "2. Name two rivers in Italy please."
)
CUT = {"cut_other_words": "max_tokens", "cut_capitals": "MAX_TOKENS", "cut_mistral": "model_length",
       "cut_no_reason": None}  # fmt: skip


@pytest.fixture(scope="module")
def endpoint() -> Iterator[ScriptedServer]:
    """One endpoint with a model for each shape."""
    scripts = {name: playing(lists(shape)) for name, shape in SHAPES.items()}
    scripts |= {name: playing(lists(numbered("{n}. ")), cuts(word)) for name, word in CUT.items()}
    scripts["list_own_sublist"] = playing(on(("generate",), says(lambda _text: OWN_OPTIONS)))
    with scripted_server(by_model(scripts)) as server:
        yield server


@pytest.mark.parametrize("model", SHAPES)
def test_every_task_of_a_list_is_read_and_nothing_else(
    endpoint: ScriptedServer, model: str
) -> None:
    found = read_tasks(endpoint, model)
    wanted = tasks_of(endpoint.calls[-1])
    assert rejected(found) == []
    assert candidates(found) == wanted
    assert len(wanted) == 8


def test_the_options_of_a_task_stay_with_it(endpoint: ScriptedServer) -> None:
    found = candidates(read_tasks(endpoint, "list_own_sublist"))
    assert "Name two rivers in Italy please." in found
    for text in found:
        assert not text.startswith(("pizza", "soup"))
        if text.startswith("Choose the best"):
            assert "pizza with cheese" in text
            assert "soup with bread" in text


@pytest.mark.parametrize("model", CUT)
def test_the_last_task_of_a_reply_that_was_cut_off_is_rejected(
    endpoint: ScriptedServer, model: str
) -> None:
    found = read_tasks(endpoint, model)
    wanted = tasks_of(endpoint.calls[-1])
    (reason, text), *others = rejected(found)
    assert not others
    assert reason == "cut_off"
    whole = candidates(found)
    assert whole == wanted[: len(whole)]
    assert wanted[len(whole)].startswith(text)
