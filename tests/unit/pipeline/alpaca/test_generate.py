"""Alpaca's single stage: what the prompt shows, and how a reply is read."""

import pytest

from app.pipeline.alpaca.generate import STAGE
from app.pipeline.demonstrations import Demonstration
from app.pipeline.types import Candidate, Instance, TextPrompt
from tests.unit.pipeline.making import alone, asking, candidates, dropped, reply, texts

FIRST = " Count the vowels.\n4. Input:\nbanana\n4. Output:\n3"
SECOND = "\n###\n5. Instruction: Name a river.\n5. Input:\n<noinput>\n5. Output:\nThe Nile"


def prompt_for(*shown: Demonstration) -> str:
    prompt = STAGE.build_request(shown, asking(profile="alpaca")).prompt
    assert isinstance(prompt, TextPrompt)
    return prompt.text


def test_each_task_is_shown_with_instruction_input_and_output() -> None:
    prompt = prompt_for(
        Demonstration("Count the\n vowels:", Instance("banana", "3")),
        Demonstration("Name a river.", Instance("", "The Nile")),
        Demonstration("Add.", Instance("1 and 2", "3")),
    )

    assert prompt.endswith(
        "\n###\n1. Instruction: Count the vowels\n1. Input:\nbanana\n1. Output:\n3"
        "\n###\n2. Instruction: Name a river.\n2. Input:\n<noinput>\n2. Output:\nThe Nile"
        "\n###\n3. Instruction: Add.\n3. Input:\n1 and 2\n3. Output:\n3"
        "\n###\n4. Instruction:"
    )


def test_twenty_tasks_are_asked_for() -> None:
    assert "20 tasks" in prompt_for(Demonstration("Add.", Instance("1 and 2", "3")))


def test_a_reply_is_read_block_by_block_with_its_instances() -> None:
    read = candidates("alpaca", reply(FIRST + SECOND))

    assert read.items == (
        Candidate("Count the vowels.", alone("banana", "3")),
        Candidate("Name a river.", alone("", "The Nile")),
    )


@pytest.mark.parametrize("spelling", ["<noinput>", "<NoInput>", " <noinput> \n"])
def test_noinput_is_an_empty_input(spelling: str) -> None:
    read = candidates(
        "alpaca", reply(f" Name a river.\n4. Input:\n{spelling}\n4. Output:\nThe Nile")
    )

    assert read.items == (Candidate("Name a river.", alone("", "The Nile")),)


def test_an_instruction_keeps_its_case() -> None:
    read = candidates("alpaca", reply(" name NASA missions.\n4. Input:\nx\n4. Output:\nApollo"))

    assert texts(read) == ["name NASA missions."]


def test_a_block_cut_off_by_length_is_dropped_and_those_before_it_stay() -> None:
    read = candidates("alpaca", reply(FIRST + SECOND, "length"))

    assert texts(read) == ["Count the vowels."]
    assert dropped(read) == ["cut_off"]


def test_a_block_with_the_wrong_number_is_rejected() -> None:
    read = candidates("alpaca", reply(FIRST + SECOND.replace("5.", "7.")))

    assert texts(read) == ["Count the vowels."]
    assert dropped(read) == ["unreadable"]


@pytest.mark.parametrize(
    "block",
    [
        "",
        " Count the vowels.",
        " Count the vowels.\n4. Input:\nbanana",
        " Count the vowels.\n4. Output:\n3",
        " Count.\n4. Input:\nbanana\n4. Output:\n3\n4. Output:\n4",
        " Count.\n4 Input:\nbanana\n4 Output:\n3",
        " Count.\n4.Input:\nbanana\n4.Output:\n3",
    ],
)
def test_a_block_without_its_three_marks_is_rejected(block: str) -> None:
    read = candidates("alpaca", reply(block))

    assert (texts(read), dropped(read)) == ([], ["unreadable"])


def test_three_hashes_inside_an_output_break_their_block_which_is_a_known_fault() -> None:
    read = candidates("alpaca", reply(FIRST + "\n### Heading" + SECOND))

    assert texts(read) == ["Count the vowels."]
    assert dropped(read) == ["unreadable", "unreadable"]


def test_an_empty_output_is_rejected_unlike_in_the_published_data() -> None:
    read = candidates(
        "alpaca", reply(" Count the vowels.\n4. Input:\nbanana\n4. Output:\n " + SECOND)
    )

    assert texts(read) == ["Name a river."]
    assert dropped(read) == ["empty_output"]


@pytest.mark.parametrize(("shown", "first"), [(1, "2."), (2, "3."), (5, "6.")])
def test_the_first_task_is_due_the_number_that_the_prompt_ended_with(
    shown: int, first: str
) -> None:
    shifted = FIRST.replace("4.", first) + SECOND.replace("5.", f"{shown + 2}.")

    read = candidates("alpaca", reply(shifted), shown=shown)
    assert texts(read) == ["Count the vowels.", "Name a river."]


@pytest.mark.parametrize("begins_with", ["1.", "3.", "5.", "20."])
def test_a_reply_that_begins_with_another_number_than_4_is_lost_whole(begins_with: str) -> None:
    following = f"{int(begins_with[:-1]) + 1}."
    shifted = FIRST.replace("4.", begins_with) + SECOND.replace("5.", following)

    read = candidates("alpaca", reply(shifted))
    assert (texts(read), dropped(read)) == ([], ["unreadable", "unreadable"])


def test_a_number_in_the_text_is_no_mark() -> None:
    read = candidates(
        "alpaca", reply(" List 4. Then stop.\n4. Input:\n4. floor\n4. Output:\nIn 4. place")
    )

    assert read.items == (Candidate("List 4. Then stop.", alone("4. floor", "In 4. place")),)


def test_a_number_of_a_thousand_digits_is_no_mark_and_raises_nothing() -> None:
    read = candidates("alpaca", reply(f" Count.\n{'5' * 1000}. Input:\nx\n4. Output:\ny"))

    assert dropped(read) == ["unreadable"]
