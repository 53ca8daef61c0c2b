"""A row answered again: what the model is shown, and which answers replace the old one."""

import pytest

from app.dataset_row import Exchange, Record
from app.pipeline.types import ChatPrompt, Completion, Message
from tests.unit.pipeline.making import asking, reply, review_stage

ROW = Record("Put the sentence into the past tense.", "I go.", "I go home.")
STAGE = review_stage("re_answer")


def messages(row: Record) -> tuple[Message, ...]:
    prompt = STAGE.build_request(row, asking(profile="re_answer"), 0).prompt
    assert isinstance(prompt, ChatPrompt)
    return prompt.messages


def read(completion: Completion) -> tuple[str | None, str | None]:
    found = STAGE.parse(completion, ROW, asking(profile="re_answer").options)
    assert found.is_readable
    return found.output, found.rejected.reason if found.rejected else None


def test_the_old_answer_is_not_shown() -> None:
    assert ROW.output not in {message.content for message in messages(ROW)}


def test_instruction_and_input_are_asked_as_one_turn() -> None:
    assert messages(ROW)[-1] == Message(
        "user", "Put the sentence into the past tense.\n\nI go home."
    )


def test_a_row_with_turns_is_answered_as_the_chat_that_it_is() -> None:
    row = Record("And in German?", "a", system="Be brief.", history=(Exchange("Hello!", "Hi."),))

    assert messages(row) == (
        Message("system", "Be brief."),
        Message("user", "Hello!"),
        Message("assistant", "Hi."),
        Message("user", "And in German?"),
    )


def test_a_persons_sampling_goes_over_ours() -> None:
    wanted = asking(profile="re_answer", sampling={"review": {"max_tokens": 77}})

    parameters = STAGE.build_request(ROW, wanted, 0).parameters

    assert (parameters.max_tokens, parameters.temperature) == (77, 0.0)


def test_the_reply_is_the_new_output_without_white_space_around_it() -> None:
    assert read(reply("\n I went home.\n")) == ("I went home.", None)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (reply("I went ho", "length"), "cut_off"),
        (reply(""), "empty_output"),
        (reply(" \n\x00"), "empty_output"),
        (reply("I go home."), "echoes_input"),
        (reply("Put the sentence into the past tense."), "echoes_instruction"),
        (reply("Put the sentence into the past tense.\n\nI go home."), "echoes_instruction"),
        (reply("Here it is in the past tense:"), "ends_with_colon"),
    ],
)
def test_an_answer_that_is_none_is_rejected_with_its_reason(
    completion: Completion, reason: str
) -> None:
    assert read(completion) == (None, reason)


def test_a_row_without_input_may_be_answered_with_anything() -> None:
    found = STAGE.parse(reply("4"), Record("2 + 2?", "5"), asking(profile="re_answer").options)

    assert found.output == "4"
