"""Stage 1 as the paper's code runs it: what the prompt shows, and how a reply is read."""

import pytest

from app.pipeline.demonstrations import Demonstration
from app.pipeline.paper.generate import STAGE
from app.pipeline.types import TextPrompt
from tests.unit.pipeline.making import asking, candidates, dropped, reply, texts


def read(text: str, finish_reason: str = "stop") -> list[str]:
    return texts(candidates("paper", reply(text, finish_reason)))


def prompt_for(*instructions: str) -> str:
    shown = [Demonstration(instruction) for instruction in instructions]
    prompt = STAGE.build_request(shown, asking(profile="paper")).prompt
    assert isinstance(prompt, TextPrompt)
    return prompt.text


def test_eight_instructions_are_numbered_and_the_prompt_ends_with_the_ninth_number() -> None:
    shown = [f"Task {letter} here." for letter in "ABCDEFGH"]

    prompt = prompt_for(*shown)

    assert prompt.endswith(
        "\n1. Task A here.\n2. Task B here.\n3. Task C here.\n4. Task D here."
        "\n5. Task E here.\n6. Task F here.\n7. Task G here.\n8. Task H here.\n9."
    )


def test_fewer_instructions_end_with_the_number_after_the_last() -> None:
    assert prompt_for("Count.", "Add.").endswith("\n1. Count.\n2. Add.\n3.")


def test_white_space_in_a_shown_instruction_is_folded() -> None:
    assert "\n1. Count the vowels.\n2." in prompt_for(" Count\n\n the\tvowels. ")


def test_a_trailing_colon_of_a_shown_instruction_is_cut() -> None:
    assert "\n1. Count: the vowels\n2." in prompt_for("Count: the vowels:")


def test_a_reply_cut_off_by_length_is_dropped_whole() -> None:
    found = candidates("paper", reply(" Count the vowels.\n10. Name a river.\n11. Li", "length"))

    assert texts(found) == []
    assert dropped(found) == ["cut_off"]
    assert found.items[0].text == " Count the vowels.\n10. Name a river.\n11. Li"


@pytest.mark.parametrize("finish_reason", ["stop", "content_filter", "end_turn", ""])
def test_a_reply_that_ends_otherwise_is_read(finish_reason: str) -> None:
    assert read(" Count the vowels.", finish_reason) == ["Count the vowels."]


@pytest.mark.parametrize("mark", ["\n10. ", "\n10 . ", "\n7. ", "\n12345. "])
def test_a_reply_is_split_at_newline_number_dot_space(mark: str) -> None:
    assert read(f" Count vowels.{mark}Name rivers.") == [
        "Count vowels.",
        "Name rivers.",
    ]


@pytest.mark.parametrize("no_mark", [" 10. ", "\n10.", "\n10) ", "\n 10. ", "\n10  . ", "\n. "])
def test_a_reply_is_split_at_nothing_else(no_mark: str) -> None:
    assert len(read(f" Count vowels.{no_mark}Name rivers.")) == 1


def test_white_space_of_a_candidate_is_folded() -> None:
    assert read("\tCount\n the \u00a0vowels.\n\n") == ["Count the vowels."]


def test_candidates_are_capitalized_even_where_that_is_a_known_fault() -> None:
    assert read(" name three NASA missions.") == ["Name three nasa missions."]


def test_an_empty_reply_is_one_empty_candidate_for_the_screening_to_count() -> None:
    assert read("") == [""]
