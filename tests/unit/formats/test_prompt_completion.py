"""Prompts and completions, and the encodings of Self-Instruct (section 3.2 and its code)."""

import json
from collections import Counter

import pytest

from app.dataset_row import Record
from app.formats.formats import FORMATS
from app.formats.prompt_completion import PromptCompletionOptions, encoded
from tests.unit.formats.making import CHATS, GOLDEN, as_bytes, read

PAIRS = FORMATS["prompt_completion"]
# The facts of the original's table, filled with I, N and O.
WITH_INPUT = {
    ("I\nInput: N\nOutput:", " O"),
    ("I\n\nInput: N\n\nOutput:", " O"),
    ("Task: I\nInput: N\nOutput:", " O"),
    ("I\n\nN\n\nOutput:", " O"),
    ("I\n\nN\n\n", "O"),
    ("I\nN\n\n", "O"),
    ("Task: I\n\nN\n\n", "O"),
}
WITHOUT_INPUT = {
    ("I Output:", " O"),
    ("I\nOutput:", " O"),
    ("I\n\nOutput:", " O"),
    ("I\n", "O"),
    ("I\n\n", "O"),
    ("Task: I\n\n", "O"),
}


@pytest.mark.parametrize(
    ("record", "templates"),
    [(Record("I", "O", "N"), WITH_INPUT), (Record("I", "O"), WITHOUT_INPUT)],
    ids=["with input", "without"],
)
def test_every_encoding_is_drawn_about_as_often_as_any_other(
    record: Record, templates: set[tuple[str, str]]
) -> None:
    drawn = Counter(encoded(record, position, 7) for position in range(7_000))

    assert set(drawn) == templates
    assert min(drawn.values()) > 850


def test_the_same_seed_draws_the_same_and_another_seed_another() -> None:
    records = [Record(f"i{n}", "o") for n in range(50)]
    first, again, other = (
        as_bytes(PAIRS, records, PromptCompletionOptions(templates=True, random_seed=seed))
        for seed in (1, 1, 2)
    )

    assert first == again
    assert first != other


@pytest.mark.parametrize("position", range(40))
def test_texts_are_not_touched_whatever_stands_in_them(position: int) -> None:
    record = Record("Read {input}: the clock", "It is 10:30", "Time: 10:30 {output}")
    prompt, completion = encoded(record, position, 0)

    assert "Read {input}: the clock" in prompt
    assert "Time: 10:30 {output}" in prompt
    assert completion.removeprefix(" ") == "It is 10:30"


def test_the_end_of_the_text_is_left_to_the_trainer() -> None:
    for templates in (False, True):
        text = as_bytes(PAIRS, GOLDEN, PromptCompletionOptions(templates=templates)).decode()
        rows = [json.loads(line) for line in text.splitlines()]
        assert [set(row) for row in rows] == [{"prompt", "completion"}] * len(GOLDEN)
        for row, record in zip(rows, GOLDEN, strict=True):
            assert row["completion"] in (record.output, " " + record.output)


def test_a_prompt_is_read_as_an_instruction() -> None:
    data = b'{"prompt": "p", "completion": "c", "input": "no", "instruction": "no"}\n'
    assert read(PAIRS, data) == [Record("p", "c")]


def test_a_chat_does_not_fit() -> None:
    assert PAIRS.lost(CHATS[0]) == ["system", "history"]
